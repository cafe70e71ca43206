"""A text as UTF-8, which RE2 reads, and the way between byte and code point offsets."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from time import perf_counter

from guardrails.errors import OverBudget

_STRIDE = 64
"""Code points between two places whose byte offset is remembered."""

_LOOKS = 32
"""Candidates that are looked at between two looks at the clock."""


class Source:
    """One text that patterns are searched in.

    Args:
        text: the text.
        deadline: value of `time.perf_counter()` after which looking at candidates is given up; None for never.
    """

    __slots__ = ("_ascii", "_deadline", "_looks", "_marks", "data", "text")

    def __init__(self, text: str, deadline: float | None = None) -> None:
        self.text = text
        self._ascii = text.isascii()
        self.data = text.encode("utf-8", "surrogatepass")
        self._marks: list[int] = []
        self._deadline, self._looks = deadline, 0

    def look(self) -> None:
        """Called for each candidate. Raises OverBudget once the deadline is past."""
        self._looks += 1
        if self._deadline is not None and not self._looks % _LOOKS and perf_counter() > self._deadline:
            raise OverBudget

    def byte(self, point: int) -> int:
        """Byte offset of a code point offset."""
        if self._ascii:
            return point
        marks = self._marked()
        mark = min(point // _STRIDE, len(marks) - 1)
        rest = self.text[mark * _STRIDE : point]
        return marks[mark] + len(rest.encode("utf-8", "surrogatepass"))

    def point(self, byte: int) -> int:
        """Code point offset of a byte offset."""
        if self._ascii:
            return byte
        marks = self._marked()
        mark = bisect_right(marks, byte) - 1
        return mark * _STRIDE + len(self.data[marks[mark] : byte].decode("utf-8", "surrogatepass"))

    def _marked(self) -> list[int]:
        """Byte offset of every so manieth code point, found when first asked for."""
        if not self._marks:
            pieces = (self.text[at : at + _STRIDE] for at in range(0, len(self.text), _STRIDE))
            sizes = (len(piece.encode("utf-8", "surrogatepass")) for piece in pieces)
            self._marks = [0, *accumulate(sizes)][:-1] or [0]
        return self._marks

    def width(self, byte: int) -> int:
        """Bytes of the code point that begins at a byte offset."""
        lead = self.data[byte] if byte < len(self.data) else 0
        return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
