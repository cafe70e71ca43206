"""How far a judge agrees with people, with itself, and beyond chance. The field's own measures, nothing else.

Verdicts of one value are one class here, since a score does not tell them apart. An item is positive where its verdict
is worth at least 0.5. References: Cohen 1960, Krippendorff 2011, Efron 1987 (BCa), Rogan and Gladen 1978, Lang and
Reiczigel 2014.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import sqrt
from typing import TYPE_CHECKING, Any

from evals.errors import JudgeError
from evals.flaky import PASSING
from evals.stats import RESAMPLES, SEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

Z = 1.959963984540054
"""Of a 95 % interval."""

_CELLS = 2_000_000
"""Numbers that one batch of resamples may hold."""

Pair = tuple[str, str]
"""What people said, and what the judge said."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One item: what people said of it, and what the judge said each time."""

    id: str
    label: str
    """The verdict that people settled on."""
    rulings: tuple[str, ...]
    """The judge's verdict of each repeat; empty where there is none."""
    cluster: str = ""
    """Items of one cluster move together; empty for an item of its own."""
    tags: tuple[str, ...] = ()
    ratings: tuple[str, ...] = ()
    """What single people said before they settled, always in the same order of people."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A figure between the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Part:
    """The agreement over the items with one tag. None where kappa is not defined."""

    tag: str
    n: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a judge. A figure that could not be measured is None."""

    n: int
    """Items with at least one ruling that has a verdict."""
    rulings: int
    """Verdicts asked for: items times repeats."""
    unreadable: int
    """Of these, the ones without a verdict."""
    repeats: int
    confusion: Mapping[str, Mapping[str, int]]
    """By class that people gave: how often the judge gave which, over all rulings with a verdict."""
    positives: int
    """Of the n items, those that people call positive."""
    accuracy: float | None
    base_rate: float | None
    """Share of items that people call positive."""
    constant_accuracy: float | None
    """Accuracy of always giving people's most frequent verdict."""
    tpr: float | None
    """Share of rulings on positive items that are positive."""
    tnr: float | None
    """Share of rulings on the other items that are not."""
    kappa: float | None
    kappa_low: float | None
    kappa_high: float | None
    self_consistency: float | None
    """Share of the pairs of rulings on one item that are equal; None with a single repeat."""
    alpha: float | None
    """Krippendorff's alpha between the repeats."""
    human_kappa: float | None
    """Cohen's kappa between people; None where items have no two ratings."""
    human_pairs: int
    """Pairs of ratings that it is of."""
    slices: tuple[Part, ...] = ()


def measure(items: Sequence[Judged], values: Mapping[str, float], resamples: int = RESAMPLES) -> Figures:
    """All figures of a judge.

    Args:
        items: what people and the judge said; each has as many rulings as there were repeats.
        values: the rubric's verdicts and what each is worth.
        resamples: of the bootstrap, which draws whole clusters.
    """
    of = classes(values)
    items = [_classed(item, of) for item in items]
    heard = [item for item in items if any(item.rulings)]
    pairs = [(item.label, ruling) for item in heard for ruling in item.rulings if ruling]
    positive = {of[verdict] for verdict, value in values.items() if value >= PASSING}
    labels = Counter(item.label for item in heard)
    positives = sum(labels[verdict] for verdict in positive)
    bounds = kappa_interval(_clusters(heard), resamples) if len(labels) > 1 else None
    raters = [pair for item in items for pair in combinations(item.ratings, 2)]
    return Figures(
        n=len(heard),
        rulings=sum(len(item.rulings) for item in items),
        unreadable=sum(not ruling for item in items for ruling in item.rulings),
        repeats=max((len(item.rulings) for item in items), default=0),
        confusion=confusion(pairs, list(dict.fromkeys(of.values()))),
        positives=positives,
        accuracy=_share([label == ruling for label, ruling in pairs]),
        base_rate=positives / len(heard) if heard else None,
        constant_accuracy=max(labels.values()) / len(heard) if heard else None,
        tpr=_share([ruling in positive for label, ruling in pairs if label in positive]),
        tnr=_share([ruling not in positive for label, ruling in pairs if label not in positive]),
        kappa=bounds.value if bounds else None,
        kappa_low=bounds.low if bounds else None,
        kappa_high=bounds.high if bounds else None,
        self_consistency=consistency([_said(item) for item in heard]),
        alpha=krippendorff_alpha([_said(item) for item in heard]),
        human_kappa=cohen_kappa(raters),
        human_pairs=len(raters),
        slices=_slices(heard),
    )


