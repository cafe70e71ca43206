"""Cases x target x repeats: asked with bounded concurrency, journaled, scored, always in the same order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evals.errors import EvalsError, TargetError
from evals.journal import Journal, key
from evals.scorer import Scorer
from evals.target import Target
from evals.types import Case, Cause, Output, RunItem, Score


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask, and how hard."""

    cases: Sequence[Case]
    prompt_sha256: str
    repeats: int = 1
    concurrency: int = 8
    timeout_s: float = 120.0
    """Longest wait for one output, the client's retries included."""


Progress = Callable[[RunItem], None]


async def run(
    plan: Plan, target: Target, scorers: Sequence[Scorer], journal: Journal, progress: Progress | None = None
) -> list[RunItem]:
    """Every case asked `repeats` times and scored, ordered by case and repeat.

    Outputs in the journal are not asked for again. Raises TargetError when the target cannot be asked, or
    gave nothing but errors; RunError when the journal cannot be written.
    """
    jobs = [(case, repeat) for case in plan.cases for repeat in range(plan.repeats)]
    signature = target.ref.signature
    keys = [key(case, repeat, plan.prompt_sha256, signature) for case, repeat in jobs]
    if any(journal.get(name) is None for name in keys):
        await target.probe()
    done: list[RunItem | None] = [None] * len(jobs)

    async def work(queue: Iterator[int]) -> None:
        for place in queue:
            case, repeat = jobs[place]
            output = journal.get(keys[place])
            if output is None:
                output = await _ask(target, case, plan.timeout_s)
                journal.put(keys[place], output)
            scores = await score(case, output, scorers)
            done[place] = item = RunItem(case.id, case.sha256, repeat, output, scores)
            if progress is not None:
                progress(item)

    await _together([work] * max(1, min(plan.concurrency, len(jobs))), iter(range(len(jobs))))
    items = [item for item in done if item is not None]
    _refuse_only_errors(items)
    return items


async def score(case: Case, output: Output, scorers: Sequence[Scorer]) -> Mapping[str, Score]:
    """The scores of one output by scorer name; scorers that do not apply are left out. Never raises."""
    applying = [scorer for scorer in scorers if scorer.applies(case)]
    if output.error:
        return {scorer.name: Score.unscored(output.error, Cause.TARGET) for scorer in applying}
    results = await asyncio.gather(*(scorer(case, output) for scorer in applying), return_exceptions=True)
    return {scorer.name: _settled(result) for scorer, result in zip(applying, results, strict=True)}


def _settled(result: Score | BaseException) -> Score:
    if isinstance(result, Score):
        return result
    if isinstance(result, Exception):
        return Score.unscored(f"the scorer failed ({type(result).__name__})", Cause.SCORER)
    raise result


async def _ask(target: Target, case: Case, timeout_s: float) -> Output:
    """The target's output within the time, or an output that says why there is none."""
    (result,) = await asyncio.gather(asyncio.wait_for(target.ask(case), timeout_s), return_exceptions=True)
    if isinstance(result, Output):
        return result
    if isinstance(result, TimeoutError):
        return Output(error=f"no reply within {timeout_s:g} s")
    if isinstance(result, Exception) and not isinstance(result, EvalsError):
        return Output(error=f"the target failed ({type(result).__name__})")
    raise result


async def _together(
    workers: Sequence[Callable[[Iterator[int]], Awaitable[None]]], queue: Iterator[int]
) -> None:
    tasks = [asyncio.ensure_future(worker(queue)) for worker in workers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _refuse_only_errors(items: Sequence[RunItem]) -> None:
    errors = [item.output.error for item in items if item.output.error]
    if items and len(errors) == len(items):
        most = max(sorted(set(errors)), key=errors.count)
        raise TargetError(f"the target answered none of {len(items)} calls ({most})", fix="look at its log")
