"""Hedging: a second attempt while a first one is silent, and the first good answer of the two."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Attempt = Callable[[asyncio.Event], Coroutine[Any, Any, T]]
"""Makes an attempt; it sets the event when the first byte of an answer is there."""


async def hedged(
    first: Attempt[T],
    second: Attempt[T],
    after: float,
    good: Callable[[T], bool],
    drop: Callable[[T], Awaitable[None]],
) -> T:
    """What the first attempt comes to, or the second one when that is good and comes earlier.

    The second is made only when the first has given nothing within `after` seconds. When neither is good, what the
    first said counts. Whoever loses is cancelled, and has ended when this returns or raises; an answer of theirs is
    handed to `drop`. Raises what an attempt raises.
    """
    begun = asyncio.Event()
    tasks = [asyncio.create_task(first(begun))]
    winner: asyncio.Task[T] | None = None
    try:
        if await _is_silent(tasks[0], begun, after):
            tasks.append(asyncio.create_task(second(asyncio.Event())))
        winner = await _winner(tasks, good)
        return winner.result()
    finally:
        await _end([task for task in tasks if task is not winner], drop)


async def _is_silent(task: asyncio.Task[T], begun: asyncio.Event, seconds: float) -> bool:
    """Whether an attempt has given nothing when so many seconds have passed."""
    listening = asyncio.create_task(begun.wait())
    try:
        done, _ = await asyncio.wait({task, listening}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        listening.cancel()
    return not done


async def _winner(tasks: list[asyncio.Task[T]], good: Callable[[T], bool]) -> asyncio.Task[T]:
    """The first task with a good result, else the first of all. Raises what a task raises."""
    pending = set(tasks)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task in done and good(task.result()):
                return task
    return tasks[0]


async def _end(tasks: list[asyncio.Task[T]], drop: Callable[[T], Awaitable[None]]) -> None:
    """Cancel what goes on, wait until it has ended, and drop what it came to."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(outcome, BaseException):
            await drop(outcome)
