"""What the difference between two runs on the same cases is worth: a 95 % interval, or why there is none. Pure.

References: Cameron and Miller 2015 (cluster-robust errors), Miller 2024 (paired evals), Clopper and Pearson 1934.
scipy is imported when first needed.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

LEVEL = 0.95
LEAST = 5
"""Clusters below which no interval is said."""
EXACT_BELOW = 25
"""Below so many cases that changed sides, a pass-or-fail metric also takes the exact interval."""
METHOD = (
    "Each case counts once, with its mean over the repeats that have a score. The interval is a 95 % paired t interval "
    "of the differences with a cluster-robust error: cases of one cluster (a source document, a conversation) are not "
    "taken as independent. Where a metric is pass or fail and fewer than 25 cases changed sides, it is the wider of "
    "that and the exact one (Clopper-Pearson on the cases that changed sides)."
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference, second run minus first, on `n` cases in `clusters`."""

    delta: float
    n: int
    clusters: int
    low: float | None = None
    high: float | None = None
    unsaid: str = ""
    """Why there is no interval; empty where there is one."""


def difference(differences: Sequence[float], clusters: Sequence[Hashable]) -> Difference | None:
    """The mean of some differences with its interval; None without any.

    Args:
        differences: one for each case.
        clusters: the cluster of each.
    """
    n = len(differences)
    if not n:
        return None
    delta = math.fsum(differences) / n
    residuals: dict[Hashable, float] = {}
    for value, cluster in zip(differences, clusters, strict=True):
        residuals[cluster] = residuals.get(cluster, 0.0) + value - delta
    groups = len(residuals)
    if not any(differences):
        return Difference(delta, n, groups, unsaid=f"no case differs: {n} alike bound nothing else")
    if groups < LEAST:
        return Difference(
            delta, n, groups, unsaid=f"{groups} independent cases are too few ({LEAST} are needed)"
        )
    error = math.sqrt(groups / (groups - 1) * math.fsum(each * each for each in residuals.values())) / n
    low, high = _t(delta, error, groups - 1)
    won, lost = sum(value > 0 for value in differences), sum(value < 0 for value in differences)
    if set(differences) <= {-1.0, 0.0, 1.0} and won + lost < EXACT_BELOW:
        exact = _exact(won, lost, n)
        low, high = min(low, exact[0]), max(high, exact[1])
    elif error == 0:
        return Difference(
            delta, n, groups, unsaid="every case differs by the same: nothing varies to judge by"
        )
    return Difference(delta, n, groups, low, high)


def _t(delta: float, error: float, freedom: int) -> tuple[float, float]:
    from scipy.special import stdtrit

    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return delta - half, delta + half


def _exact(won: int, lost: int, n: int) -> tuple[float, float]:
    """Bounds of the difference, given how many cases changed sides."""
    from scipy.special import betaincinv

    tail, changed = (1 - LEVEL) / 2, won + lost
    low = float(betaincinv(won, lost + 1, tail)) if won else 0.0
    high = float(betaincinv(won + 1, lost, 1 - tail)) if lost else 1.0
    return (2 * low - 1) * changed / n, (2 * high - 1) * changed / n
