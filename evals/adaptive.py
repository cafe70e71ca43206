"""Adaptive repeats: ask every case a little, then ask again only where the two arms disagree.

The rule treats both arms alike, so that an unchanged prompt is blocked no more often than without it; there is one look
at the end, so there is nothing to correct for. docs/concepts/regression-gate.md has the measured rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from evals.run import RunItem
from evals.types import Score


def disagreeing(
    baseline: Sequence[RunItem], candidate: Sequence[RunItem], metrics: Sequence[str]
) -> list[str]:
    """Ids of the cases whose mean differs between the arms on any of the metrics, in order of id.

    A case that only one arm has a value for differs too; a case that only one arm was asked does not. Swapping the arms
    changes nothing.
    """
    before, after = _by_case(baseline), _by_case(candidate)
    shared = sorted(before.keys() & after.keys())
    return [
        key[0]
        for key in shared
        if any(_mean(before[key], metric) != _mean(after[key], metric) for metric in metrics)
    ]


def again(
    baseline: Sequence[RunItem],
    candidate: Sequence[RunItem],
    metrics: Sequence[str],
    *,
    screen: int,
    repeats: int,
) -> list[tuple[str, int]]:
    """What to ask once more, in both arms: pairs of case id and repeat, in that order.

    Only the screen decides: what a broken-off try has already asked after it is not looked at, so that a run that is
    taken up again asks the same.

    Args:
        baseline: the other arm's items, from the screen on.
        candidate: this arm's items, likewise.
        metrics: those that gate.
        screen: times every case was asked at first.
        repeats: times a case that differs is asked in all, the screen included.
    """
    before, after = ([item for item in arm if item.repeat < screen] for arm in (baseline, candidate))
    return [
        (name, repeat) for name in disagreeing(before, after, metrics) for repeat in range(screen, repeats)
    ]


def _by_case(items: Iterable[RunItem]) -> dict[tuple[str, str], list[RunItem]]:
    found: dict[tuple[str, str], list[RunItem]] = {}
    for item in items:
        found.setdefault((item.id, item.sha256), []).append(item)
    return found


def _mean(items: Sequence[RunItem], metric: str) -> float | None:
    """The mean over the scored repeats, the same whatever their order; None where nothing is scored."""
    scores: list[Score] = [item.scores[metric] for item in items if metric in item.scores]
    values = [score.value for score in scores if score.value is not None]
    return math.fsum(values) / len(values) if values else None
