"""Jobs x target: asked as hard as the provider bears, journaled, scored, always in the same order."""

from __future__ import annotations

import asyncio
import gc
import math
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack

from evals.cache import Cache
from evals.errors import EvalsError, Retryable, TargetError
from evals.journal import Failures, Journal, key
from evals.pacing import Pacer, backoff
from evals.run import RunItem
from evals.scorer import Scorer
from evals.target import Target
from evals.types import Case, Cause, Output, Score

PATIENCE = 10
"""How often one call may be throttled before it is given up: that is the provider's limit and not the call's fault."""
LONGEST_REST_S = 300.0
"""A provider that asks to be left alone for longer ends the call: nobody waits in front of a terminal for that."""

_ELSEWHERE = ("HTTP 404", "HTTP 405", "unreadable reply", "the reply has no choices")
"""How errors begin that come of a page where no chat endpoint is."""


@dataclass(frozen=True, slots=True)
class Job:
    """One output to get."""

    case: Case
    repeat: int


def jobs(cases: Sequence[Case], repeats: int, first: int = 0) -> list[Job]:
    """Every case so many times, ordered as given and then by repeat; repeats are counted from `first`."""
    return [Job(case, repeat) for case in cases for repeat in range(first, first + repeats)]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, and how hard."""

    jobs: Sequence[Job]
    prompt_sha256: str
    concurrency: int = 8
    """Calls at a time, at most."""
    timeout_s: float = 120.0
    """Longest wait for one try."""
    tries: int = 4
    """Tries for one output that may fail, those that were throttled left out."""
    retry_budget: float = 0.6
    """Tries beyond the first of each job, as a share of the jobs: a provider that is down is not stormed."""
    fresh: Collection[str] = ()
    """Ids of cases that are asked though the cache has them, where a proxy told its policy: it may be another now."""


Progress = Callable[[RunItem], None]
"""Is told of each item once it is journaled and scored."""


class Options(TypedDict, total=False):
    """What a run may be given besides."""

    cache: Cache | None
    """Outputs of earlier runs."""
    progress: Progress | None
    stop: asyncio.Event | None
    """Once it is set no further call begins, those under way come to their end, and the run raises Interrupted."""
    pacer: Pacer | None
    """Shared by runs that ask the same provider at the same time."""
    together: asyncio.Barrier | None
    """Where runs that are compared wait for each other before they begin."""


class Interrupted(EvalsError):
    """A run was stopped before its end.

    Args:
        items: what was answered, in order.
    """

    def __init__(self, items: Sequence[RunItem]) -> None:
        self.items = items
        super().__init__(f"interrupted after {len(items)} answers", fix="go on with the same --out")


class Broken(TargetError):
    """The target cannot be asked any further, e.g. because it refuses the key since then.

    Args:
        cause: what it said.
        items: what was answered before, in order.
    """

    def __init__(self, cause: TargetError, items: Sequence[RunItem]) -> None:
        self.items = items
        super().__init__(cause.what, fix=cause.fix)


async def run(
    plan: Plan, target: Target, scorers: Sequence[Scorer], journal: Journal, **options: Unpack[Options]
) -> list[RunItem]:
    """Every job's item, ordered by case id, then repeat. What is in the journal is not asked for again.

    Raises TargetError when the target cannot be asked or gave nothing but errors (`Broken` in mid run), Interrupted
    when `stop` was set before the end, RunError when journal or cache cannot be written.
    """
    going = _Run(plan, target, scorers, journal, options)
    stop = options.get("stop")
    watch = asyncio.ensure_future(_close_at(stop, going.pacer)) if stop is not None else None
    # What is there stays until the end: looking through it for garbage again and again takes a fifth of the time.
    gc.freeze()
    try:
        if going.missing:
            await going.probe()
        if (together := options.get("together")) is not None:
            await together.wait()
        await going.work()
    except TargetError as error:
        await going.score_rest()
        raise Broken(error, going.items()) from None
    finally:
        gc.unfreeze()
        if watch is not None:
            watch.cancel()
    items = going.items()
    if len(items) < len(plan.jobs):
        raise Interrupted(items)
    _refuse_only_errors(items, target.ref.base_url)
    return items


async def score(case: Case, output: Output, scorers: Sequence[Scorer]) -> Mapping[str, Score]:
    """The scores of one output by scorer name; scorers that do not apply are left out. Never raises."""
    applying = [scorer for scorer in scorers if await _applies(scorer, case)]
    if output.error:
        return {scorer.name: Score.unscored(output.error, Cause.TARGET) for scorer in applying}
    results = await asyncio.gather(*(scorer(case, output) for scorer in applying), return_exceptions=True)
    return {scorer.name: _settled(result) for scorer, result in zip(applying, results, strict=True)}


async def _applies(scorer: Scorer, case: Case) -> bool:
    """Whether it does; somebody's own says so without holding up the event loop."""
    ask = getattr(scorer, "applying", None)
    return scorer.applies(case) if ask is None else await ask(case)


