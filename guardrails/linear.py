"""Matches of a search one after the other, over a text's UTF-8, as code points."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from guardrails import regexes

Find = Callable[[bytes, int], tuple[int, int]]
"""Bytes and where to begin in; where the leftmost match is out, (-1, -1) for none."""


def finder(regex: str, whole: bool = False) -> Find:
    """A search for a regex in RE2's syntax; with `whole`, whether all from a place on matches."""
    find = regexes.finder(regex, groups=False, whole=whole)
    return lambda data, at: find(data, at)[0]


class Source:
    """A text as UTF-8."""

    __slots__ = ("_ascii", "data")

    def __init__(self, text: str) -> None:
        self._ascii = text.isascii()
        self.data = text.encode("utf-8", "surrogatepass")

    def spans(self, find: Find) -> Iterator[tuple[int, int]]:
        """The matches of a search from left to right, none overlapping, as code points."""
        at = point = 0
        while True:
            first, last = find(self.data, at)
            if first < 0:
                return
            start = point + self.points(at, first)
            point = start + self.points(first, last)
            yield start, point
            at = last

    def points(self, first: int, last: int) -> int:
        """Code points between two byte offsets."""
        if self._ascii:
            return last - first
        return len(self.data[first:last].decode("utf-8", "surrogatepass"))
