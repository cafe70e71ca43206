"""How the scores of each eval suite went from run to run. Pure: from the heads of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from proxy.eval_scores import decided, higher_is_better, number, record, summary, text, unit, verdict
from proxy.review import words
from proxy.review.drawing import Spark, spark
from proxy.review.session import HOME
from proxy.review.tiles import Change, Tile

SUITES, METRICS, RUNS = 4, 3, 20
"""Suites of the table, metrics of each, and runs of each line."""
FAITHFUL = ("groundedness", "faithfulness")
"""Scorers that say whether answers keep to what they were given, the first of them before the others."""
_TONES = {"better": "green", "worse": "red", "": "blue"}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one suite: its latest mean, and those before."""

    suite: str
    metric: str
    run_id: str
    """The latest run."""
    value: float
    low: float | None
    high: float | None
    before: float | None
    """In the run before; None when there is none."""
    verdict: str
    """What the gate made of the latest run."""
    spark: Spark
    """One dot for each run whose gate blocked."""
    runs: int
    more_is_better: bool = True

    @property
    def shown(self) -> str:
        """The value with its unit."""
        return words.measure(self.value, unit(self.metric))

    @property
    def interval(self) -> str:
        """In words; empty when it is not known."""
        if self.low is None or self.high is None:
            return ""
        return (
            f"{words.measure(self.low, unit(self.metric))} to {words.measure(self.high, unit(self.metric))}"
        )

    @property
    def change(self) -> str:
        """Against the run before."""
        if self.before is None:
            return words.NOTHING
        return words.measure(self.value - self.before, unit(self.metric), signed=True)

    @property
    def tone(self) -> str:
        """`better` or `worse` than in the run before; empty where it is neither."""
        if self.before is None or self.value == self.before:
            return ""
        return "better" if (self.value > self.before) == self.more_is_better else "worse"


def scores(heads: Sequence[Json]) -> list[Score]:
    """The suites with the newest runs, each with its first metrics. `heads` are newest first."""
    suites: dict[str, list[Json]] = {}
    for head in heads:
        if isinstance(suite := head.get("suite"), str):
            suites.setdefault(suite, []).append(head)
    return [
        score
        for suite, runs in list(suites.items())[:SUITES]
        for metric in _metrics(runs[0])
        if (score := _score(suite, metric, runs[:RUNS])) is not None
    ]


def faithful(found: Sequence[Score]) -> Tile:
    """The latest score that says whether answers keep to the facts, else whichever is first."""
    order = sorted(
        found, key=lambda one: FAITHFUL.index(one.metric) if one.metric in FAITHFUL else len(FAITHFUL)
    )
    if not order:
        note = "Publish an eval run: guardhouse eval publish."
        return Tile("Eval score", "not measured", f"{HOME}/runs", note=note, known=False)
    best = order[0]
    change = None
    if best.before is not None:
        told = f"{best.change} on the run before" if best.tone else "as the run before"
        change = Change(told, best.tone)
    path = f"{HOME}/runs/{quote(best.run_id, safe='')}"
    note = f"{best.suite}, 95 %: {best.interval}" if best.interval else best.suite
    title, value = best.metric.capitalize(), best.shown
    return Tile(title, value, path, change=change, note=note, tone=_TONES[best.tone], spark=best.spark)


def _metrics(head: Json) -> list[str]:
    """Those that say most: what the gate looks at, then faithfulness, then as they come.

    One that tells of faithfulness is always among them.
    """
    names = [str(name) for name in record(head.get("summary"))]
    looked = decided(head)
    order = {name: place for place, name in reversed([*enumerate([*looked, *FAITHFUL])])}
    names.sort(key=lambda name: order.get(name, len(order) + len(looked)))
    faithful = [name for name in names if name in FAITHFUL][:1]
    first = names[:METRICS]
    return first if not faithful or faithful[0] in first else [*first[:-1], *faithful]


def _score(suite: str, metric: str, runs: Sequence[Json]) -> Score | None:
    told = [number(summary(head, metric).get("mean")) for head in runs]
    if told[0] is None:
        return None
    latest = summary(runs[0], metric)
    blocked = [place for place, head in enumerate(reversed(runs)) if verdict(head) == "block"]
    return Score(
        suite=suite,
        metric=metric,
        run_id=text(runs[0].get("id")),
        value=told[0],
        low=number(latest.get("low")),
        high=number(latest.get("high")),
        before=next((mean for mean in told[1:] if mean is not None), None),
        verdict=verdict(runs[0]),
        spark=spark(told[::-1], blocked, floor=False),
        runs=len(runs),
        more_is_better=higher_is_better(runs[0], metric),
    )
