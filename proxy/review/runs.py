"""An eval run document as the pages show it. Pure. Whoever has an admin key posts runs: any shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proxy.review.words import NOTHING, count, decimal, number

Json = Mapping[str, Any]

VERDICTS = ("pass", "block", "invalid", "inconclusive", "none")
"""What a gate decides; anything else is shown as `none`."""
PAGE = 100
"""Items on one page."""
MEANS = 4
"""Metrics that the list shows of each run."""
LONGEST = 4_000
"""Code points of an output that the table shows."""


@dataclass(frozen=True, slots=True)
class Mean:
    """A scorer's summary."""

    name: str
    value: str
    interval: str
    n: str
    unscored: str


@dataclass(frozen=True, slots=True)
class Head:
    """What a run is, without its items."""

    id: str
    suite: str
    created_at: str
    golden: str
    prompt: str
    model: str
    target: str
    verdict: str
    """One of VERDICTS: reaches a class attribute."""
    reason: str
    means: list[Mean]
    items: str
    repeats: str


@dataclass(frozen=True, slots=True)
class Metric:
    """The gate's word on one metric."""

    name: str
    verdict: str
    reason: str
    baseline: str
    candidate: str
    delta: str
    interval: str
    margin: str
    n: str


@dataclass(frozen=True, slots=True)
class Scored:
    """One score of an item."""

    name: str
    value: str
    """`unscored` where there is none."""
    scored: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Item:
    """One case, asked once."""

    id: str
    repeat: str
    question: str
    expected: str
    text: str
    hidden: int
    error: str
    verdict: str
    trace_id: str
    latency: str
    tool_calls: list[str]
    scores: list[Scored]


@dataclass(frozen=True, slots=True)
class Flip:
    """A case that passes in one run and fails in the other."""

    id: str
    metric: str
    before: str
    after: str
    lost: bool


def head(run: Json) -> Head:
    """A run's list line; `n_items` stands in where the items are left out."""
    gate, golden, prompt, target = (_dict(run.get(name)) for name in ("gate", "golden", "prompt", "target"))
    verdict = gate.get("verdict")
    items = run.get("n_items", len(_list(run.get("items"))))
    answered = [str(name) for name in _list(target.get("answered_models")) if isinstance(name, str)]
    asked = _text(target.get("model"))
    return Head(
        id=_text(run.get("id")),
        suite=_text(run.get("suite")),
        created_at=_text(run.get("created_at")).replace("T", " ")[:19],
        golden=_named(golden),
        prompt=_named(prompt),
        model=asked + (f" → {', '.join(answered)}" if answered and answered != [asked] else ""),
        target=_text(target.get("base_url")),
        verdict=str(verdict) if verdict in VERDICTS else "none",
        reason=_text(gate.get("reason")),
        means=[_mean(str(name), _dict(value)) for name, value in _dict(run.get("summary")).items()],
        items=count(items),
        repeats=count(run.get("repeats")),
    )


def metrics(run: Json) -> list[Metric]:
    """The gate's metrics, in its own order."""
    return [_metric(_dict(metric)) for metric in _list(_dict(run.get("gate")).get("metrics"))]


def flips(run: Json) -> list[Flip]:
    """The cases that changed sides against the baseline, losses first."""
    found = []
    for flip in map(_dict, _list(_dict(run.get("baseline")).get("flips"))):
        before, after = number(flip.get("before")), number(flip.get("after"))
        lost = before is not None and after is not None and after < before
        place = (_text(flip.get("id")), _text(flip.get("metric")))
        found.append(Flip(*place, decimal(before, 2), decimal(after, 2), lost))
    return sorted(found, key=lambda flip: not flip.lost)


def baseline(run: Json) -> str:
    """Which run it was compared with; empty when with none."""
    return _text(_dict(run.get("baseline")).get("id"))


def page(run: Json, first: int) -> list[Item]:
    """The items from `first` on, at most PAGE."""
    cases = {
        str(_dict(case).get("id")): _dict(case) for case in _list(run.get("cases")) if isinstance(case, dict)
    }
    return [_item(_dict(item), cases) for item in _list(run.get("items"))[first : first + PAGE]]


def _item(item: Json, cases: Mapping[str, Json]) -> Item:
    output, case = _dict(item.get("output")), cases.get(str(item.get("id")), {})
    text = _text(output.get("text"))
    calls = [_dict(call) for call in _list(output.get("tool_calls"))]
    latency = number(output.get("latency_ms"))
    repeat = item.get("repeat")
    return Item(
        id=_text(item.get("id")),
        repeat=str(repeat) if isinstance(repeat, int) else NOTHING,
        question=_text(case.get("question")),
        expected=_text(case.get("expected")),
        text=text[:LONGEST],
        hidden=max(0, len(text) - LONGEST),
        error=_text(output.get("error")),
        verdict=_text(output.get("verdict")),
        trace_id=_text(output.get("trace_id")),
        latency=NOTHING if latency is None else f"{latency:,.0f} ms",
        tool_calls=[f"{_text(call.get('name'))}({_text(call.get('arguments'))})"[:LONGEST] for call in calls],
        scores=[_score(str(name), _dict(score)) for name, score in _dict(item.get("scores")).items()],
    )


def _score(name: str, score: Json) -> Scored:
    value = number(score.get("value"))
    scored = score.get("status") == "scored" and value is not None
    return Scored(name, decimal(value, 2) if scored else "unscored", scored, _text(score.get("reason")))


def _mean(name: str, summary: Json) -> Mean:
    return Mean(
        name=name,
        value=decimal(summary.get("mean")),
        interval=_interval(summary.get("low"), summary.get("high")),
        n=count(summary.get("n")),
        unscored=count(summary.get("unscored")),
    )


def _metric(metric: Json) -> Metric:
    verdict = metric.get("verdict")
    return Metric(
        name=_text(metric.get("metric")),
        verdict=str(verdict) if verdict in VERDICTS else "none",
        reason=_text(metric.get("reason")),
        baseline=decimal(metric.get("baseline")),
        candidate=decimal(metric.get("candidate")),
        delta=decimal(metric.get("delta"), signed=True),
        interval=_interval(metric.get("low"), metric.get("high"), signed=True),
        margin=decimal(metric.get("margin")),
        n=count(metric.get("n")),
    )


def _interval(low: Any, high: Any, *, signed: bool = False) -> str:
    if number(low) is None and number(high) is None:
        return ""
    return f"{decimal(low, signed=signed)} to {decimal(high, signed=signed)}"


def _named(ref: Json) -> str:
    name, version = _text(ref.get("name")), _text(ref.get("version"))
    return f"{name} {version}".strip() or NOTHING


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
