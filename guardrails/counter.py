"""Counts what happened lately in the memory of one process."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable

_PARTS = 64
"""Pieces that a window is cut into: what a name takes is bounded, however often it is counted."""

_NAMES = 100_000


class MemoryCounter:
    """A `guardrails.conversation.Counter` with sliding windows.

    It never counts too few: what is older than the window, by less than a 64th of it, may still count.

    Args:
        clock: seconds since any fixed moment; it never goes back (`time.monotonic`).
        names: names that are kept; of more, those counted longest ago are forgotten.
    """

    def __init__(self, clock: Callable[[], float], names: int = _NAMES) -> None:
        self._clock, self._most = clock, names
        self._windows: OrderedDict[str, deque[tuple[int, int]]] = OrderedDict()

    async def count(self, name: str, seconds: float) -> int:
        """Counts one more of that name; how many there were within the last seconds, this one with it."""
        part = int(self._clock() * _PARTS / seconds)
        window = self._windows.setdefault(name, deque())
        self._windows.move_to_end(name)
        while window and window[0][0] < part - _PARTS:
            window.popleft()
        if window and window[-1][0] == part:
            window.append((part, window.pop()[1] + 1))
        else:
            window.append((part, 1))
        if len(self._windows) > self._most:
            self._windows.popitem(last=False)
        return sum(times for _, times in window)
