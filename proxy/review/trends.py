"""How the scores of a suite went from run to run: small lines with a dot for each run, and their table. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proxy.eval_scores import VERDICTS, gating, number, record, text
from proxy.review.words import decimal

WIDTH, HEIGHT = 260.0, 56.0
_EDGE = 8.0
RUNS = 30
"""Runs of one line."""
LINES = 4
"""Metrics of a suite that have a line."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dot:
    """One run on a line."""

    id: str
    x: float
    y: float
    low: float
    high: float
    """Where its interval begins and ends; both at its own place where it has none."""
    verdict: str
    """One of VERDICTS: reaches a class attribute."""
    words: str


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric of one suite, over its last runs."""

    suite: str
    metric: str
    points: str
    dots: list[Dot]
    """The newest first."""
    latest: str
    change: str
    """Against the run before; empty for the first."""


def trends(heads: Sequence[Json]) -> list[Trend]:
    """The lines of some runs, which come newest first: for each suite the metrics that gate, or else its first one."""
    by_suite: dict[str, list[Json]] = {}
    for run in heads:
        by_suite.setdefault(text(run.get("suite")), []).append(run)
    return [
        line
        for suite, runs in by_suite.items()
        if len(runs) > 1
        for metric in _metrics(runs[0])
        if (line := _line(suite, metric, runs[:RUNS])) is not None
    ]


def _metrics(run: Json) -> list[str]:
    summary = record(run.get("summary"))
    return [name for name in gating(run) if name in summary][:LINES] or [str(name) for name in summary][:1]


def _line(suite: str, metric: str, runs: Sequence[Json]) -> Trend | None:
    known = [
        (run, summary, mean)
        for run in reversed(runs)
        if (mean := number((summary := record(record(run.get("summary")).get(metric))).get("mean")))
        is not None
    ]
    if len(known) < 2:
        return None
    bounds = [(_or(summary.get("low"), mean), _or(summary.get("high"), mean)) for _, summary, mean in known]
    least, most = min(low for low, _ in bounds), max(high for _, high in bounds)
    room = (WIDTH - 2 * _EDGE) / (len(known) - 1)

    def place(value: float) -> float:
        share = (value - least) / (most - least) if most > least else 0.5
        return round(HEIGHT - _EDGE - (HEIGHT - 2 * _EDGE) * min(1.0, max(0.0, share)), 1)

    dots = []
    for at, ((run, _, mean), (low, high)) in enumerate(zip(known, bounds, strict=True)):
        verdict = record(run.get("gate")).get("verdict")
        named = str(verdict) if verdict in VERDICTS else "none"
        when = text(run.get("created_at")).replace("T", " ")[:16]
        words = f"{when} {decimal(mean)} ({decimal(low)} to {decimal(high)}), {named}"
        x = round(_EDGE + at * room, 1)
        dots.append(Dot(text(run.get("id")), x, place(mean), place(low), place(high), named, words))
    change = decimal(known[-1][2] - known[-2][2], signed=True)
    points = " ".join(f"{dot.x},{dot.y}" for dot in dots)
    return Trend(suite, metric, points, dots[::-1], decimal(known[-1][2]), change)


def _or(value: Any, instead: float) -> float:
    found = number(value)
    return instead if found is None else found
