"""Means with intervals, and the paired comparison: what a difference between two runs is worth.

All of it is deterministic: the bootstrap's seed is fixed. numpy and scipy.special are imported when first needed;
scipy.stats and statsmodels are not (docs/decisions/0037): the tests hold every figure here against theirs.
References: Efron 1987 (BCa), Dietterich 1998 and Fagerland 2013 (McNemar mid-p), Pocock 1977, Miller 2024 (pairs).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20_240_601
"""Seed of every bootstrap."""
RESAMPLES = 10_000
EXACT_BELOW = 25
"""Below this many discordant pairs a binary comparison also takes the exact test."""
POWER = 0.8
POCOCK = (0.05, 0.0294, 0.0221, 0.0182, 0.0158)
"""Level of each look, by how many looks are taken, that keeps 5 % over all of them (Pocock 1977)."""

_KEPT_CELLS = 6_000_000
"""Draws of up to this many cells (resamples times clusters) are kept for the next metric: 48 MB."""
_BLOCK_CELLS = 200_000
_NOISE = 1e-12
"""Relative size below which a difference between two sums is rounding."""


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
    weights: Sequence[float] | None = None,
) -> Interval | None:
    """The weighted mean with a two-sided cluster bootstrap interval (BCa); None without values or weight."""
    if not values or (weights is not None and not any(weights)):
        return None
    sums, counts = _by_cluster(values, clusters, weights)
    low, high = _bca(sums, counts, _resampled(sums, counts, resamples), (1 - confidence) / 2)
    return Interval(weighted_mean(values, weights), low, high)


def weighted_mean(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    """The mean of at least one value, each counting by its weight; weights sum to more than nothing."""
    if weights is None:
        return math.fsum(values) / len(values)
    pairs = zip(values, weights, strict=True)
    return math.fsum(value * weight for value, weight in pairs) / math.fsum(weights)


class Paired:
    """Differences (candidate minus baseline, larger is better) on the same items, asked what they are worth.

    Args:
        differences: one per item, at least one, all finite.
        clusters: the item's cluster; items of one cluster move together.
        weights: how much each item counts, more than nothing; None counts them alike.
        binary: whether each difference is -1, 0 or 1 from a single pair of passes and fails.
        resamples: bootstrap resamples; 0 leaves the bootstrap out.

    Raises ValueError for a difference or weight that is no such number.
    """

    def __init__(
        self,
        differences: Sequence[float],
        clusters: Sequence[Hashable],
        *,
        weights: Sequence[float] | None = None,
        binary: bool = False,
        resamples: int = RESAMPLES,
    ) -> None:
        if not all(map(math.isfinite, differences)):
            raise ValueError("a difference is not a finite number")
        if weights is not None and not all(0 < weight < math.inf for weight in weights):
            raise ValueError("a weight is not a finite number above zero")
        self.n = len(differences)
        self.delta = weighted_mean(differences, weights)
        self._sums, self._counts = _by_cluster(differences, clusters, weights)
        self.groups = len(self._sums)
        self._resamples = resamples
        self._won = sum(difference > 0 for difference in differences)
        self._lost = sum(difference < 0 for difference in differences)
        self._exact = binary and self._won + self._lost < EXACT_BELOW
        self._changed = weighted_mean([float(difference != 0) for difference in differences], weights)
        self._error = _standard_error(self._sums, self._counts, self.delta)

    @property
    def method(self) -> str:
        """The tests that were used, in words."""
        bootstrap = " + cluster bootstrap" if self._resamples else ""
        return f"paired t{bootstrap}" + (" + exact McNemar (mid-p)" if self._exact else "")

    @property
    def p(self) -> float:
        """One-sided p of no loss: the largest of the tests that apply."""
        tests = [self._same_for_all if self._error == 0 else _t_p(self.delta / self._error, self._freedom)]
        if self._exact:
            tests.append(mcnemar(self._won, self._lost))
        return max(tests)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Bounds of the difference, each at one-sided level alpha: the widest of the methods that apply."""
        half = _t_quantile(self._freedom, 1 - alpha) * self._error if self._error else 0.0
        found = [(self.delta - half, self.delta + half)]
        if self._resamples:
            found.append(_bca(self._sums, self._counts, self._means, alpha))
        if self._exact:
            found.append(_mcnemar_interval(self._won, self._lost, self._changed, alpha))
        if self._error == 0 and min(self._same_for_all, 1 - self._same_for_all) >= alpha:
            found.append((0.0, 0.0))
        return min(low for low, _ in found), max(high for _, high in found)

    def detectable(self, alpha: float) -> float:
        """The loss that a comparison as noisy as this one would see with 80 % power; 0 without any noise."""
        reach = _t_quantile(self._freedom, 1 - alpha) + _t_quantile(self._freedom, POWER)
        return float(reach * self._error) if self._error else 0.0

    @property
    def _same_for_all(self) -> float:
        """p where every cluster moved alike, so that there is no spread to measure by: the sign test's."""
        if self.delta == 0:
            return 1.0
        return mcnemar(0, self.groups) if self.delta < 0 else mcnemar(self.groups, 0)

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
    if lost == n:
        return math.ldexp(1.0, -min(n + 1, 1000))
    if won == n:
        return 1 - math.ldexp(1.0, -min(n + 1, 1000))
    tail = 2 * sum(math.comb(n, x) for x in range(lost + 1, n + 1)) + math.comb(n, lost)
    return float(tail / 2 ** (n + 1))


