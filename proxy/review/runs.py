"""An eval run document as the pages show it. Pure. Whoever has an admin key posts runs: any shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.eval_scores import (
    PASSING,
    VERDICTS,
    cells,
    gating,
    graded,
    key_of,
    n_unstable,
    number,
    records,
    scores_of,
    tokens,
    unit,
)
from proxy.review.words import NOTHING, count, decimal, measure

Json = Mapping[str, Any]

PAGE = 100
"""Items on one page."""
MEANS = 4
"""Metrics that the list shows of each run."""
LONGEST = 4_000
"""Code points of an output that the table shows."""
HITS = 10
"""Passages of an item that are named."""
MOST_TRACES = 5_000
"""Traces of a run that are looked for."""
SHOWN = ("all", "failed", "unstable", "unscored")
"""Which items the page can be narrowed to."""


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
    decides: list[str]
    """Metrics that gate."""
    unstable: str
    """Cases that pass in one repeat and fail in another; `–` where that was not counted."""
    tokens: str

    @property
    def shown(self) -> list[Mean]:
        """The means, those that gate first."""
        return sorted(self.means, key=lambda mean: mean.name not in self.decides)


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
class Hit:
    """A passage that was found for a case."""

    rank: str
    doc_id: str
    score: str
    relevant: bool | None
    """Whether it answers the case; None where the run does not say which do."""


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
    hits: list[Hit]
    erased: bool
    unstable: bool


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
        decides=gating(run),
        unstable=count(run["n_unstable"] if "items" not in run and "n_unstable" in run else n_unstable(run)),
        tokens=count(run["tokens"] if "items" not in run and "tokens" in run else tokens(run)),
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


def asked(run: Json, show: str) -> list[Json]:
    """The items of one kind, in the run's order: one of SHOWN."""
    items = [item for item in _list(run.get("items")) if show == "all" or isinstance(item, dict)]
    if show == "all":
        return items
    wanted = {"failed": _failed, "unscored": _unscored, "unstable": _unstable}[show](run)
    return [item for item in items if wanted(item)]


def page(run: Json, first: int, show: str = "all") -> list[Item]:
    """The items of one kind from `first` on, at most PAGE."""
    cases = cases_of(run)
    shaky = _unstable(run)
    some = asked(run, show)[first : first + PAGE]
    return [_item(_dict(item), cases, shaky(_dict(item))) for item in some]


def cases_of(run: Json) -> dict[str, Json]:
    """What is known of each case, by its id."""
    return {str(case.get("id")): case for case in records(run.get("cases"))}


def traces_of(run: Json) -> list[str]:
    """Ids of the traces that the first items name, each once."""
    found = (_text(_dict(item.get("output")).get("trace_id")) for item in records(run.get("items")))
    return list(dict.fromkeys(id for id in found if id and id.isprintable()))[:MOST_TRACES]


def hits_of(item: Json, case: Json) -> list[Hit]:
    """What was found for an item, the first HITS."""
    told = case.get("relevant")
    relevant = {str(one) for one in told} if isinstance(told, list) else None
    return [
        Hit(
            rank=count(hit.get("rank")),
            doc_id=_text(hit.get("doc_id")),
            score=decimal(hit.get("score")),
            relevant=None if relevant is None else _text(hit.get("doc_id")) in relevant,
        )
        for hit in records(_dict(item.get("output")).get("hits"))[:HITS]
    ]


def _failed(run: Json) -> Callable[[Json], bool]:
    metrics = graded(run)

    def failed(item: Json) -> bool:
        if _text(_dict(item.get("output")).get("error")):
            return True
        return any(
            name in metrics and value is not None and value < PASSING for name, _, value in scores_of(item)
        )

    return failed


def _unscored(_: Json) -> Callable[[Json], bool]:
    return lambda item: any(value is None for *_, value in scores_of(item))


def _unstable(run: Json) -> Callable[[Json], bool]:
    metrics = graded(run)
    shaky = {
        key
        for key, case in cells(run).items()
        if any(cell.unstable for name, cell in case.items() if name in metrics)
    }
    return lambda item: key_of(item) in shaky


def _item(item: Json, cases: Mapping[str, Json], unstable: bool) -> Item:
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
        hits=hits_of(item, case),
        erased=bool(item.get("erased")),
        unstable=unstable,
    )


def _score(name: str, score: Json) -> Scored:
    value = number(score.get("value"))
    scored = score.get("status") == "scored" and value is not None
    return Scored(name, decimal(value, 2) if scored else "unscored", scored, _text(score.get("reason")))


def _mean(name: str, summary: Json) -> Mean:
    return Mean(
        name=name,
        value=measure(summary.get("mean"), unit(name)),
        interval=_interval(summary.get("low"), summary.get("high"))
        if _spread(summary)
        else "all cases alike",
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
        interval=(
            _interval(metric.get("low"), metric.get("high"), signed=True)
            if _spread(metric)
            else "no case differs"
        ),
        margin=decimal(metric.get("margin")),
        n=count(metric.get("n")),
    )


def _spread(told: Json) -> bool:
    """Whether its bounds say something: values that are all alike bound nothing."""
    low, high = number(told.get("low")), number(told.get("high"))
    return low is None or high is None or low != high


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
