"""Hedging: a second attempt only for a silent first one, one winner, and nothing left under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from proxy.hedge import hedged

AFTER = 0.02


class Attempts:
    """Attempts that take so long and come to that; what became of each."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.ended: list[str] = []
        self.dropped: list[str] = []

    def make(
        self, result: str, seconds: float, begins: float | None = None
    ) -> Callable[[asyncio.Event], Coroutine[Any, Any, str]]:
        """One that comes to a result; its first byte is there after `begins` seconds."""

        async def attempt(begun: asyncio.Event) -> str:
            self.made.append(result)
            try:
                if begins is not None:
                    await asyncio.sleep(begins)
                    begun.set()
                await asyncio.sleep(seconds)
                if result == "raises":
                    raise ValueError
                return result
            finally:
                self.ended.append(result)

        return attempt

    async def drop(self, outcome: str) -> None:
        """Noted."""
        self.dropped.append(outcome)

    async def race(self, first: Any, second: Any) -> str:
        """The race between two."""
        return await hedged(first, second, AFTER, lambda outcome: outcome.startswith("good"), self.drop)


async def test_a_first_attempt_that_answers_is_alone() -> None:
    """Good or bad: what failed at once is a matter for retries."""
    for result in ("good", "bad"):
        made = Attempts()
        assert await made.race(made.make(result, 0), made.make("good second", 0)) == result
        assert made.made == [result]


async def test_a_first_attempt_that_has_begun_is_alone() -> None:
    """However long the rest of its answer takes."""
    made = Attempts()
    assert await made.race(made.make("good", 0.2, begins=0), made.make("good second", 0)) == "good"
    assert made.made == ["good"]


async def test_the_first_good_answer_wins_and_the_other_attempt_ends() -> None:
    """Whichever it is, before the winner is told."""
    made = Attempts()
    assert await made.race(made.make("good slow", 30), made.make("good second", 0.01)) == "good second"
    assert sorted(made.ended) == ["good second", "good slow"]
    made = Attempts()
    assert await made.race(made.make("good", 0.1), made.make("good second", 30)) == "good"
    assert sorted(made.ended) == ["good", "good second"]


async def test_a_bad_answer_waits_for_the_other_one() -> None:
    """And when both are bad, what the first said counts; the other answer is dropped."""
    made = Attempts()
    assert await made.race(made.make("bad", 0.1), made.make("good second", 0.2)) == "good second"
    assert made.dropped == ["bad"]
    made = Attempts()
    assert await made.race(made.make("bad", 0.1), made.make("bad second", 0.01)) == "bad"
    assert made.dropped == ["bad second"]


async def test_leaving_and_raising_end_both() -> None:
    """Nothing stays under way."""
    made = Attempts()
    racing = asyncio.create_task(made.race(made.make("good", 30), made.make("good second", 30)))
    await asyncio.sleep(0.2)
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert sorted(made.ended) == ["good", "good second"]
    made = Attempts()
    with pytest.raises(ValueError):
        await made.race(made.make("good", 30), made.make("raises", 0))
    assert sorted(made.ended) == ["good", "raises"]
