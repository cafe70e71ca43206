"""RE2's own searches over a text's UTF-8, with the way back to code points.

The package's objects around them cost several times what most searches do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import re2

Find = Callable[[bytes, int], tuple[int, int]]
"""Bytes and where to begin in; where the leftmost match is out, (-1, -1) for none."""

_MAX_MEMORY = 256 << 20


def finder(regex: str, whole: bool = False) -> Find:
    """A search for a regex in RE2's syntax; with `whole`, whether all from a place on matches."""
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False
    options.never_capture = True
    match = re2.compile(regex.encode(), options)._regexp.Match
    anchor = re2._Anchor.ANCHOR_BOTH if whole else re2._Anchor.UNANCHORED

    def find(data: bytes, at: int) -> tuple[int, int]:
        span: tuple[int, int] = match(anchor, data, at, len(data))[0]
        return span

    return find


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
            start = point + self._points(at, first)
            point = start + self._points(first, last)
            yield start, point
            at = last

    def left(self, byte: int) -> int:
        """Code points from a byte offset to the end."""
        return self._points(byte, len(self.data))

    def _points(self, first: int, last: int) -> int:
        if self._ascii:
            return last - first
        return len(self.data[first:last].decode("utf-8", "surrogatepass"))
