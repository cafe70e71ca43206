"""Finding many fixed texts at once, each only where it stands as words of its own."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from guardrails.tokens import joins

SHORTEST = 4
"""Code points that a text must have to be looked for."""

_IN_WORD = "[^\\W_\u0e00-\u1dff\u2000-\U0010ffff]"
"""A letter or digit that `joins`."""


class Literals:
    """Finds a set of texts, the longest first, in one pass.

    A text is found where no letter or digit goes on with it on either side. Underscores do not count, since
    markdown writes them around words, nor do letters of scripts without spaces.
    """

    __slots__ = ("_beginning", "_lengths", "_longest", "_sorted", "_texts")

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._lengths: dict[str, list[int]] = {}
        self._longest = 0
        self._sorted: list[str] = []
        self._beginning: re.Pattern[str] | None = None

    def add(self, text: str) -> None:
        """Takes a text up. It has SHORTEST code points or more and begins with a letter, a digit, `+` or `(`."""
        self._texts.add(text)
        lengths = self._lengths.setdefault(text[:SHORTEST], [])
        if len(text) not in lengths:
            lengths.append(len(text))
            lengths.sort(reverse=True)
        self._longest = max(self._longest, len(text))
        insort(self._sorted, text)
        self._beginning = None

    def find(self, text: str, start: int) -> Iterator[tuple[int, int, str]]:
        """(start, end, literal) for each place in text[start:] where one begins, left to right; they may overlap."""
        if not self._texts:
            return
        if self._beginning is None:
            self._beginning = _beginning(self._lengths)
        for found in self._beginning.finditer(text, start):
            place = found.start()
            if (lengths := self._lengths.get(text[place : place + SHORTEST])) and _begins(text, place):
                for length in lengths:
                    end = place + length
                    if end <= len(text) and text[place:end] in self._texts and _ends(text, end):
                        yield place, end, text[place:end]
                        break

    def hold(self, text: str, start: int) -> int:
        """The first position at or after start from which the text may still become one of the texts."""
        for place in range(max(start, len(text) - self._longest), len(text)):
            if _begins(text, place):
                tail = text[place:]
                at = bisect_left(self._sorted, tail)
                if at < len(self._sorted) and self._sorted[at].startswith(tail):
                    return place
        return len(text)


def _beginning(prefixes: Iterable[str]) -> re.Pattern[str]:
    """Finds where a word, or a sign, begins with letters that each some prefix has at that place."""
    first, *more = ("".join(sorted(set(letters))) for letters in zip(*prefixes, strict=True))
    ahead = "".join(f"[{re.escape(letters)}]" for letters in more)
    return re.compile(f"[{re.escape(first)}](?<!{_IN_WORD}{_IN_WORD})(?={ahead})")


def _begins(text: str, place: int) -> bool:
    return place == 0 or not (joins(text[place]) and joins(text[place - 1]))


def _ends(text: str, end: int) -> bool:
    return end == len(text) or not (joins(text[end - 1]) and joins(text[end]))
