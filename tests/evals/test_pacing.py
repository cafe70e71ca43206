"""The pacer: as many calls as are allowed, fewer when throttled, none during a rest, in the order they came."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from evals.pacing import Pacer, backoff
from tests.evals import timeless


def taken(most: int, then: Callable[[Pacer], None] = lambda pacer: None) -> int:
    """How many of 20 calls that never end are let in, after something happened."""

    async def work() -> int:
        pacer = Pacer(most)
        then(pacer)
        entered: list[int | None] = []

        async def call() -> None:
            entered.append(await pacer.enter())

        calls = [asyncio.ensure_future(call()) for _ in range(20)]
        await asyncio.sleep(1)
        for each in calls:
            each.cancel()
        return len(entered)

    return timeless.run(work())


def cut(pacer: Pacer) -> None:
    """One call of the first round is throttled, and so are the others of that round."""
    for _ in range(3):
        pacer.throttled(0)


def grown(answers: int) -> Callable[[Pacer], None]:
    """The same, and then so many answers."""

    def then(pacer: Pacer) -> None:
        cut(pacer)
        for _ in range(answers):
            pacer.answered()

    return then


@pytest.mark.parametrize(
    ("most", "then", "open_at_once"),
    [
        (8, lambda pacer: None, 8),
        (8, cut, 4),
        (8, grown(3), 4),
        (8, grown(4), 5),
        (8, grown(4 + 5 + 6 + 7 + 8 + 9), 8),
        (1, cut, 1),
        (0, cut, 1),
    ],
)
def test_throttling_halves_once_a_round_and_each_round_of_answers_adds_one(
    most: int, then: Callable[[Pacer], None], open_at_once: int
) -> None:
    """Never below one, never above the start."""
    assert taken(most, then) == open_at_once


def test_later_throttling_cuts_again() -> None:
    """A call that began after the cut says that it was not enough."""

    def twice(pacer: Pacer) -> None:
        pacer.throttled(0)
        pacer.throttled(1)

    assert taken(8, twice) == 2


def test_nobody_begins_while_the_provider_rests() -> None:
    """Neither who waited before nor who comes meanwhile; then all do, first come first served."""

    async def work() -> list[tuple[int, float]]:
        pacer, begun = Pacer(2), []
        loop = asyncio.get_running_loop()

        async def call(name: int) -> None:
            await pacer.enter()
            begun.append((name, loop.time()))
            await asyncio.sleep(1)
            if name == 0:
                pacer.rest(5)
            pacer.leave()

        await asyncio.gather(*(call(name) for name in range(4)))
        return begun

    assert timeless.run(work()) == [(0, 0), (1, 0), (2, 6), (3, 6)]


def test_who_shares_the_pace_takes_turns() -> None:
    """However many of them came first."""

    async def work() -> list[str]:
        pacer, begun = Pacer(2), list[str]()

        async def call(who: str) -> None:
            await pacer.enter(who)
            begun.append(who)
            await asyncio.sleep(1)
            pacer.leave()

        await asyncio.gather(*(call("a") for _ in range(4)), *(call("b") for _ in range(3)))
        return begun

    assert timeless.run(work()) == list("abababa")


def test_where_one_at_a_time_is_too_much_calls_keep_a_gap() -> None:
    """Each refusal widens it, answers close it."""

    async def work() -> list[float]:
        pacer, begun = Pacer(1), list[float]()
        for fate in ("throttled", "throttled", "answered", *["answered"] * 20):
            slot = await pacer.enter()
            begun.append(round(asyncio.get_running_loop().time(), 3))
            assert slot is not None
            pacer.throttled(slot) if fate == "throttled" else pacer.answered()
            pacer.leave()
        return begun

    times = timeless.run(work())
    gaps = [round(after - before, 3) for before, after in pairwise(times)]
    assert gaps[:4] == [0.0, 0.05, 0.065, 0.057] and gaps[-1] == 0


def test_closing_ends_every_wait_and_lets_nobody_in() -> None:
    """Those in line, those who nap, and those who come later."""

    async def work() -> tuple[list[object], float]:
        pacer = Pacer(1)
        await pacer.enter()
        waits = asyncio.gather(pacer.enter(), pacer.nap(100))
        await asyncio.sleep(1)
        pacer.close()
        told = [*(await waits), await pacer.enter()]
        await pacer.nap(100)
        return told, asyncio.get_running_loop().time()

    assert timeless.run(work()) == ([None, None, None], 1)


def test_a_call_that_is_cancelled_in_line_leaves_its_place_to_the_next() -> None:
    """Also when the slot was given to it in that very moment."""

    async def work() -> list[object]:
        pacer = Pacer(1)
        await pacer.enter()
        lost, gone, next_ = (asyncio.ensure_future(pacer.enter()) for _ in range(3))
        await asyncio.sleep(1)
        gone.cancel()
        pacer.leave()
        lost.cancel()
        return [await asyncio.wait_for(next_, 5)]

    assert timeless.run(work()) == [0]


def test_backoff_is_drawn_below_a_bound_that_doubles_and_the_same_each_time() -> None:
    """Jitter that a second run repeats."""
    drawn = [[backoff(f"key {name}", failures) for name in range(200)] for failures in (1, 2, 3, 99)]

    assert [max(each) <= bound for each, bound in zip(drawn, (0.5, 1, 2, 30), strict=True)] == [True] * 4
    assert [max(each) > bound * 0.9 for each, bound in zip(drawn, (0.5, 1, 2, 30), strict=True)] == [True] * 4
    assert drawn[0] == [backoff(f"key {name}", 1) for name in range(200)]
    assert len(set(drawn[0])) == 200