def classes(values: Mapping[str, float]) -> dict[str, str]:
    """The class of each verdict: the names of all verdicts of its value, e.g. `contradicted/unsupported`."""
    return {
        verdict: "/".join(other for other, same in values.items() if same == value)
        for verdict, value in values.items()
    }


def confusion(pairs: Sequence[Pair], verdicts: Sequence[str]) -> dict[str, dict[str, int]]:
    """How often each pair occurs, by people's verdict and then the judge's; pairs that never occur are nought."""
    counts = Counter(pairs)
    return {label: {ruling: counts[label, ruling] for ruling in verdicts} for label in verdicts}


def cohen_kappa(pairs: Sequence[Pair]) -> float | None:
    """Cohen's kappa of two raters; None without units, or where chance alone would agree always."""
    return table_kappa(confusion(pairs, sorted({verdict for pair in pairs for verdict in pair})))


def table_kappa(table: Mapping[str, Mapping[str, int]]) -> float | None:
    """The same of a table of counts."""
    rows = {label: sum(row.values()) for label, row in table.items()}
    columns: Counter[str] = Counter()
    for row in table.values():
        columns.update(row)
    total = sum(rows.values())
    by_chance = sum(count * columns[label] for label, count in rows.items())
    alike = sum(row.get(label, 0) for label, row in table.items())
    return None if by_chance == total**2 else (alike * total - by_chance) / (total**2 - by_chance)