@contextmanager
def heeding(stop: asyncio.Event) -> Iterator[None]:
    """The first Ctrl-C sets `stop`, the second cancels the task that runs now. Outside a main thread: nothing."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def heed() -> None:
        if stop.is_set() and task is not None:
            task.cancel()
        stop.set()

    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, heed)
    except (NotImplementedError, RuntimeError, ValueError):
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)


class _Run:
    """One run under way."""

    def __init__(
        self, plan: Plan, target: Target, scorers: Sequence[Scorer], journal: Journal, options: Options
    ) -> None:
        self._plan, self._target, self._scorers, self._journal = plan, target, scorers, journal
        self._cache, self._progress = options.get("cache"), options.get("progress")
        self.pacer = options.get("pacer") or Pacer(plan.concurrency)
        self._signature = target.ref.signature
        self._done: list[RunItem | None] = [None] * len(plan.jobs)
        self.missing = sum(self.key(job) not in journal for job in plan.jobs)
        self._spare = max(plan.tries - 1, math.ceil(plan.retry_budget * self.missing))
        # Finding out how many calls a provider bears takes a few bursts of throttled ones.
        self._rounds = 2 * plan.concurrency
        self._answered: asyncio.Queue[tuple[int, Output] | None] = asyncio.Queue()

    def key(self, job: Job) -> str:
        """The call's name in journal and cache."""
        return key(job.case, job.repeat, self._plan.prompt_sha256, self._signature)

    def items(self) -> list[RunItem]:
        """What is done, in order."""
        return sorted(
            (item for item in self._done if item is not None), key=lambda item: (item.id, item.repeat)
        )

    async def probe(self) -> None:
        """Sees whether the target can be asked; where it cannot, what the journal has is still to be scored."""
        try:
            await self._target.probe()
        except TargetError:
            for place, job in enumerate(self._plan.jobs):
                if (output := self._journal.get(self.key(job))) is not None:
                    self._answered.put_nowait((place, output))
            raise

    async def work(self) -> None:
        """Asks and scores, each in as many tasks as calls may be open. Asking goes on while scorers wait."""
        at_once = max(1, min(self._plan.concurrency, len(self._plan.jobs)))
        queue = iter(range(len(self._plan.jobs)))
        # Twice as many as there are slots: a call that waits for its next try leaves its slot to another.
        asking = [asyncio.ensure_future(self._ask_each(queue)) for _ in range(2 * at_once)]
        scoring = [asyncio.ensure_future(self._score_each()) for _ in range(at_once)]
        try:
            await asyncio.gather(asyncio.gather(*asking), self._ended_after(asking), *scoring)
        finally:
            for task in (*asking, *scoring):
                task.cancel()
            await asyncio.gather(*asking, *scoring, return_exceptions=True)

    async def _ended_after(self, asking: Sequence[asyncio.Future[None]]) -> None:
        await asyncio.wait(asking)
        self._answered.put_nowait(None)

    async def _score_each(self) -> None:
        while (found := await self._answered.get()) is not None:
            place, output = found
            await self._settle(place, output)
        self._answered.put_nowait(None)

    async def score_rest(self) -> None:
        """Scores what was answered before the run broke."""
        while not self._answered.empty():
            if (found := self._answered.get_nowait()) is not None:
                await self._settle(*found)

    async def _settle(self, place: int, output: Output) -> None:
        job = self._plan.jobs[place]
        scores = await score(job.case, output, self._scorers)
        item = RunItem(job.case.id, job.case.sha256, job.repeat, output, scores)
        self._done[place] = item
        if self._progress is not None:
            self._progress(item)

    async def _ask_each(self, queue: Iterator[int]) -> None:
        for place in queue:
            job = self._plan.jobs[place]
            name = self.key(job)
            output = self._journal.get(name) or self._cached(name, job) or await self._asked(job, name)
            if output is not None:
                self._answered.put_nowait((place, output))

    def _cached(self, name: str, job: Job) -> Output | None:
        found = None if self._cache is None else self._cache.get(name)
        if found is None or (found.policy and job.case.id in self._plan.fresh):
            return None
        output = replace(found, attempts=0)
        self._journal.put(name, output)
        return output

    async def _asked(self, job: Job, name: str) -> Output | None:
        """The job's output after as many tries as it takes and may take; None when the run was stopped before."""
        while True:
            result = await self._try(job)
            if result is None:
                return None
            if isinstance(result, Output):
                return self._kept(name, result)
            self._journal.fail(name, result.reason, result.throttled)
            failed = self._journal.failures(name)
            reason = self._given_up(result, failed)
            if reason:
                output = _ended(result, reason, failed.all)
                self._journal.put(name, output)
                return output
            await self.pacer.nap(backoff(name, failed.open + failed.throttled))

    def _kept(self, name: str, output: Output) -> Output:
        failed = self._journal.failures(name).all
        if output.error:
            self._journal.fail(name, output.error)
        if failed:
            output = replace(output, attempts=output.attempts + failed)
        self._journal.put(name, output)
        if self._cache is not None:
            self._cache.put(name, output)
        return output

    def _given_up(self, last: Retryable, failed: Failures) -> str:
        """Why a call is not tried again; empty when it is, which is taken off what the run may spend."""
        if last.wait_s is not None and last.wait_s > LONGEST_REST_S:
            return f"{last.reason}, and it asks to wait {last.wait_s:g} s"
        if failed.open >= self._plan.tries or failed.throttled >= PATIENCE:
            tried = failed.open + failed.throttled
            return last.reason if tried == 1 else f"{last.reason}, the last of {tried} tries"
        if last.of_a_burst and self._rounds > 0:
            self._rounds -= 1
            return ""
        if self._spare <= 0:
            return f"{last.reason}, and the run has no retries left"
        self._spare -= 1
        return ""

    async def _try(self, job: Job) -> Output | Retryable | None:
        """One try in a slot of its own: an output, why there is none but may be, or None when no call may begin."""
        slot = await self.pacer.enter(self)
        if slot is None:
            return None
        try:
            result = await self._once(job)
            if isinstance(result, Output):
                self.pacer.answered()
                return result
            if result.throttled:
                result.of_a_burst = not self.pacer.throttled(slot)
            if result.wait_s is not None and result.wait_s <= LONGEST_REST_S:
                self.pacer.rest(result.wait_s)
            return result
        except EvalsError:
            # No call can succeed: whoever waits for the slot must not begin one.
            self.pacer.close()
            raise
        finally:
            self.pacer.leave()

    async def _once(self, job: Job) -> Output | Retryable:
        """What one call gave. Raises EvalsError when no call can succeed."""
        within = self._plan.timeout_s
        try:
            async with asyncio.timeout(within) as limit:
                return await self._target.ask(job.case, job.repeat)
        except Retryable as trouble:
            return trouble
        except EvalsError:
            raise
        except Exception as error:
            if limit.expired():
                return Retryable(f"no reply within {within:g} s")
            return Output(error=f"the target failed ({type(error).__name__})")


