"""Finds what of the system's instructions a reply or a tool call gives away: canary tokens, and long quotations."""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import islice
from urllib.parse import quote

from guardrails.check import Check, ConversationCheck, TextScanner, in_process
from guardrails.checks.surroundings import aside
from guardrails.conversation import Conversation, Outside
from guardrails.errors import CheckError
from guardrails.normalize import views
from guardrails.types import Segment, Span, Stage

TOKEN = "CANARY_TOKEN"  # noqa: S105  (the name of an entity)
QUOTED = "SYSTEM_PROMPT"

_SHORTEST = 6
"""Letters and digits that a token has at least."""
_LONGEST = 256
_FEWEST = 4
"""Words that a quotation has at least."""
_WORD = re.compile(r"[^\W_]+")
_LONG_WORD = 64
_GAP = 16
"""Characters between two words, or two characters of a token, beyond which nothing is a quotation."""
_SYSTEM, _USER = "system", "user"


@in_process()
def canary(tokens: Sequence[str] = (), min_words: int = 12, ignore: Sequence[str] = ()) -> Check:
    """A check for leaks of system messages.

    Args:
        tokens: strings that nothing but the system's instructions holds; found in any case, spaced out or encoded.
        min_words: consecutive words of a system message that are a leak; 0 looks for tokens only.
        ignore: phrases of the instructions that may be repeated.

    Raises CheckError naming the option that cannot be used.
    """
    for place, token in enumerate(tokens):
        if not _SHORTEST <= len(_plain(token)) <= _LONGEST:
            raise CheckError(
                f"canary: number {place + 1} of `tokens` has to have {_SHORTEST} to {_LONGEST} letters and digits."
            )
    if min_words and not _FEWEST <= min_words <= _LONG_WORD:
        raise CheckError(f"canary: `min_words` is 0, or from {_FEWEST} to {_LONG_WORD}.")
    if not tokens and not min_words:
        raise CheckError("canary: there is nothing to look for. Give `tokens`, or a `min_words` above 0.")
    return Canary(tokens, min_words, ignore)


class Canary(ConversationCheck):
    """Looks for tokens, and for quotations of the system messages of the conversation."""

    streams = True

    def __init__(self, tokens: Sequence[str], min_words: int, ignore: Sequence[str]) -> None:
        self._needles = _needles(tokens)
        self._min_words = min_words
        self._ignored = [_joined(phrase) for phrase in ignore if _joined(phrase).strip()]

    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        """Spans found in each segment; in its encoded forms too, as spans over the whole of it."""
        scanner = self.scanner(conversation)
        return await aside(
            lambda: [scanner.scan(each.text) or _hidden(scanner, each.text) for each in segments],
            segments,
            conversation,
        )

    def scanner(self, conversation: Conversation) -> Leaks:
        """The scanner for replies in that conversation."""
        quoted = Quotations(conversation, self._min_words, self._ignored) if self._min_words else None
        return Leaks(self._needles, quoted)


def _hidden(scanner: Leaks, text: str) -> list[Span]:
    for view in views(text):
        if found := scanner.scan(view.text):
            return [Span(0, len(text), found[0].entity)]
    return []


class Quotations:
    """Runs of words that only the system's messages have."""

    def __init__(self, conversation: Conversation, least: int, ignored: Sequence[str]) -> None:
        self._conversation, self.least, self._ignored = conversation, least, ignored

    def _of(self, channel: str) -> str:
        texts = dict.fromkeys(
            text.text
            for text in (*self._conversation.texts, *self._conversation.sent)
            if text.channel == channel and text.stage is not Stage.TOOL_DEFINITION
        )
        return "\n".join(map(_joined, texts))

    @cached_property
    def _system(self) -> str:
        words = self._of(_SYSTEM)
        for phrase in self._ignored:
            words = words.replace(phrase, "\n")
        return words

    @cached_property
    def _user(self) -> str:
        return self._of(_USER)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(self._system.split())

    def known(self, word: str) -> bool:
        """Whether the system's messages have that word."""
        return word in self._words

    def leak(self, words: Sequence[str]) -> bool:
        """Whether some words are a quotation that the user did not write as well."""
        run = f" {' '.join(words)} "
        return run in self._system and run not in self._user

    def begins(self, words: Sequence[str]) -> bool:
        """Whether some words, the last of which may not be whole, could begin or go on in a quotation."""
        return f" {' '.join(words)}" in self._system


