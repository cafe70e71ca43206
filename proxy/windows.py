"""How much there was within the last minute, and which period of the calendar a moment lies in."""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime, timedelta

SLOTS = 61
"""Seconds that count: 60 whole ones lie in any minute, and one more is partly covered."""
DAY = 86_400


class Window:
    """Amounts by second; `used` never says less than there was within any 60 seconds up to now.

    Times are seconds of one clock. One that steps back is taken to stand still.
    """

    __slots__ = ("_slots", "_total")

    def __init__(self) -> None:
        self._slots: deque[tuple[int, int]] = deque()
        self._total = 0

    def add(self, now: float, amount: int) -> None:
        """Counts an amount now."""
        second = int(now)
        if self._slots and self._slots[-1][0] >= second:
            second, before = self._slots.pop()
            self._slots.append((second, before + amount))
        else:
            self._slots.append((second, amount))
        self._total += amount

    def used(self, now: float) -> int:
        """What counts now."""
        oldest = int(now) - SLOTS
        while self._slots and self._slots[0][0] <= oldest:
            self._total -= self._slots.popleft()[1]
        return self._total

    def wait(self, now: float, most: int) -> float:
        """Seconds until no more than `most` counts, when nothing is added; 0 when it is so now."""
        left = self.used(now)
        for second, amount in self._slots:
            if left <= most:
                break
            left -= amount
            if left <= most:
                return second + SLOTS - now
        return 0.0

    def replace(self, now: float, amount: int) -> None:
        """Forgets all that was counted, and counts this amount now."""
        self._slots.clear()
        self._total = 0
        if amount:
            self.add(now, amount)


def period_bounds(period: str, at_s: float) -> tuple[int, int | None]:
    """Unix seconds at which the period of that kind that a moment lies in begins, and ends; None: never."""
    if period == "total":
        return 0, None
    day = math.floor(at_s / DAY)
    if period == "day":
        return day * DAY, (day + 1) * DAY
    if period == "week":
        # 1970 began on a Thursday.
        monday = day - (day + 3) % 7
        return monday * DAY, (monday + 7) * DAY
    first = datetime.fromtimestamp(at_s, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (first + timedelta(days=31)).replace(day=1)
    return int(first.timestamp()), int(following.timestamp())