async def _close_at(stop: asyncio.Event, pacer: Pacer) -> None:
    await stop.wait()
    pacer.close()


def _settled(result: Score | BaseException) -> Score:
    if isinstance(result, Score):
        return result
    if isinstance(result, Exception):
        return Score.unscored(f"the scorer failed ({type(result).__name__})", Cause.SCORER)
    raise result


def _ended(last: Retryable, reason: str, failed: int) -> Output:
    """A call that was given up, with what a model answered before in the same scenario."""
    before = last.so_far
    if before is None:
        return Output(error=reason, trace_id=last.trace_id, attempts=failed)
    return Output(
        error=reason,
        trace_id=last.trace_id,
        usage=before.usage,
        answered_model=before.answered_model,
        attempts=failed + before.attempts,
    )


def _refuse_only_errors(items: Sequence[RunItem], base_url: str) -> None:
    errors = [item.output.error for item in items if item.output.error]
    if items and len(errors) == len(items):
        most = max(sorted(set(errors)), key=errors.count)
        what = f"the target answered none of {len(items)} calls ({most})"
        raise TargetError(what, fix=_mended(most, base_url))


def _mended(error: str, base_url: str) -> str:
    """What to do where every call failed with the same error."""
    if "model_not_found" in error:
        return "correct --model"
    if base_url and not base_url.rstrip("/").endswith("/v1") and error.startswith(_ELSEWHERE):
        return "end the address in /v1"
    return "look at its log"
