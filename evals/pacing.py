"""How hard one provider is asked: so many calls at a time, fewer and further apart when it says it is too much."""

from __future__ import annotations

import asyncio
from collections import deque
from random import Random

BACKOFF_S, LONGEST_BACKOFF_S = 0.5, 30.0
"""The longest wait before a second try, which doubles with each further one, and where that ends."""
GAP_S, LONGEST_GAP_S = 0.05, 30.0
"""Seconds between two calls where one at a time is too much already: at first, and at most."""
_WIDER, _CLOSER = 1.3, 0.87
"""What each refusal makes of the gap, and each answer: it widens where more than a third of the calls are refused."""


def backoff(seed: str, failures: int) -> float:
    """Seconds to wait after so many failed tries: between 0 and a bound that doubles; equal for equal seeds."""
    longest = min(LONGEST_BACKOFF_S, BACKOFF_S * 2.0 ** min(failures - 1, 16))
    return Random(f"{seed} {failures}").uniform(0, longest)  # noqa: S311  (spreads load, keeps no secret)


class Pacer:
    """Slots for calls to one provider. Throttling halves their number, each round of answers adds one.

    Where one slot is too much, calls keep a gap, which throttling widens and answers close. Who shares the pacer takes
    turns.

    Args:
        most: slots at the start, and the most there will ever be.
    """

    def __init__(self, most: int) -> None:
        self._most = max(1, most)
        self._window, self._answers = self._most, 0
        self._busy, self._cuts = 0, 0
        self._rested_at = self._gap = 0.0
        self._alarm: asyncio.TimerHandle | None = None
        self._waiting: dict[object, deque[asyncio.Future[bool]]] = {}
        self._napping: set[asyncio.Future[bool]] = set()
        self._closed = False

    @property
    def window(self) -> int:
        """Calls that may be open at a time now."""
        return self._window

    async def enter(self, who: object = None) -> int | None:
        """Waits for a slot and takes it; None when the pacer was closed meanwhile.

        First come first served for each `who`, and one after the other among them, so that whichever began first has no
        advantage. The number is for `throttled`. Whoever got one must `leave`.
        """
        if self._closed:
            return None
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[bool] = loop.create_future()
        self._waiting.setdefault(who, deque()).append(turn)
        # Not at once: others may come in this very moment.
        loop.call_soon(self._wake)
        try:
            got = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self.leave()
            raise
        return self._cuts if got else None

    def leave(self) -> None:
        """Gives a slot back."""
        self._busy -= 1
        self._wake()

    def answered(self) -> None:
        """A call was answered: the gap closes, and after as many of them as there are slots, there is one slot more."""
        self._gap = self._gap * _CLOSER if self._gap > GAP_S / 2 else 0.0
        self._answers += 1
        if self._answers >= self._window:
            self._window, self._answers = min(self._most, self._window + 1), 0

    def throttled(self, slot: int) -> bool:
        """The provider refused a call as one too many; whether that cut the slots.

        Calls that began before the last cut do not cut again: they are of the same burst.
        """
        if slot != self._cuts:
            return False
        self._window, self._answers = max(1, self._window // 2), 0
        if self._window == 1:
            self._gap = min(LONGEST_GAP_S, max(GAP_S, _WIDER * self._gap))
        self._cuts += 1
        return True

    def rest(self, seconds: float) -> None:
        """No call begins for so many seconds, or for longer where that was asked for before."""
        self._rested_at = max(self._rested_at, asyncio.get_running_loop().time() + seconds)

    async def nap(self, seconds: float) -> None:
        """Waits so many seconds, or until the pacer is closed."""
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        over: asyncio.Future[bool] = loop.create_future()
        alarm = loop.call_later(seconds, _settle, over, True)
        self._napping.add(over)
        try:
            await over
        finally:
            alarm.cancel()
            self._napping.discard(over)

    def close(self) -> None:
        """No further call begins; who waits for a slot or naps stops waiting."""
        self._closed = True
        for future in (*(turn for line in self._waiting.values() for turn in line), *self._napping):
            _settle(future, False)
        self._waiting.clear()

    def _wake(self) -> None:
        """Gives free slots to those who wait; while the provider rests, does so when that is over."""
        loop = asyncio.get_running_loop()
        while self._waiting and self._busy < self._window:
            if loop.time() < self._rested_at:
                if self._alarm is not None:
                    self._alarm.cancel()
                self._alarm = loop.call_at(self._rested_at, self._wake)
                return
            if (turn := self._next()) is not None:
                self._busy += 1
                self.rest(self._gap)
                turn.set_result(True)

    def _next(self) -> asyncio.Future[bool] | None:
        """Who is first in the line whose turn it is, which goes behind the other lines; None if that one left."""
        who, line = next(iter(self._waiting.items()))
        turn = line.popleft()
        del self._waiting[who]
        if line:
            self._waiting[who] = line
        return None if turn.done() else turn


def _settle(future: asyncio.Future[bool], value: bool) -> None:
    if not future.done():
        future.set_result(value)
