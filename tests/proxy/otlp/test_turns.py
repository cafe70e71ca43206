"""Few exports are worked on at once, some wait, and the others are told to come again."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from proxy.errors import Unavailable
from proxy.otlp.turns import AT_ONCE, MOST_WAITING, Turns


async def test_who_comes_beyond_those_who_wait_is_sent_away() -> None:
    """So many work, so many wait, the next is refused with a time to come again; all who waited have their turn."""
    turns, done = Turns(), []

    async def wait(number: int) -> None:
        async with turns.one():
            done.append(number)

    async with AsyncExitStack() as working:
        for _ in range(AT_ONCE):
            await working.enter_async_context(turns.one())
        waiting = [asyncio.create_task(wait(number)) for number in range(MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as told:
            await wait(99)
        assert told.value.headers == {"retry-after": "5"}
        assert done == []
    await asyncio.gather(*waiting)

    assert done == list(range(MOST_WAITING))


async def test_who_gives_up_makes_room() -> None:
    """A caller that went away while it waited holds no place."""
    turns = Turns()
    async with AsyncExitStack() as working:
        for _ in range(AT_ONCE):
            await working.enter_async_context(turns.one())
        for _ in range(3 * MOST_WAITING):
            gone = asyncio.create_task(turns.one().__aenter__())
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
    async with turns.one():
        pass