def kappa_interval(clusters: Sequence[Sequence[Pair]], resamples: int = RESAMPLES) -> Bounds | None:
    """Cohen's kappa with a 95 % cluster bootstrap interval (BCa; percentiles where that is not defined).

    None where kappa is not defined. A draw in which it is not, since all agree on one verdict, counts as no agreement
    beyond chance. A single cluster tells nothing of chance: its interval is the whole range. The seed is fixed.

    Args:
        clusters: the pairs of each cluster; the bootstrap draws clusters.
        resamples: how many times.
    """
    kappa = cohen_kappa([pair for cluster in clusters for pair in cluster])
    if kappa is None:
        return None
    import numpy as np
    from scipy.stats import bootstrap

    tables = _tables(clusters)
    if len(tables) < 2:
        return Bounds(kappa, -1.0, 1.0)

    def of_draws(drawn: NDArray[Any], axis: int = -1) -> NDArray[Any]:
        return _kappas(tables[drawn].sum(axis=axis - 2 if axis < 0 else axis))

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = bootstrap(
            (np.arange(len(tables)),),
            of_draws,
            n_resamples=resamples,
            batch=max(1, _CELLS // tables.size),
            vectorized=True,
            method="BCa",
            random_state=np.random.default_rng(SEED),
        )
    low, high = found.confidence_interval
    if not (np.isfinite(low) and np.isfinite(high)):
        low, high = np.quantile(found.bootstrap_distribution, [0.025, 0.975])
    return Bounds(kappa, min(float(low), kappa), max(float(high), kappa))


def consistency(units: Sequence[Sequence[str]]) -> float | None:
    """Share of the pairs of verdicts on one unit that are equal, over all units; None without a pair."""
    return _share([one == two for said in units for one, two in combinations(said, 2)])


def krippendorff_alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for nominal verdicts, any number of raters, some missing.

    None where nothing can be compared, or only one verdict was ever given.
    """
    compared = [said for said in units if len(said) > 1]
    values = Counter(verdict for said in compared for verdict in said)
    total = values.total()
    expected = total**2 - sum(each**2 for each in values.values())
    if not expected:
        return None
    unequal = 0.0
    for said in compared:
        counts = Counter(said)
        unequal += (len(said) ** 2 - sum(each**2 for each in counts.values())) / (len(said) - 1)
    return 1 - (total - 1) * unequal / expected


def corrected(rate: float, n: int, figures: Figures) -> Bounds:
    """What a rate of positive verdicts by this judge means, with its errors taken out (Rogan-Gladen).

    The interval is Lang and Reiczigel's: it knows that TPR and TNR are estimates too.

    Args:
        rate: share of answers that the judge calls positive, 0..1.
        n: answers that it is of, at least one.
        figures: of the judge.

    Raises JudgeError where the judge's verdicts say nothing about what people would say.
    """
    tpr, tnr = figures.tpr, figures.tnr
    if tpr is None or tnr is None:
        what = "a rate cannot be corrected: TPR or TNR is not known"
        raise JudgeError(what, fix="label items of both kinds")
    if tpr + tnr <= 1:
        what = f"a rate cannot be corrected: TPR {tpr:.2f} and TNR {tnr:.2f} are no better than chance"
        raise JudgeError(what, fix="take another judge or rubric")
    yes, no = figures.positives, figures.n - figures.positives
    told = (rate + tnr - 1) / (tpr + tnr - 1)
    seen, sure = (n * rate + Z * Z / 2) / (n + Z * Z), n + Z * Z
    sense, spec = (tpr * yes + 1) / (yes + 2), (tnr * no + 1) / (no + 2)
    reach = sense + spec - 1
    if reach <= 0:
        raise JudgeError("a rate cannot be corrected: too few items are labelled", fix="label more items")
    middle = (seen + spec - 1) / reach
    error, other = sense * (1 - sense) / (yes + 2), spec * (1 - spec) / (no + 2)
    spread = sqrt(seen * (1 - seen) / sure + middle**2 * error + (1 - middle) ** 2 * other) / reach
    shift = 2 * Z * Z * (middle * error - (1 - middle) * other)
    low, high = (_clipped(middle + shift + side * Z * spread) for side in (-1, 1))
    point = _clipped(told)
    return Bounds(point, min(low, point), max(high, point))


def _clipped(share: float) -> float:
    return min(1.0, max(0.0, share))


def _share(hits: Sequence[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None


def _classed(item: Judged, of: Mapping[str, str]) -> Judged:
    """An item in classes instead of verdicts."""
    return replace(
        item,
        label=of[item.label],
        rulings=tuple(of[ruling] if ruling else "" for ruling in item.rulings),
        ratings=tuple(of[rating] for rating in item.ratings),
    )


def _said(item: Judged) -> list[str]:
    return [ruling for ruling in item.rulings if ruling]


def _clusters(items: Sequence[Judged]) -> list[list[Pair]]:
    """The pairs of each cluster, in an order that does not depend on that of the items."""
    found: dict[tuple[bool, str], list[Pair]] = {}
    for item in items:
        key = (bool(item.cluster), item.cluster or item.id)
        found.setdefault(key, []).extend((item.label, ruling) for ruling in _said(item))
    return [found[key] for key in sorted(found)]


def _slices(items: Sequence[Judged]) -> tuple[Part, ...]:
    """Kappa over the items of each tag, by tag."""
    found = []
    for tag in sorted({tag for item in items for tag in item.tags}):
        here = [item for item in items if tag in item.tags]
        mixed = len({item.label for item in here}) > 1
        pairs = [(item.label, ruling) for item in here for ruling in _said(item)]
        found.append(Part(tag, len(here), cohen_kappa(pairs) if mixed else None))
    return tuple(found)


def _tables(clusters: Sequence[Sequence[Pair]]) -> NDArray[Any]:
    """Each cluster's confusion table, stacked."""
    import numpy as np

    names = sorted({verdict for cluster in clusters for pair in cluster for verdict in pair})
    place = {name: position for position, name in enumerate(names)}
    tables = np.zeros((len(clusters), len(names), len(names)))
    for position, cluster in enumerate(clusters):
        for one, two in cluster:
            tables[position, place[one], place[two]] += 1
    return tables


def _kappas(tables: NDArray[Any]) -> NDArray[Any]:
    """Kappa of each table of a stack; 0 where it is not defined."""
    import numpy as np

    total = tables.sum(axis=(-2, -1))
    alike = np.trace(tables, axis1=-2, axis2=-1) * total
    by_chance = (tables.sum(axis=-1) * tables.sum(axis=-2)).sum(axis=-1)
    room = total**2 - by_chance
    return np.where(room > 0, (alike - by_chance) / np.where(room > 0, room, 1.0), 0.0)
