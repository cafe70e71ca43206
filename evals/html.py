"""A run as one HTML file that opens offline: no script, no outside reference, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.compare import flaky, graded
from evals.report import gate_row, heading, plain, summary_row, unscored_rows
from evals.types import GateMetric, Run

TEMPLATES = Path(__file__).parent / "templates"
BINS = 10
WIDTH, HEIGHT = 240.0, 48.0
"""Size of a plot, in CSS pixels."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a histogram, in pixels of its plot, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True, slots=True)
class Whisker:
    """One difference with its bounds on a common axis, in pixels; `zero` is where no difference is."""

    name: str
    low: float
    high: float
    middle: float
    zero: float
    label: str
    worse: bool


def render(run: Run) -> str:
    """The whole page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["plain"] = plain
    page = environment.get_template("report.html").render(
        run=run,
        heading=heading(run),
        gates=[(metric.verdict.value, gate_row(metric)) for metric in run.gate.metrics],
        summary=[(summary_row(name, run.summary[name]), histogram(run, name)) for name in run.summary],
        whiskers=whiskers(run.gate.metrics, graded(run)),
        flips=run.baseline.flips if run.baseline else (),
        differences=run.baseline.differences if run.baseline else (),
        unscored=unscored_rows(run),
        flaky=flaky(run),
        questions={case.id: case for case in run.cases},
        size=(WIDTH, HEIGHT),
    )
    return page.encode("utf-8", "replace").decode("utf-8")


def histogram(run: Run, metric: str) -> list[Bar]:
    """The distribution of a metric's values in ten bins, from 0 (or the smallest) to 1 (or the largest)."""
    scores = (item.scores.get(metric) for item in run.items)
    values = [score.value for score in scores if score is not None and score.value is not None]
    if not values:
        return []
    low, high = min(0.0, *values), max(1.0, *values)
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value - low) / (high - low) * BINS))] += 1
    step, edge = WIDTH / BINS, (high - low) / BINS
    bars = []
    for place, count in enumerate(counts):
        height = HEIGHT * count / max(counts)
        label = f"{low + place * edge:.3g} to {low + (place + 1) * edge:.3g}: {count}"
        bars.append(Bar(place * step + 1, round(HEIGHT - height, 2), step - 2, round(height, 2), label))
    return bars


def whiskers(metrics: Sequence[GateMetric], shown: set[str]) -> list[Whisker]:
    """The differences that share the scale of 0 to 1, on one axis that is symmetric around no difference."""
    found = [
        (metric.metric, metric.delta, metric.low, metric.high) for metric in metrics if metric.metric in shown
    ]
    known = [
        (name, delta, low, high)
        for name, delta, low, high in found
        if delta is not None and low is not None and high is not None
    ]
    reach = max((max(abs(low), abs(high)) for _, _, low, high in known), default=0.0) or 1.0

    def place(value: float) -> float:
        return round(WIDTH / 2 + value / reach * (WIDTH / 2 - 4), 2)

    return [
        Whisker(
            name,
            place(low),
            place(high),
            place(delta),
            place(0.0),
            f"{delta:+.3g} ({low:+.3g} to {high:+.3g})",
            high < 0,
        )
        for name, delta, low, high in known
    ]
