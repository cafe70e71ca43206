"""Whether an address that a tool or a document gave is the one that the user asked for.

A user says *mail Bob the summary*; a tool's answer gives Bob's address. It is vouched for when the answer lists it
as a record does (`"name": "Bob", "email": ...`, `Bob Lind <...>`, a line of a table), beside a name that the user
used as somebody to send to. An address in the middle of a sentence is never vouched for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum

from guardrails.checks.copies import fold
from guardrails.checks.surroundings import Surroundings
from guardrails.types import Segment

_REACH = 200
_MOST = 8
"""Places of one address that are looked at."""
_PROSE = re.compile(r"(?:\b[a-z]{2,},? ){3}")
_LISTED = re.compile(
    r"(?:(?:^|[\n{,|])\s{0,8}[-*]?\s{0,2}[\"']?[\w .-]{2,24}[\"']?\s{0,2}[:=]\s{0,2}\[?[\"'<]{0,2}"
    r"|<|mailto:|[|,;\t]\s{0,4}[\"'<]?|[\[{(]\s{0,4}[\"']|[\"']|(?:^|\n)\s{0,8}[-*\d.]{0,4}\s{0,2}"
    r"|[A-Z][\w.-]{1,30} [-(:] ?)\Z"
)
_BREAK = re.compile(r"[{}]|\n\s*\n")
_LINE = re.compile(r"\n(?!\s*[\"']?[\w -]{1,24}[\"']?\s*:)")
_NAME = re.compile(r"[^\W\d_]{3,}")
_TOWARDS = re.compile(
    r"(?:\b(?:to|with|for|from|by|cc|bcc|invite|give|grant|add|tell|ask|e-?mail|mail|message|call|pay|remind|notify|text|ping|let|and"
    r"|write|answer|reply|inform|contact|reach|of|send|forward|share|book|at|the|our|my|page|customer|client|supplier)"
    r"|,)[ ,]+(?:[^\W\d_]+[ ]+)?\Z",
    re.I,
)
_ORDINARY = frozenset(
    """
the and all any our your their this that these those them they him her his its you one two with for from into
team everyone everybody each every it me us mail email emails message messages file files document documents doc
docs report reports summary notes note data info information support help service services admin audit security
backup archive office contact contacts address list customer customers client clients user users member members
account accounts invoice invoices payment payments bill order orders page site website web link links url server
company staff people manager department review meeting calendar event latest last new first next today tomorrow
send share forward reply answer write read open find search look get update create make post check please now
monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
september october november december internal external public private test demo example mailbox inbox results
result channel project status weekly monthly daily annual budget contract export sync log logs api
""".split()  # noqa: SIM905
)
_ASKED = re.compile(
    r"(?i)\b(?:repl(?:y|ies)|respon[ds]e?|answer|write back|rsvp|acknowledge|confirm|everyone|everybody|each|every|"
    r"all|them|"
    r"participants|attendees|members|customers|clients|subscribers|guests|applicants|candidates|suppliers|vendors|"
    r"recipients|sender|author|reporter|requester|customer|client|supplier|vendor|contact|pay|settle|invoices?|bills?)\b"
)


class Vouched(IntEnum):
    """How far an address is what the user asked for."""

    NOT = 0
    LISTED = 1
    """It stands in a record, and the user spoke of answering or of everybody in a list."""
    NAMED = 2
    """It stands in a record beside a name that the user used."""


class Vouching:
    """Looks addresses up in the texts of sources."""

    def __init__(self, known: Surroundings, sources: Sequence[str], trusted: Sequence[str]) -> None:
        self._sources, self._work = known.of(sources), known.work
        self._asked = [each.text for each in known.of(trusted) if each.channel != "system"]
        self._small = [text.lower() for text in self._asked]

    def naming(self, address: str) -> list[Segment]:
        """The texts of sources that hold an address or a number."""
        small = address.lower()
        self._work.spend(8 * sum(len(each.text) + 64 for each in self._sources))
        found = [each for each in self._sources if small in each.text.lower()]
        if found or "@" in address or "." in address:
            return found
        folded = fold(address)
        return [each for each in self._sources if folded in fold(each.text)]

    def of(self, address: str, naming: Sequence[Segment]) -> Vouched:
        """How far an address is vouched for."""
        best = Vouched.NOT
        for record in self.records(address, naming):
            words = {word.lower() for word in _NAME.findall(record)}
            words |= {word.lower() for word in _NAME.findall(address)}
            if any(self._named(word) for word in words - _ORDINARY):
                return Vouched.NAMED
            best = Vouched.LISTED
        if best is Vouched.LISTED and not any(_ASKED.search(text) for text in self._asked):
            return Vouched.NOT
        return best

    def records(self, address: str, naming: Sequence[Segment]) -> Iterator[str]:
        """What stands beside an address where it is listed and not written into a sentence."""
        small, left = address.lower(), _MOST
        for segment in naming:
            text = segment.text
            at = text.lower().find(small) if len(text.lower()) == len(text) else text.find(address)
            while at >= 0 and left:
                left -= 1
                before, after = text[max(0, at - _REACH) : at], text[at + len(small) :][:_REACH]
                if _LISTED.search(before) and not _PROSE.search(before[-40:]):
                    yield _near(before, after)
                at = text.lower().find(small, at + 1)

    def _named(self, word: str) -> bool:
        """Whether a user's text names somebody to send to so: behind `to` and the like, or with a capital."""
        for text, small in zip(self._asked, self._small, strict=True):
            at = small.find(word) if len(small) == len(text) else -1
            for _ in range(_MOST):
                if at < 0:
                    break
                last = at + len(word)
                whole = not (small[at - 1 : at].isalnum() or small[last : last + 1].isalnum())
                before = text[max(0, at - 40) : at]
                inside = before.endswith(" ") and before.rstrip()[-1:] not in ("", *".!?:")
                if whole and (_TOWARDS.search(before) or (inside and text[at].isupper())):
                    return True
                at = small.find(word, last)
        return False


def _near(before: str, after: str) -> str:
    """The part of what stands before and after an address that belongs to its record."""
    for pattern in (_BREAK, _LINE, _PROSE):
        ends = [found.end() for found in pattern.finditer(before)]
        before = before[ends[-1] :] if ends else before
        stop = pattern.search(after)
        after = after[: stop.start()] if stop else after
    return f"{before} {after}"
