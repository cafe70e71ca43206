"""What was just saved, and for how long a page offers to undo it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

UNDO_S = 10
"""Seconds for which what was saved can be undone with one key."""
_MARK = re.compile(r"([0-9A-Za-z_.:-]{1,128})\.(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Saved:
    """What was just saved, and can be undone."""

    id: str
    """Of the trace, or of the item of a queue."""
    since_us: int
    fresh: bool
    """Whether it still is the moment for it."""
    item: bool = False
    """Whether it was a review of a queue."""

    @property
    def mark(self) -> str:
        """As an address carries it."""
        return f"{self.id}.{self.since_us}"


def given(item_id: str) -> Saved:
    """A review of a queue that was submitted now."""
    return Saved(item_id, time.time_ns() // 1000, True, True)


def saved(parameters: Mapping[str, str]) -> Saved | None:
    """What an address says was saved: `saved` of a trace, `given` of a queue's item."""
    for name in ("given", "saved"):
        if match := _MARK.fullmatch(parameters.get(name, "")):
            age = time.time_ns() // 1000 - int(match[2])
            return Saved(match[1], int(match[2]), 0 <= age < UNDO_S * 1_000_000, name == "given")
    return None
