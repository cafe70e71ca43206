"""Whether a judge's figures fit one another: all that the table of counts says is reckoned again from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from math import comb

from evals.judging.agreement import Figures, table_kappa

CLOSE = 1e-9
"""By how much figures may differ that are equal but for rounding."""


def contradiction(told: Figures, n: int) -> str:
    """The first thing that cannot be, of a judge that was asked about n items; empty when all fits."""
    return next(_contradictions(told, n), "")


def _contradictions(told: Figures, n: int) -> Iterator[str]:
    counts = [count for row in told.confusion.values() for count in row.values()]
    if min(n, told.n, told.rulings, told.unreadable, told.positives, told.human_pairs, *counts) < 0:
        yield "a count is negative"
    if told.rulings != n * told.repeats or told.repeats < 1:
        yield "its rulings are not its items times its repeats"
    heard = told.rulings - told.unreadable
    if sum(counts) != heard or any(row.keys() != told.confusion.keys() for row in told.confusion.values()):
        yield "its counts do not add up"
    if not heard <= told.n * told.repeats or not told.n <= min(n, heard) or told.positives > told.n:
        yield "its items do not fit its rulings"
    yield from _ranges(told)
    yield from _rates(told, heard)
    yield from _kappa(told)
    yield from _same(told)


def _ranges(told: Figures) -> Iterator[str]:
    """Figures that lie where none of their kind does."""
    shares = (
        told.accuracy,
        told.base_rate,
        told.constant_accuracy,
        told.tpr,
        told.tnr,
        told.self_consistency,
    )
    if not all(share is None or 0 <= share <= 1 for share in shares):
        yield "a share is not between 0 and 1"
    agreements = (told.kappa, told.alpha, told.human_kappa, *(part.kappa for part in told.slices))
    if not all(kappa is None or -1 - CLOSE <= kappa <= 1 + CLOSE for kappa in agreements):
        yield "an agreement is not between -1 and 1"
    if any(not 0 < part.n <= told.n for part in told.slices):
        yield "a tag has more items than there are"
    if told.human_kappa is not None and not told.human_pairs:
        yield "people's kappa is of no ratings"


def _kappa(told: Figures) -> Iterator[str]:
    bounds = (told.kappa_low, told.kappa_high)
    if (told.kappa is None) != (None in bounds) or (told.kappa is None and bounds != (None, None)):
        yield "kappa has no bounds, or bounds have no kappa"
    labels = sum(any(row.values()) for row in told.confusion.values())
    counted = table_kappa(told.confusion) if labels > 1 else None
    if told.kappa is None or told.kappa_low is None or told.kappa_high is None:
        if counted is not None:
            yield "kappa does not fit the table"
        return
    if not -1 <= told.kappa_low <= told.kappa <= told.kappa_high <= 1:
        yield "kappa is not between its bounds"
    if not _equal(told.kappa, counted):
        yield "kappa does not fit the table"


def _rates(told: Figures, heard: int) -> Iterator[str]:
    """Shares that the table or the items give."""
    rows = {label: sum(row.values()) for label, row in told.confusion.items()}
    alike = sum(row[label] for label, row in told.confusion.items())
    if not _equal(told.accuracy, _share(alike, heard)):
        yield "accuracy does not fit the table"
    if not _equal(told.base_rate, _share(told.positives, told.n)):
        yield "base_rate does not fit the items"
    whole = not told.unreadable
    if whole and any(count % told.repeats for count in rows.values()):
        yield "its items do not fit its rulings"
    if whole and not _equal(told.constant_accuracy, _share(max(rows.values(), default=0), heard)):
        yield "constant_accuracy does not fit the table"
    if not any(_fits(told, frozenset(positive), rows) for positive in _subsets(tuple(rows))):
        yield "TPR, TNR and positives do not fit the table"


def _fits(told: Figures, positive: frozenset[str], rows: dict[str, int]) -> bool:
    """Whether TPR, TNR and positives are those of the table when these classes are the positive ones."""
    sums = Counter[tuple[bool, bool]]()
    for label, row in told.confusion.items():
        for ruling, count in row.items():
            sums[label in positive, ruling in positive] += count
    yes, no = sums[True, True] + sums[True, False], sums[False, True] + sums[False, False]
    rates = _equal(told.tpr, _share(sums[True, True], yes)) and _equal(
        told.tnr, _share(sums[False, False], no)
    )
    return rates and (bool(told.unreadable) or told.positives * told.repeats == yes)


def _subsets(names: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for size in range(len(names) + 1):
        yield from combinations(names, size)


def _same(told: Figures) -> Iterator[str]:
    """Agreement with itself, which needs two rulings on one item, and counts their pairs."""
    told_same, pairs = told.self_consistency, told.n * comb(told.repeats, 2)
    if told.repeats < 2 and (told_same is not None or told.alpha is not None):
        yield "a judge that was asked once has no self-consistency"
    if told.unreadable or not pairs:
        return
    if told_same is None or abs(told_same * pairs - round(told_same * pairs)) > CLOSE * pairs:
        yield "self-consistency does not fit the rulings"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _equal(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= CLOSE
