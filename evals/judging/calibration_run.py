"""A judge asked about everything that people labelled, several times over."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

from evals.judging import rubrics
from evals.judging.agreement import Judged
from evals.judging.estimate import Estimate
from evals.judging.labels import Label, Labels, material
from evals.judging.purse import REPLY_TOKENS, tokens
from evals.judging.spec import JudgeSpec
from evals.judging.types import Judge, Rubric, Ruling
from evals.run import RunItem
from evals.types import Output

Heard = Callable[[RunItem], None]
"""Is told of each ruling as it comes, as an item of a run."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a judge is asked, and how often."""

    labels: Labels
    rubric: Rubric
    repeats: int = 3
    concurrency: int = 8
    """Rulings that are waited for at a time."""

    @property
    def rulings(self) -> int:
        """How many there will be."""
        return len(self.labels.items) * self.repeats

    def estimate(self, spec: JudgeSpec) -> Estimate:
        """What they may take; repairs and tries that fail come on top."""
        said = (rubrics.messages(self.rubric, material(item, self.rubric)) for item in self.labels.items)
        chars = sum(len(message["content"]) for messages in said for message in messages) * self.repeats
        read, written = tokens(chars), self.rulings * REPLY_TOKENS
        usd = None if spec.prices is None else spec.prices.usd(read, written)
        return Estimate(self.rulings, read, written, usd)


@dataclass(frozen=True, slots=True)
class Record:
    """What came of it."""

    items: tuple[Judged, ...]
    """In the order of the labels."""
    answered_models: tuple[str, ...]
    """Models that the replies named, sorted."""
    failures: tuple[tuple[str, int], ...]
    """Why rulings have no verdict, and how many: the most frequent reason first."""


async def hear(judge: Judge, hearing: Hearing, heard: Heard) -> Record:
    """Asks the judge about every item, once a repeat; items take turns, so that a repeat is no immediate one.

    Raises JudgeError when no call can succeed.
    """
    found: dict[tuple[str, int], Ruling] = {}
    waiting = iter([(item, repeat) for repeat, item in product(range(hearing.repeats), hearing.labels.items)])

    async def work() -> None:
        for item, repeat in waiting:
            ruling = await judge.rule(hearing.rubric, material(item, hearing.rubric), repeat)
            found[item.id, repeat] = ruling
            output = Output(usage=ruling.usage, attempts=ruling.calls, error=ruling.reason)
            heard(RunItem(item.id, "", repeat, output, {}))

    workers = [asyncio.ensure_future(work()) for _ in range(hearing.concurrency)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    items = tuple(
        _judged(item, [found[item.id, n] for n in range(hearing.repeats)]) for item in hearing.labels.items
    )
    models = {ruling.answered_model for ruling in found.values()} - {""}
    failures = Counter(ruling.reason for ruling in found.values() if not ruling.verdict)
    return Record(items, tuple(sorted(models)), tuple(failures.most_common()))


def _judged(item: Label, rulings: Sequence[Ruling]) -> Judged:
    return Judged(
        item.id,
        item.label,
        tuple(ruling.verdict for ruling in rulings),
        item.cluster,
        item.tags,
        tuple(said for _, said in item.ratings),
    )
