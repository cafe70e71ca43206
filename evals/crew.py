"""Calls spread over workers that may die: each goes to the worker with the fewest, and to another when that is lost.

The runner keeps the books as ever: to it a crew looks like one target and some scorers (`target` and `scorers`).
Which transport carries a call, and how a worker comes into being, is the business of who gives `hire`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, TypeVar

from evals.errors import EvalsError, TargetError
from evals.run import TargetRef
from evals.scorer import Scorer
from evals.target import Target
from evals.types import Case, Output, Score

LIVES = 3
"""Workers that one call may cost before it is given up: a case that kills whoever answers it ends as an error."""

T = TypeVar("T")


class Lost(Exception):
    """The worker is gone, and with it the answer to the call."""


class Worker(Protocol):
    """Asks and scores, somewhere. Both raise Lost."""

    async def ask(self, case: Case, repeat: int) -> Output:
        """As `Target.ask`."""

    async def score(self, case: Case, output: Output) -> Mapping[str, Score]:
        """As `runner.score`, by all scorers of the run."""

    def dismiss(self) -> None:
        """Ends it, dead or alive. Never raises."""


class Crew:
    """A changing set of workers. Use as an async context manager.

    Args:
        hire: makes one worker that is ready to be asked. Raises Lost when it died on the way, and EvalsError when no
            worker could do better.
        size: workers to have. Those that die are replaced, `size * LIVES` hired in all.
        patience_s: longest wait for the first one.
    """

    def __init__(self, hire: Callable[[], Awaitable[Worker]], size: int, patience_s: float = 120.0) -> None:
        self._hire, self._size, self._patience_s = hire, size, patience_s
        self._calls: dict[Worker, int] = {}
        self._hiring: set[asyncio.Task[None]] = set()
        self._spare = size * (LIVES - 1)

    async def __aenter__(self) -> Crew:
        """Hires, and waits for the first worker; the others join when they are ready. Raises EvalsError."""
        async with AsyncExitStack() as unless_ready:
            unless_ready.push_async_exit(self)
            for _ in range(self._size):
                self._take_on()
            await self._least_busy()
            unless_ready.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Dismisses everybody."""
        for task in self._hiring:
            task.cancel()
        await asyncio.gather(*self._hiring, return_exceptions=True)
        for worker in self._calls:
            worker.dismiss()
        self._calls.clear()

    async def call(self, make: Callable[[Worker], Awaitable[T]]) -> T:
        """What a call gives, from whichever worker lives to give it.

        A call that a worker took with it is made again elsewhere, so the target may get it twice; one that has answered
        is never repeated. Raises what the call raises, Lost when it cost LIVES workers, and EvalsError when there is
        none to be had.
        """
        for _ in range(LIVES):
            worker = await self._least_busy()
            self._calls[worker] += 1
            try:
                return await make(worker)
            except Lost:
                self._replace(worker)
            finally:
                if worker in self._calls:
                    self._calls[worker] -= 1
        raise Lost

    async def _least_busy(self) -> Worker:
        until = asyncio.get_running_loop().time() + self._patience_s
        while True:
            for task in [task for task in self._hiring if task.done()]:
                self._hiring.discard(task)
                task.result()
            if self._calls:
                return min(self._calls, key=self._calls.__getitem__)
            left = until - asyncio.get_running_loop().time()
            if not self._hiring or left <= 0:
                raise TargetError(
                    "there is no worker left" if left > 0 else f"no worker started in {self._patience_s:g} s",
                    fix="look at the workers' logs, free CPUs for them, and install the same version everywhere",
                )
            await asyncio.wait(self._hiring, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def _take_on(self) -> None:
        self._hiring.add(asyncio.ensure_future(self._welcome()))

    async def _welcome(self) -> None:
        try:
            worker = await self._hire()
        except Lost:
            self._hire_spare()
        else:
            self._calls[worker] = 0

    def _replace(self, worker: Worker) -> None:
        if self._calls.pop(worker, None) is not None:
            worker.dismiss()
            self._hire_spare()

    def _hire_spare(self) -> None:
        if self._spare > 0:
            self._spare -= 1
            self._take_on()


@dataclass(frozen=True, slots=True)
class CrewTarget:
    """A target that workers ask. It is probed from here."""

    target: Target
    crew: Crew

    @property
    def ref(self) -> TargetRef:
        """As in Target."""
        return self.target.ref

    async def probe(self) -> None:
        """As in Target."""
        await self.target.probe()

    async def ask(self, case: Case, repeat: int = 0) -> Output:
        """As in Target."""
        try:
            return await self.crew.call(lambda worker: worker.ask(case, repeat))
        except Lost:
            return Output(error=f"{LIVES} workers died one after the other while they asked")

    async def aclose(self) -> None:
        """As in Target."""
        await self.target.aclose()


def scorers(built: Sequence[Scorer], crew: Crew) -> list[Scorer]:
    """The same scorers, with their work done by a crew whose workers have them too: one call for all that apply."""
    together = _Together(crew)
    return [_CrewScorer(scorer, together) for scorer in built]


class _Together:
    """The scores of one output, asked for once by the first scorer, waited for by all."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._under_way: dict[int, asyncio.Future[Mapping[str, Score]]] = {}

    async def scores(self, case: Case, output: Output) -> Mapping[str, Score]:
        # Scorers of one output run side by side and hold it: its identity stands for it until all have their score.
        place = id(output)
        if place not in self._under_way:
            call = self._crew.call(lambda worker: worker.score(case, output))
            made = self._under_way[place] = asyncio.ensure_future(call)
            made.add_done_callback(lambda _: self._under_way.pop(place, None))
        return await self._under_way[place]


@dataclass(frozen=True, slots=True)
class _CrewScorer:
    scorer: Scorer
    together: _Together

    @property
    def name(self) -> str:
        return self.scorer.name

    @property
    def version(self) -> str:
        return self.scorer.version

    @property
    def higher_is_better(self) -> bool:
        return self.scorer.higher_is_better

    def applies(self, case: Case) -> bool:
        return self.scorer.applies(case)

    async def __call__(self, case: Case, output: Output, /) -> Score:
        try:
            return (await self.together.scores(case, output))[self.name]
        except EvalsError:
            # Nobody is left to do it. What was answered is worth its score, and it can be had here as well.
            return await self.scorer(case, output)
