"""A text as UTF-8, which RE2 reads, and the way between byte and code point offsets."""

from __future__ import annotations

from time import perf_counter

from guardrails.errors import OverBudget

_LOOKS = 32
"""Candidates that are looked at between two looks at the clock."""


class Source:
    """One text that patterns are searched in.

    Args:
        text: the text.
        deadline: value of `time.perf_counter()` after which looking at candidates is given up; None for never.
    """

    __slots__ = ("_ascii", "_byte", "_deadline", "_looks", "_point", "data", "text")

    def __init__(self, text: str, deadline: float | None = None) -> None:
        self.text = text
        self._ascii = text.isascii()
        self.data = text.encode("utf-8", "surrogatepass")
        self._byte = self._point = 0
        self._deadline, self._looks = deadline, 0

    def look(self) -> None:
        """Called for each candidate. Raises OverBudget once the deadline is past."""
        self._looks += 1
        if self._deadline is not None and not self._looks % _LOOKS and perf_counter() > self._deadline:
            raise OverBudget

    def byte(self, point: int) -> int:
        """Byte offset of a code point offset."""
        return point if self._ascii else len(self.text[:point].encode("utf-8", "surrogatepass"))

    def point(self, byte: int) -> int:
        """Code point offset of a byte offset."""
        if self._ascii:
            return byte
        if byte < self._byte:
            self._byte = self._point = 0
        self._point += len(self.data[self._byte : byte].decode("utf-8", "surrogatepass"))
        self._byte = byte
        return self._point

    def width(self, byte: int) -> int:
        """Bytes of the code point that begins at a byte offset."""
        lead = self.data[byte] if byte < len(self.data) else 0
        return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
