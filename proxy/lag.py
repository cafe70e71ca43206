"""Lag: how long what is due on the event loop waits for its turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic

EVERY_SECONDS = 0.25
"""How often it is measured."""
WINDOW_SECONDS = 15.0
"""For how long a wait is remembered: longer than most scrapes are apart."""


class Lag:
    """The longest wait of the last seconds.

    Args:
        clock: seconds since any fixed moment.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._waits: deque[tuple[float, float]] = deque()
        """Moments and waits, each shorter than those before it: no other can be the longest of a window."""

    def seconds(self) -> float:
        """The longest wait within the window."""
        now = self._clock()
        return next((wait for at, wait in [*self._waits] if at > now - WINDOW_SECONDS), 0.0)

    def note(self, wait: float) -> None:
        """Take note of a wait that has just ended."""
        now = self._clock()
        while self._waits and self._waits[-1][1] <= wait:
            self._waits.pop()
        self._waits.append((now, max(0.0, wait)))
        while self._waits[0][0] <= now - WINDOW_SECONDS:
            self._waits.popleft()

    async def watch(self) -> None:
        """Measure. Never returns."""
        while True:
            before = self._clock()
            await asyncio.sleep(EVERY_SECONDS)
            self.note(self._clock() - before - EVERY_SECONDS)
