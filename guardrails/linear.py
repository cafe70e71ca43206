"""RE2's own searches over a text's UTF-8, with the way back to code points.

The package's objects around them cost several times what most searches do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import re2

Find = Callable[[bytes, int], tuple[int, int]]
"""Bytes and where to begin in; where the leftmost match is out, (-1, -1) for none."""

_MAX_MEMORY = 256 << 20


def finder(regex: str, whole: bool = False) -> Find:
    """A search for a regex in RE2's syntax; with `whole`, whether all from a place on matches."""
    options = _options()
    match = re2.compile(regex.encode(), options)._regexp.Match
    anchor = re2._Anchor.ANCHOR_BOTH if whole else re2._Anchor.UNANCHORED

    def find(data: bytes, at: int) -> tuple[int, int]:
        span: tuple[int, int] = match(anchor, data, at, len(data))[0]
        return span

    return find


def chooser(regexes: Sequence[str]) -> Callable[[bytes], Sequence[int]]:
    """Says in one pass which of some regexes in RE2's syntax occur, by their place in the list."""
    chosen = re2.Set.SearchSet(_options())
    # It always matches: its absence says that the pass failed.
    chosen.Add(b"")
    for regex in regexes:
        chosen.Add(regex.encode())
    chosen.Compile()
    match = chosen._set.Match

    def choose(data: bytes) -> Sequence[int]:
        found: Sequence[int] = match(data)
        return sorted(index - 1 for index in found if index) if 0 in found else range(len(regexes))

    return choose


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    options.never_capture = True
    return options


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
