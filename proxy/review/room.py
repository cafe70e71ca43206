"""How much of each text a page can show: as much as fits, the same for all. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

MOST_BYTES = 80_000
"""Bytes that the texts of one page take, compressed: with scripts and styles it stays below 150 KB."""
LONGEST = 50_000
"""Code points of one text that a page shows, however much room there is."""
LEAST = 200
"""Code points of each text that are shown, however little room there is."""
_SAMPLE = 60_000
"""Code points that are compressed to learn how well the others would be."""


def longest(texts: Iterable[str]) -> int:
    """Code points up to which each text can be shown, so that all of them fit."""
    sizes: list[int] = []
    sample: list[str] = []
    taken = 0
    for text in texts:
        sizes.append(min(len(text), LONGEST))
        if taken < _SAMPLE and text:
            piece = text[: min(LONGEST // 4, _SAMPLE - taken)]
            sample.append(piece)
            taken += len(piece)
    if sum(sizes) * 4 <= MOST_BYTES:
        return LONGEST
    packed = len(zlib.compress("\n".join(sample).encode("utf-8", "replace"), 1))
    return max(LEAST, min(LONGEST, _level(sizes, int(MOST_BYTES * taken / max(packed, 1)))))


def _level(sizes: list[int], room: int) -> int:
    """The length to which the longest are cut, so that together they have no more than the room."""
    left = room
    ordered = sorted(sizes)
    for place, size in enumerate(ordered):
        share = left // (len(ordered) - place)
        if size > share:
            return share
        left -= size
    return LONGEST
