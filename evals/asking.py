"""The arms of an eval, asked side by side. Whatever ends it, what was answered is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from evals.cache import Cache
from evals.errors import EvalsError, TargetError
from evals.executors import Executor, Local
from evals.journal import Journal
from evals.pacing import Pacer
from evals.run import INTERRUPTED, RunItem
from evals.runner import Interrupted, Job, Plan, Progress
from evals.scorer import Scorer
from evals.target import Target

Watch = Callable[[int], AbstractContextManager[Progress]]
"""Shows how far so many items are; what it gives is told of each."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard to ask, all arms together, and who is told."""

    concurrency: int = 8
    timeout_s: float = 120.0
    """Of one try."""
    tries: int = 4
    cache: Cache | None = None
    watch: Watch | None = None
    stop: asyncio.Event | None = None
    """Set when no further call is to be begun."""
    fresh: Sequence[str] = ()
    """Ids of cases that a cache does not answer for a proxy's policy: by them a policy that changed is noticed."""


@dataclass(slots=True)
class Side:
    """One arm: what is asked and scored by what, where its answers are kept, and the answers so far."""

    target: Target
    scorers: Sequence[Scorer]
    journal: Journal
    prompt_sha256: str
    elsewhere: Executor | None = None
    """What makes the calls, where that is not this process."""
    items: list[RunItem] = field(default_factory=list)
    """Ordered by case id, then repeat, once `ask` is over."""


async def ask(sides: Sequence[Side], jobs: Sequence[Job], pace: Pace) -> str:
    """Asks every side the same jobs at the same time. Why not all were asked; empty when all were.

    Sides that ask the same provider share the calls that may be open at a time, and take turns. What was answered is
    added to each side's items, whatever ended it. A target that cannot be asked at all is a reason too; for any other
    one, raises EvalsError where nothing was answered.
    """
    watched = nullcontext() if pace.watch is None else pace.watch(len(jobs) * len(sides))
    with watched as progress:
        return await _asked(sides, jobs, pace, progress)


async def _asked(sides: Sequence[Side], jobs: Sequence[Job], pace: Pace, progress: Progress | None) -> str:
    tasks = _begun(sides, jobs, pace, progress)
    try:
        return INTERRUPTED if any(await asyncio.gather(*tasks)) else ""
    except asyncio.CancelledError:
        if pace.stop is None or not pace.stop.is_set():
            raise
        asked = asyncio.current_task()
        assert asked is not None
        asked.uncancel()
        return INTERRUPTED
    except EvalsError as error:
        if not isinstance(error, TargetError) and not any(side.items for side in sides):
            raise
        return str(error)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for side in sides:
            side.items.sort(key=lambda item: (item.id, item.repeat))


def _begun(
    sides: Sequence[Side], jobs: Sequence[Job], pace: Pace, progress: Progress | None
) -> list[asyncio.Task[bool]]:
    """Tasks that ask the sides, and say whether they were interrupted."""
    pacers = {side.target.ref.base_url: Pacer(pace.concurrency) for side in sides}
    together = asyncio.Barrier(len(sides))

    async def one(place: int, side: Side) -> bool:
        def seen(item: RunItem) -> None:
            side.items.append(item)
            if progress is not None:
                progress(item)

        # Every other side from behind: whatever the first to ask a case pays for, or warms up, falls to both alike.
        ordered = jobs[::-1] if place % 2 else jobs
        plan = Plan(
            ordered,
            side.prompt_sha256,
            pace.concurrency,
            pace.timeout_s,
            pace.tries,
            fresh=pace.fresh,
        )
        executor = side.elsewhere or Local(side.target, side.scorers)
        pacer = pacers[side.target.ref.base_url]
        try:
            await executor.run(
                plan,
                side.journal,
                cache=pace.cache,
                progress=seen,
                stop=pace.stop,
                pacer=pacer,
                together=together,
            )
        except Interrupted:
            return True
        return False

    return [asyncio.create_task(one(place, side)) for place, side in enumerate(sides)]
