"""Whether an address or an argument carries something of the conversation it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple
from urllib.parse import unquote_plus

from guardrails.checks.copies import Texts, fold
from guardrails.checks.decoded import blobs, joined, turned
from guardrails.checks.surroundings import Surroundings, Values

_OPAQUE = re.compile(r"[A-Za-z0-9]{24,}")
_AUTHORITY = re.compile(r"(?:[a-zA-Z]+:)?[/\\]*([^/\\?#]*)")
_QUERY = re.compile("[?#;]")
_SEPARATORS = re.compile("[/=&?#;]")
_SIGNS = re.compile("[/=&?_#:-]")
_SHORTEST = 8
_WORTH = re.compile(r"@|[0-9](?:[^0-9]{0,2}[0-9]){6}|[\w-]{16}")
"""What all personal data and credentials have that are looked for in decoded text."""
_BOUNDARY = re.compile(r"[/?&=#.:@;,+]")


class Evidence(NamedTuple):
    """The parts of an address that nobody in the conversation wrote."""

    host: str
    path: str
    query: str


class Carried:
    """Says whether a string carries something of the conversation."""

    def __init__(self, known: Surroundings, values: Values, least: int) -> None:
        self.known, self._values, self._least = known, values, least

    def loaded(self, parts: Evidence) -> bool:
        """Whether an address that is loaded by itself carries anything."""
        every, least = self.known.every, self._least
        if every.copied(parts.query, least) or len(every.copied(parts.path, least)) >= 1.5 * least:
            return True
        said = "".join(parts)
        if any(not every.hold(token) and _mixed(token) for token in _OPAQUE.findall(said)):
            return True
        return self._numbers(said) or self.clicked(parts)

    def clicked(self, parts: Evidence) -> bool:
        """Whether an address that somebody has to follow carries anything."""
        private, least = self.known.private, self._least
        if private.copied(parts.host, least) or len(private.copied(parts.query, least)) >= 1.5 * least:
            return True
        if len(private.copied(parts.path, least)) >= 2.5 * least:
            return True
        rest = f"{parts.path} {parts.query}"
        if len(self.known.every.copied(rest, least)) >= 4 * least:
            return True
        return any(self._holds_values(part) or self.hidden(part) for part in parts if part)

    def _holds_values(self, part: str) -> bool:
        every = self.known.every
        apart = _SEPARATORS.sub(" ", part)
        return any(self._values.known(text, every) for text in {part, apart})

    def hidden(self, text: str) -> bool:
        """Whether a part of an address says something of the conversation once it is decoded."""
        every, plain = self.known.every, fold(text)
        said = [each for part in {text, *text.split("/")} for _, _, each in blobs(part)]
        said += [*joined(_SIGNS.sub("", text)), *turned(text)]
        return any(self._tells(each, every, plain) for each in said)

    def encodes(self, text: str) -> Iterator[tuple[int, int]]:
        """Where a text says something of a source once it is decoded."""
        every, private = self.known.every, self.known.private
        if not private or len(text) < _SHORTEST or every.hold(text):
            return
        plain = fold(text)
        for start, end, said in blobs(text):
            if self._tells(said, private, plain) and not every.hold(text[start:end]):
                yield start, end
        whole = (*joined(text), *turned(text))
        if any(self._tells(said, private, plain) for said in whole):
            yield 0, len(text)

    def spread(self, parts: Sequence[str]) -> bool:
        """Whether some parts, one behind the other, say something of a source once they are decoded."""
        text, private = "".join(parts), self.known.private
        if not private or len(parts) < 2 or len(text) < _SHORTEST:
            return False
        plain = fold(text)
        said = (*(each for _, _, each in blobs(text)), *joined(text))
        return any(self._tells(each, private, plain) for each in said)

    def _tells(self, said: str, texts: Texts, plain: bytes) -> bool:
        """Whether what was decoded stands in some texts, and not in plain in what it was decoded from."""
        copied = texts.copied(said, self._least)
        if copied and copied not in plain:
            return True
        if not _WORTH.search(said):
            return False
        found = (fold(said[span.start : span.end]) for span in self._values.known(said, texts))
        return any(value not in plain for value in found)

    def _numbers(self, text: str) -> bool:
        folded = self.known.private.folded
        return any(number.encode() in folded for number in re.findall("[0-9]{9,}", text))


def _mixed(token: str) -> bool:
    """Whether a token is no word: its letters change between kinds as those of a code do."""
    kinds = ["0" if sign.isdigit() else "a" if sign.islower() else "A" for sign in token]
    return sum(one != other for one, other in pairwise(kinds)) * 5 >= len(token)


def unsaid(url: str, known: Surroundings) -> Evidence:
    """The parts of an address behind what somebody wrote of it, decoded."""
    said = known.every.known(url)
    while 0 < said < len(url) and not _BOUNDARY.match(url[said - 1]):
        said -= 1
    authority = _AUTHORITY.match(url)
    assert authority is not None
    last = authority.end(1)
    labels = authority[1].rpartition("@")
    host = f"{labels[0]} {'.'.join(labels[2].split('.')[:-2])}" if said < last else ""
    rest = max(said, last)
    query = _QUERY.search(url, last)
    cut = query.start() if query else len(url)
    path = url[rest:cut] if rest < cut else ""
    return Evidence(host.strip(), unquote_plus(path), unquote_plus(url[max(rest, cut) :]))
