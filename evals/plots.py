"""Numbers of a run as shapes: histograms, and intervals on an axis. Sizes are pixels of the plot's own box."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from evals.facts import number, span
from evals.run import GateMetric, Run, Slice

BINS = 10
WIDTH, HEIGHT = 200.0, 40.0
"""Size of a histogram."""
AXIS = 360.0
"""Width of an axis of differences; no difference lies in its middle."""
CRUMB = 1e-9
"""What sums of floating-point numbers leave where there is no difference."""
_EDGE = 8.0
"""Free space at both ends of an axis."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference with its bounds on an axis. `zero` is where no difference is."""

    low: float
    high: float
    middle: float
    zero: float
    label: str
    """The same in words."""
    tone: str
    """`worse` or `better` where the whole interval says so, else `unsure`."""
    margin: float | None = None
    """Where the largest acceptable loss is; None when the metric does not gate."""
    reach: float = 0.0
    """The value at the right end of the axis, in the metric's unit."""


def histogram(run: Run, metric: str) -> list[Bar]:
    """The distribution of a metric's values in ten bins, from 0 (or the smallest) to 1 (or the largest)."""
    scores = (item.scores.get(metric) for item in run.items)
    values = [score.value for score in scores if score is not None and score.value is not None]
    if not values:
        return []
    low, high = min(0.0, *values), max(1.0, *values)
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value / 2 - low / 2) / (high / 2 - low / 2) * BINS))] += 1
    step, most = WIDTH / BINS, max(counts)
    bars = []
    for place, count in enumerate(counts):
        height = max(HEIGHT * count / most, 1.0 if count else 0.0)
        left, right = (low + (high / BINS - low / BINS) * edge for edge in (place, place + 1))
        label = f"{left:.3g} to {right:.3g}: {count}"
        bars.append(
            Bar(round(place * step + 1, 2), round(HEIGHT - height, 2), step - 2, round(height, 2), label)
        )
    return bars


def reach(metrics: Iterable[GateMetric | Slice], margins: Iterable[float] = ()) -> float:
    """How far from no difference an axis has to go for all of them."""
    known = [
        abs(value)
        for metric in metrics
        for value in (metric.delta, metric.low, metric.high)
        if value is not None and math.isfinite(value)
    ]
    most = max([*known, *(margin for margin in margins if math.isfinite(margin))], default=0.0)
    return most if most > CRUMB else 1.0


def interval(
    part: GateMetric | Slice, axis: float, *, higher_is_better: bool = True, margin: float | None = None
) -> Interval | None:
    """A difference on an axis that goes from -axis to +axis; None when it has no finite bounds."""
    delta, low, high = part.delta, part.low, part.high
    if delta is None or low is None or high is None or not all(map(math.isfinite, (delta, low, high))):
        return None

    def place(value: float) -> float:
        share = max(-1.0, min(1.0, value / axis))
        return round(AXIS / 2 + share * (AXIS / 2 - _EDGE), 2)

    worst, best = (low, high) if higher_is_better else (-high, -low)
    tone = "worse" if best < -CRUMB else "better" if worst > CRUMB else "unsure"
    edge = None if margin is None else place(-margin if higher_is_better else margin)
    label = f"{number(delta, signed=True)} ({span(low, high, signed=True)})"
    return Interval(place(low), place(high), place(delta), place(0.0), label, tone, edge, axis)
