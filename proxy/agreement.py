"""How far reviewers agree, and how precise a rule is by their verdicts. The field's own measures, nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from math import sqrt

Z = 1.959963984540054
"""Of a 95 % interval."""


def wilson(successes: float, trials: float) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share; None without trials. Of a weighted share: what it would be of how many."""
    if trials == 0:
        return None
    share, square = successes / trials, Z * Z
    middle = share + square / (2 * trials)
    width = Z * sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    low, high = (middle - width) / (1 + square / trials), (middle + width) / (1 + square / trials)
    return max(0.0, low), min(1.0, high)


def pairwise(units: Sequence[Sequence[str]]) -> float | None:
    """Share of the pairs of labels of one unit that are equal, over all units; None without a pair."""
    pairs = [first == second for labels in units for first, second in combinations(labels, 2)]
    return sum(pairs) / len(pairs) if pairs else None


def cohen_kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two raters; None without units, or where chance alone would agree always."""
    if not pairs:
        return None
    total = len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(two for _, two in pairs)
    expected = sum(first[label] * second[label] for label in first) / total**2
    observed = sum(one == two for one, two in pairs) / total
    return None if expected == 1 else (observed - expected) / (1 - expected)


def krippendorff_alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for nominal labels, any number of raters, some missing.

    None where nothing can be compared, or only one label was ever given.
    """
    compared = [labels for labels in units if len(labels) > 1]
    total = sum(map(len, compared))
    if not total:
        return None
    values: Counter[str] = Counter()
    unequal = 0.0
    for labels in compared:
        counts = Counter(labels)
        values.update(counts)
        unequal += (len(labels) ** 2 - sum(each**2 for each in counts.values())) / (len(labels) - 1)
    expected = total**2 - sum(each**2 for each in values.values())
    return None if expected == 0 else 1 - (total - 1) * unequal / expected
