"""Means with intervals, and the paired comparison: what a difference between two runs is worth.

All of it is deterministic: the bootstrap's seed is fixed. numpy and scipy are imported when first needed.
References: Efron 1987 (BCa), Dietterich 1998 and Fagerland 2013 (McNemar mid-p), Miller 2024 (paired evals).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20_240_601
"""Seed of every bootstrap."""
RESAMPLES = 10_000
EXACT_BELOW = 25
"""Below this many discordant pairs a binary comparison also takes the exact test."""
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean between two bounds."""

    mean: float
    low: float
    high: float


def mean_interval(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """The mean with a two-sided cluster bootstrap interval (BCa); None without values."""
    if not values:
        return None
    sums, counts = _by_cluster(values, clusters)
    low, high = _bca(sums, counts, _resampled(sums, counts, resamples), (1 - confidence) / 2)
    return Interval(math.fsum(values) / len(values), low, high)


class Paired:
    """Differences (candidate minus baseline, larger is better) on the same items, asked what they are worth.

    Args:
        differences: one per item, at least one.
        clusters: the item's cluster; items of one cluster move together.
        binary: whether each difference is -1, 0 or 1 from a single pair of passes and fails.
        resamples: bootstrap resamples.
    """

    def __init__(
        self,
        differences: Sequence[float],
        clusters: Sequence[Hashable],
        *,
        binary: bool = False,
        resamples: int = RESAMPLES,
    ) -> None:
        self.n = len(differences)
        self.delta = math.fsum(differences) / self.n
        self._sums, self._counts = _by_cluster(differences, clusters)
        self.groups = len(self._sums)
        self._resamples = resamples
        self._won = sum(difference > 0 for difference in differences)
        self._lost = sum(difference < 0 for difference in differences)
        self._exact = binary and self._won + self._lost < EXACT_BELOW
        self._error = _standard_error(self._sums, self._counts, self.delta)

    @property
    def method(self) -> str:
        """The tests that were used, in words."""
        return "paired t + cluster bootstrap" + (" + exact McNemar (mid-p)" if self._exact else "")

    @property
    def p(self) -> float:
        """One-sided p of no loss: the largest of the tests that apply."""
        tests = [_t_p(self.delta, self._error, self._freedom)]
        if self._exact:
            tests.append(mcnemar(self._won, self._lost))
        return max(tests)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Bounds of the difference, each at one-sided level alpha: the widest of the methods that apply."""
        half = _t_quantile(self._freedom, 1 - alpha) * self._error if self._error else 0.0
        found = [(self.delta - half, self.delta + half), _bca(self._sums, self._counts, self._means, alpha)]
        if self._exact:
            found.append(_mcnemar_interval(self._won, self._lost, self.n, alpha))
        return min(low for low, _ in found), max(high for _, high in found)

    def detectable(self, alpha: float) -> float:
        """The loss that a comparison as noisy as this one would see with 80 % power."""
        reach = _t_quantile(self._freedom, 1 - alpha) + _t_quantile(self._freedom, POWER)
        return float(reach * self._error)

    @cached_property
    def _means(self) -> NDArray[Any]:
        return _resampled(self._sums, self._counts, self._resamples)

    @property
    def _freedom(self) -> int:
        return max(1, self.groups - 1)


def mcnemar(won: int, lost: int) -> float:
    """Exact one-sided mid-p that losses are no likelier than wins."""
    n = won + lost
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, x) for x in range(lost + 1, n + 1)) + math.comb(n, lost) / 2
    return float(tail / 2**n)


def fisher(missing_a: int, n_a: int, missing_b: int, n_b: int) -> float:
    """Two-sided exact p that two shares of missing values are the same."""
    missing, n = missing_a + missing_b, n_a + n_b
    if missing == 0 or missing == n or 0 in (n_a, n_b):
        return 1.0
    total = math.comb(n, missing)
    chances = {
        a: math.comb(n_a, a) * math.comb(n_b, missing - a)
        for a in range(max(0, missing - n_b), min(n_a, missing) + 1)
    }
    observed = chances[missing_a]
    return sum(chance for chance in chances.values() if chance <= observed) / total


def holm_levels(p_values: Sequence[float], alpha: float) -> list[tuple[int, float]]:
    """Holm's steps: positions in the order to test them, each with its level. The first kept ends it."""
    order = sorted(range(len(p_values)), key=lambda position: (p_values[position], position))
    return [(position, alpha / (len(p_values) - step)) for step, position in enumerate(order)]


def _by_cluster(values: Sequence[float], clusters: Sequence[Hashable]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Sum and number of the values of each cluster, in the order in which clusters first occur."""
    import numpy as np

    place: dict[Hashable, int] = {}
    for cluster in clusters:
        place.setdefault(cluster, len(place))
    index = np.array([place[cluster] for cluster in clusters])
    return np.bincount(index, weights=np.asarray(values, dtype=float)), np.bincount(index).astype(float)


def _standard_error(sums: NDArray[Any], counts: NDArray[Any], mean: float) -> float:
    """Cluster-robust standard error of the mean; the ordinary one when every item is its own cluster."""
    groups = len(sums)
    if groups < 2:
        return math.inf if sums.any() else 0.0
    residuals = sums - counts * mean
    return float(math.sqrt(groups / (groups - 1) * float(residuals @ residuals)) / counts.sum())


def _t_p(delta: float, error: float, freedom: int) -> float:
    from scipy.special import stdtr

    if error == 0:
        return 0.0 if delta < 0 else 1.0
    return float(stdtr(freedom, delta / error))


def _t_quantile(freedom: int, level: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, level))


def _bca(sums: NDArray[Any], counts: NDArray[Any], means: NDArray[Any], alpha: float) -> tuple[float, float]:
    """Bias-corrected accelerated bounds of the mean, each at level alpha, from resampled means."""
    import numpy as np
    from scipy.special import ndtr, ndtri

    mean = float(sums.sum() / counts.sum())
    if len(sums) < 2:
        return mean, mean
    below = (np.count_nonzero(means < mean) + np.count_nonzero(means == mean) / 2) / len(means)
    left_out = (sums.sum() - sums) / (counts.sum() - counts)
    skew = left_out.mean() - left_out
    spread = float((skew**2).sum())
    if not 0 < below < 1 or spread == 0:
        return float(means.min()), float(means.max())
    bias, acceleration = float(ndtri(below)), float((skew**3).sum()) / (6 * spread**1.5)

    def level(z: float) -> float:
        return float(ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))))

    z = float(ndtri(alpha))
    low, high = np.quantile(means, [level(z), level(-z)])
    return float(low), float(high)


def _resampled(sums: NDArray[Any], counts: NDArray[Any], resamples: int) -> NDArray[Any]:
    """Means of resampled sets of clusters, in blocks that keep memory small."""
    import numpy as np

    random = np.random.default_rng(SEED)
    groups = len(sums)
    block = max(1, 2_000_000 // groups)
    means = []
    for start in range(0, resamples, block):
        drawn = random.integers(0, groups, (min(block, resamples - start), groups))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


def _mcnemar_interval(won: int, lost: int, n: int, alpha: float) -> tuple[float, float]:
    """Bounds of the difference, given the number of discordant pairs, that agree with the mid-p test."""
    discordant = won + lost

    def share(wanted: float, successes: int) -> float:
        """The largest chance of success that the data does not rule out."""
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            tail = sum(_binomial(x, discordant, middle) for x in range(successes))
            tail += _binomial(successes, discordant, middle) / 2
            low, high = (middle, high) if tail > wanted else (low, middle)
        return high

    if discordant == 0:
        return 0.0, 0.0
    most_won, most_lost = share(alpha, won), share(alpha, lost)
    scale = discordant / n
    return (1 - 2 * most_lost) * scale, (2 * most_won - 1) * scale


def _binomial(x: int, n: int, chance: float) -> float:
    return math.comb(n, x) * chance**x * (1 - chance) ** (n - x)
