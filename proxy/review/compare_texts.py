"""Two outputs side by side, word by word, as far as they are shown. Pure, and bounded."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.review.diff import Piece, words

LONGEST = 3_000
"""Code points of each text that are shown, and compared."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two texts."""

    pieces: list[Piece]
    hidden: int
    """Code points at the end that are not shown."""


def word_diff(before: str, after: str) -> tuple[Side, Side]:
    """Both texts in pieces. Joined, the pieces of a side are its text as far as it is shown."""
    old, new = words(before[:LONGEST], after[:LONGEST])
    return Side(old, max(0, len(before) - LONGEST)), Side(new, max(0, len(after) - LONGEST))
