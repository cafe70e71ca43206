"""Finding many fixed texts at once, each only where it stands as words of its own."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from guardrails.tokens import joins

SHORTEST = 4
"""Code points that a text must have to be looked for."""

_FEW = 32
"""Texts up to this number are looked for one by one, which is quicker than looking at each word."""
_GOING_ON = ".-@"
"""What joins the parts of addresses."""
CONTEXT = 2
"""Code points left of a place that decide on it."""
_BEGINNING = re.compile("[+(]|[^\\W_\u0e00-\u1dff\u2000-\U0010ffff]+")
"""Where a text may begin: at a word of letters that join, or at the sign before a telephone number."""


class Literals:
    """Finds a set of texts, the longest first, in one pass.

    A text is found where no letter or digit goes on with it on either side. Underscores do not count, since
    markdown writes them around words, nor do letters of scripts without spaces.
    """

    __slots__ = ("_lengths", "_longest", "_sorted", "_texts")

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._lengths: dict[str, list[int]] = {}
        self._longest = 0
        self._sorted: list[str] = []

    def add(self, text: str) -> None:
        """Takes a text up. It has SHORTEST code points or more and begins with a letter, a digit, `+` or `(`."""
        self._texts.add(text)
        lengths = self._lengths.setdefault(text[:SHORTEST], [])
        if len(text) not in lengths:
            lengths.append(len(text))
            lengths.sort(reverse=True)
        self._longest = max(self._longest, len(text))
        insort(self._sorted, text)

    def find(self, text: str, start: int) -> Iterator[tuple[int, int, str]]:
        """(start, end, literal) for each place in text[start:] where one begins, left to right; they may overlap."""
        for place in self._places(text, start):
            for length in self._lengths.get(text[place : place + SHORTEST], ()):
                end, literal = place + length, text[place : place + length]
                if end > len(text) or literal not in self._texts:
                    continue
                address = _is_address(literal)
                if _begins(text, place, address) and _ends(text, end, address):
                    yield place, end, literal
                    break

    def hold(self, text: str, start: int) -> int:
        """The first position at or after start from which the text may still become one of the texts."""
        for place in range(max(start, len(text) - self._longest - 1), len(text)):
            if _begins(text, place, address=False):
                tail = text[place:]
                if tail[-1] in _GOING_ON and tail[:-1] in self._texts and _is_address(tail):
                    return place
                at = bisect_left(self._sorted, tail)
                if at < len(self._sorted) and self._sorted[at].startswith(tail):
                    return place
        return len(text)

    def _places(self, text: str, start: int) -> Iterable[int]:
        """Where one of the texts may begin, left to right."""
        if len(self._texts) > _FEW:
            return (word.start() for word in _BEGINNING.finditer(text, start))
        places: set[int] = set()
        for literal in self._texts:
            place = text.find(literal, start)
            while place >= 0:
                places.add(place)
                place = text.find(literal, place + 1)
        return sorted(places)


def _begins(text: str, place: int, address: bool) -> bool:
    """Whether a text may begin at a place; an address does not where it goes on another one."""
    if place == 0:
        return True
    before = text[place - 1]
    if address and before in _GOING_ON and place > 1 and joins(text[place - 2]):
        return False
    return not (joins(text[place]) and joins(before))


def _ends(text: str, end: int, address: bool) -> bool:
    """Whether a text may end at a place; an address does not where another part of one follows."""
    if end == len(text):
        return True
    if address and text[end] in _GOING_ON:
        return end + 1 == len(text) or not joins(text[end + 1])
    return not (joins(text[end - 1]) and joins(text[end]))


def _is_address(text: str) -> bool:
    return any(sign in text for sign in ".@:")
