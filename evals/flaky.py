"""Cases that disagree with themselves: nothing changed between two repeats, and yet one passes and the other fails."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from evals.run import Flaky, RunItem

PASSING = 0.5
"""A score passes when it is at least this, and a case when the mean over its repeats is."""


def flaky(items: Sequence[RunItem], metrics: Collection[str]) -> tuple[Flaky, ...]:
    """The cases of one run that pass a metric in some repeats and fail it in others, by id and metric.

    Args:
        items: of one run, in any order. Scores without a value count on neither side.
        metrics: those that have a pass mark (`compare.graded`).
    """
    seen: dict[tuple[str, str], list[int]] = {}
    for item in items:
        for metric, score in item.scores.items():
            if score.value is not None and metric in metrics:
                seen.setdefault((item.id, metric), [0, 0])[score.value < PASSING] += 1
    mixed = sorted((key, counts) for key, counts in seen.items() if all(counts))
    return tuple(Flaky(name, metric, passed, failed) for (name, metric), (passed, failed) in mixed)