class Leaks(TextScanner):
    """Finds tokens and quotations in a text, whole or growing."""

    def __init__(self, needles: Sequence[str], quoted: Quotations | None) -> None:
        self._needles, self._quoted = needles, quoted
        self._first = frozenset(needle[0] for needle in needles)
        self.context = 1

    def scan(self, text: str, start: int = 0) -> list[Span]:
        """Spans in text[start:], ordered by start."""
        found = self._tokens(text, start) if self._needles else []
        if self._quoted:
            found += self._quotations(self._quoted, _words(text, start))
        return sorted(found, key=lambda span: span.start) if len(found) > 1 else found

    def hold(self, text: str, start: int = 0) -> int:
        """Where a token or a quotation may have begun that the end of the text cuts."""
        cut = len(text)
        if self._needles:
            cut = self._token_begun(text, start)
        if self._quoted:
            cut = min(cut, self._quotation_begun(self._quoted, text, start))
        if cut < len(text):
            for span in reversed(self.scan(text, start)):
                if span.start < cut < span.end:
                    cut = span.start
        return max(start, cut)

    def _tokens(self, text: str, start: int) -> list[Span]:
        folded, places = _folded(text, start)
        found = []
        for needle in self._needles:
            at = folded.find(needle)
            while at >= 0:
                last = at + len(needle)
                found.append(Span(places(at), places(last - 1) + 1, TOKEN))
                at = folded.find(needle, last)
        return found

    def _token_begun(self, text: str, start: int) -> int:
        folded, places = _folded(text, start)
        longest = max(map(len, self._needles))
        for at in range(max(0, len(folded) - longest + 1), len(folded)):
            if folded[at] in self._first and self._begins(folded[at:]):
                return places(at)
        return len(text)

    def _begins(self, end: str) -> bool:
        return any(len(end) < len(needle) and needle.startswith(end) for needle in self._needles)

    def _quotations(self, quoted: Quotations, words: Sequence[_Word]) -> list[Span]:
        found, size = [], quoted.least
        for first, last in _chains(quoted, words):
            at = first
            while at + size <= last:
                if quoted.leak([word.text for word in words[at : at + size]]):
                    found.append(Span(words[at].start, words[at + size - 1].end, QUOTED))
                    at += size
                else:
                    at += 1
        return found

    def _quotation_begun(self, quoted: Quotations, text: str, start: int) -> int:
        words = _words(text, start)
        if not words or len(text) - words[-1].end > _GAP:
            return len(text)
        # The last word may go on if nothing stands behind it.
        whole = words[-1].end < len(text)
        settled = self._quotations(quoted, words if whole else words[:-1])
        after = settled[-1].end if settled else start
        begun, size = len(text), 0
        while size < min(len(words), quoted.least):
            run = words[len(words) - size - 1 :]
            if run[0].start < after or (size and run[1].apart) or run[0].cut:
                break
            spoken = [word.text for word in run]
            if not quoted.begins([*spoken, ""] if whole else spoken):
                break
            begun, size = run[0].start, size + 1
        return begun


class _Word:
    """A word of a text, in lower case."""

    __slots__ = ("apart", "cut", "end", "start", "text")

    def __init__(self, text: str, start: int, end: int, apart: bool, cut: bool) -> None:
        self.text, self.start, self.end = text, start, end
        self.apart = apart
        """Whether it stands too far from the word before it."""
        self.cut = cut
        """Whether it is the rest of a word that began earlier, or longer than any word is."""


def _words(text: str, start: int) -> list[_Word]:
    found: list[_Word] = []
    before = start
    for match in _WORD.finditer(text, start):
        first, last = match.span()
        cut = last - first > _LONG_WORD or (first == start and start > 0 and text[start - 1].isalnum())
        found.append(_Word(match[0].lower(), first, last, first - before > _GAP, cut))
        before = last
    return found


def _chains(quoted: Quotations, words: Sequence[_Word]) -> Iterable[tuple[int, int]]:
    """Runs of words, each known and near the one before, that are long enough for a quotation."""
    first = 0
    for place, word in enumerate(words):
        known = not word.cut and quoted.known(word.text)
        if not known or word.apart:
            if place - first >= quoted.least:
                yield first, place
            first = place if known else place + 1
    if len(words) - first >= quoted.least:
        yield first, len(words)


def _joined(text: str) -> str:
    """The words of a text, in lower case, with one space around each."""
    return f" {' '.join(_WORD.findall(text)).lower()} "


def _plain(text: str) -> str:
    return "".join(_WORD.findall(text)).lower()


# --- tokens


_KEPT = re.compile(rf"[^\W_]|[\W_]{{{_GAP + 1},}}")
_LONG_GAP = re.compile(rf"[\W_]{{{_GAP + 1},}}")
_SIGNS = re.compile("[^\\w\0]+|_+")
_BREAK = "\0"


def _folded(text: str, start: int) -> tuple[str, Callable[[int], int]]:
    """Letters and digits of text[start:] in lower case, a break for each long gap; and where each stands."""
    piece = _SIGNS.sub("", _LONG_GAP.sub(_BREAK, text[start:].replace(_BREAK, " ")))
    folded = "".join(_lower(sign) for sign in piece) if not piece.isascii() else piece.lower()

    def place(index: int) -> int:
        kept = next(islice(_KEPT.finditer(text, start), index, None))
        return kept.start()

    return folded, place


def _lower(sign: str) -> str:
    small = sign.lower()
    return small if len(small) == 1 else sign


def _needles(tokens: Iterable[str]) -> tuple[str, ...]:
    """What a folded text holds when it holds a token, as it is or encoded."""
    found: dict[str, None] = {}
    for token in tokens:
        plain = _plain(token)
        for written in (token, quote(token, safe=""), codecs.encode(token, "rot13")):
            found[_plain(written)] = None
        found[plain[::-1]] = None
        for case in (token, token.lower(), token.upper()):
            data = case.encode()
            found[data.hex()] = None
            found.update(dict.fromkeys(filter(_long, map(_plain, _aligned(data)))))
    return tuple(found)


def _aligned(data: bytes) -> Iterable[str]:
    """The base64 of some bytes inside of longer ones, for each place in a quantum: only what follows from them."""
    for before in range(3):
        written = base64.b64encode(bytes(before) + data).decode()
        begin = -(-before * 8 // 6)
        yield written[begin : (before + len(data)) * 8 // 6]


def _long(needle: str) -> bool:
    return len(needle) >= _SHORTEST + 2
