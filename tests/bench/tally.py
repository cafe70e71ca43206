"""Counts what a stream lets go too early, or otherwise than the whole text would have become."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

SHOWN = 4
"""This many leading characters of a value are a leak."""


class Stream(Protocol):
    """What is played: a StreamGuard, or something a test has made."""

    def push(self, text: str) -> str:
        """What may leave after the next piece."""

    def flush(self) -> str:
        """The rest."""


@dataclass(slots=True)
class Tally:
    """What was counted."""

    plays: int = 0
    leaks: int = 0
    """Plays in which a value, or its first characters, had left that the whole text's result does not show."""
    different: int = 0
    """Plays whose pieces, joined, are not the whole text's result."""
    first: list[str] = field(default_factory=list)
    """Where the first few failures are: never the text."""

    def add(self, other: Tally) -> None:
        """Adds what another one counted."""
        self.plays += other.plays
        self.leaks += other.leaks
        self.different += other.different
        self.first = (self.first + other.first)[:5]

    def play(
        self, stream: Stream, cut: Sequence[str], expected: str, taken: Sequence[str], where: str
    ) -> None:
        """Plays one way to cut a text and counts what is wrong with it."""
        out, leak = "", False
        for piece in cut:
            out += stream.push(piece)
            leak = leak or (not expected.startswith(out) and shows(out, expected, taken))
        out += stream.flush()
        leak = leak or (out != expected and shows(out, expected, taken))
        self.plays += 1
        self.leaks += leak
        self.different += out != expected
        if out != expected or leak:
            self.first = [*self.first, f"{where}, {len(cut)} pieces"][:5]


def shows(seen: str, expected: str, taken: Iterable[str]) -> bool:
    """Whether a text shows more of a value that was taken out than the expected one does: whole, or its beginning."""
    return any(seen.count(value[:SHOWN]) > expected.count(value[:SHOWN]) for value in taken)