def fisher(missing_a: int, n_a: int, missing_b: int, n_b: int) -> float:
    """Two-sided exact p that two shares of missing values are the same."""
    missing, n = missing_a + missing_b, n_a + n_b
    if missing == 0 or missing == n or 0 in (n_a, n_b):
        return 1.0
    least, most = max(0, missing - n_b), min(n_a, missing)
    total = _log_ways(n, missing)
    chances = [
        math.exp(_log_ways(n_a, a) + _log_ways(n_b, missing - a) - total) for a in range(least, most + 1)
    ]
    observed = chances[missing_a - least] * (1 + 1e-7)
    return min(1.0, math.fsum(chance for chance in chances if chance <= observed))


def holm_levels(p_values: Sequence[float], alpha: float) -> list[tuple[int, float]]:
    """Holm's steps: positions in the order to test them, each with its level. The first kept ends it."""
    order = sorted(range(len(p_values)), key=lambda position: (p_values[position], position))
    return [(position, alpha / (len(p_values) - step)) for step, position in enumerate(order)]


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values after Holm: each is below alpha where Holm at alpha finds a difference."""
    adjusted, so_far = [1.0] * len(p_values), 0.0
    for position, share in holm_levels(p_values, 1.0):
        so_far = max(so_far, min(1.0, p_values[position] / share))
        adjusted[position] = so_far
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """The p values after Benjamini-Hochberg: of those below q, a share of about q is there by chance."""
    n = len(p_values)
    adjusted, so_far = [1.0] * n, 1.0
    for rank, position in enumerate(sorted(range(n), key=lambda place: -p_values[place])):
        so_far = min(so_far, p_values[position] * n / (n - rank))
        adjusted[position] = so_far
    return adjusted


def _by_cluster(
    values: Sequence[float], clusters: Sequence[Hashable], weights: Sequence[float] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Weighted sum, and weight, of the values of each cluster, in the order in which clusters first occur."""
    import numpy as np

    place: dict[Hashable, int] = {}
    for cluster in clusters:
        place.setdefault(cluster, len(place))
    index = np.array([place[cluster] for cluster in clusters])
    known = np.asarray(values, dtype=float)
    if weights is None:
        return np.bincount(index, weights=known), np.bincount(index).astype(float)
    heavy = np.asarray(weights, dtype=float)
    sums, counts = np.bincount(index, weights=known * heavy), np.bincount(index, weights=heavy)
    return sums[counts > 0], counts[counts > 0]


def _standard_error(sums: NDArray[Any], counts: NDArray[Any], mean: float) -> float:
    """Cluster-robust standard error of the mean; the ordinary one when every item is its own cluster.

    0 where all clusters have the same mean but for rounding.
    """
    groups = len(sums)
    if groups < 2:
        return math.inf if sums.any() else 0.0
    residuals = sums - counts * mean
    if float(abs(residuals).max()) <= _NOISE * float(abs(sums).max()):
        return 0.0
    return float(math.sqrt(groups / (groups - 1) * float(residuals @ residuals)) / counts.sum())


def _t_p(t: float, freedom: int) -> float:
    from scipy.special import stdtr

    return float(stdtr(freedom, t))


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
    noise = _NOISE * float(abs(means).max())
    below = (np.count_nonzero(means < mean - noise) + np.count_nonzero(means <= mean + noise)) / (
        2 * len(means)
    )
    left_out = (sums.sum() - sums) / (counts.sum() - counts)
    skew = left_out.mean() - left_out
    scale = float(abs(skew).max())
    if not 0 < below < 1 or scale == 0:
        return float(means.min()), float(means.max())
    # Without a unit, so that powers of tiny values do not vanish.
    skew = skew / scale
    bias, acceleration = float(ndtri(below)), float((skew**3).sum()) / (6 * float((skew**2).sum()) ** 1.5)

    def level(z: float) -> float:
        return float(ndtr(bias + (bias + z) / (1 - acceleration * (bias + z))))

    z = float(ndtri(alpha))
    low, high = np.quantile(means, [level(z), level(-z)])
    return float(low), float(high)


def _resampled(sums: NDArray[Any], counts: NDArray[Any], resamples: int) -> NDArray[Any]:
    """Means of resampled sets of clusters, in blocks that keep memory small."""
    import numpy as np

    groups = len(sums)
    if resamples * groups <= _KEPT_CELLS:
        times = _drawn(groups, resamples)
        drawn_counts = groups * counts[0] if (counts == counts[0]).all() else times @ counts
        return np.asarray((times @ sums) / drawn_counts)
    random = np.random.default_rng(SEED)
    block = max(1, _BLOCK_CELLS // groups)
    means = []
    for start in range(0, resamples, block):
        drawn = random.integers(0, groups, (min(block, resamples - start), groups))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)


@lru_cache(maxsize=2)
def _drawn(groups: int, resamples: int) -> NDArray[Any]:
    """How often each resample (row) holds each cluster (column). Metrics over as many clusters share it."""
    import numpy as np

    random = np.random.default_rng(SEED)
    times = np.empty((resamples, groups))
    block = max(1, _BLOCK_CELLS // groups)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = random.integers(0, groups, (rows, groups))
        drawn += np.arange(rows)[:, None] * groups
        times[start : start + rows] = np.bincount(drawn.ravel(), minlength=rows * groups).reshape(
            rows, groups
        )
    times.flags.writeable = False
    return times


def _mcnemar_interval(won: int, lost: int, changed: float, alpha: float) -> tuple[float, float]:
    """Bounds of the difference, given the share of items that changed, that agree with the mid-p test."""
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
    return (1 - 2 * most_lost) * changed, (2 * most_won - 1) * changed


def _binomial(x: int, n: int, chance: float) -> float:
    return math.comb(n, x) * chance**x * (1 - chance) ** (n - x)


def _log_ways(n: int, k: int) -> float:
    """Logarithm of the number of ways to choose k of n."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
