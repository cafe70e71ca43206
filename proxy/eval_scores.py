"""What a run document's items say, case by case: means over repeats, what is unstable, what has no score. Pure.

Whoever may publish runs decides what is in them: a document of any shape is read, and what does not fit is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

PASSING = 0.5
"""A case passes a metric when its mean over the repeats is at least this."""

VERDICTS = ("pass", "block", "invalid", "inconclusive", "none")
"""What a gate decides; anything else is `none`."""

Json = Mapping[str, Any]
Key = tuple[str, str]
"""Id and hash of a case: a case whose content changed is another case."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One metric on one case, over its repeats."""

    values: tuple[float, ...] = ()
    unscored: int = 0
    """Repeats without a value."""

    @property
    def mean(self) -> float | None:
        """Over the repeats that have a value."""
        return math.fsum(self.values) / len(self.values) if self.values else None

    @property
    def passes(self) -> bool | None:
        """Whether the mean is a pass; None where nothing was scored."""
        mean = self.mean
        return None if mean is None else mean >= PASSING

    @property
    def unstable(self) -> bool:
        """Whether it passes in one repeat and fails in another."""
        return len({value >= PASSING for value in self.values}) == 2


def number(value: Any) -> float | None:
    """A finite number, or None for anything else that a document may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def text(value: Any) -> str:
    """A text, empty for anything else."""
    return value if isinstance(value, str) else ""


def record(value: Any) -> Json:
    """An object, empty for anything else."""
    return value if isinstance(value, dict) else {}


def records(value: Any) -> list[Json]:
    """The objects of a list; empty for anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def key_of(item: Json) -> Key:
    """Which case an item is of."""
    return text(item.get("id")), text(item.get("sha256"))


def scores_of(item: Json) -> Iterator[tuple[str, Json, float | None]]:
    """Metric, score and value of an item; the value is None where it is unscored."""
    for name, score in record(item.get("scores")).items():
        told = record(score)
        yield str(name), told, number(told.get("value")) if told.get("status") == "scored" else None


def cells(run: Json) -> dict[Key, dict[str, Cell]]:
    """The metrics of each case, in the run's order."""
    found: dict[Key, dict[str, tuple[list[float], int]]] = {}
    for item in records(run.get("items")):
        case = found.setdefault(key_of(item), {})
        for name, _, value in scores_of(item):
            values, unscored = case.get(name, ([], 0))
            case[name] = (values, unscored + 1) if value is None else ([*values, value], unscored)
    return {
        key: {name: Cell(tuple(values), unscored) for name, (values, unscored) in case.items()}
        for key, case in found.items()
    }


def graded(run: Json) -> set[str]:
    """The scorers whose values are shares of one, where larger is better: those with a pass mark."""
    summary = record(run.get("summary"))
    means = {str(name): number(record(value).get("mean")) for name, value in summary.items()}
    return {
        name
        for name in ({text(scorer.get("name")) for scorer in records(run.get("scorers"))} or set(means))
        if higher_is_better(run, name) and 0.0 <= (means.get(name) or 0.0) <= 1.0 and name
    }


def higher_is_better(run: Json, metric: str) -> bool:
    """Which way a metric points; upwards where the run does not say."""
    told = [
        scorer.get("higher_is_better")
        for scorer in records(run.get("scorers"))
        if scorer.get("name") == metric
    ]
    return told[:1] != [False]


def versions(run: Json) -> dict[str, str]:
    """The version of each scorer."""
    return {
        text(scorer.get("name")): str(scorer.get("version", "")) for scorer in records(run.get("scorers"))
    }


def gating(run: Json) -> list[str]:
    """The metrics that decide, in the run's order."""
    return [text(one.get("metric")) for one in records(run.get("gating")) if text(one.get("metric"))]


def decided(run: Json) -> list[str]:
    """The metrics that the gate decided by, in its own order; those that the run says should, where it did not."""
    told = [
        one for one in records(record(run.get("gate")).get("metrics")) if one.get("verdict") in VERDICTS[:-1]
    ]
    return [text(one.get("metric")) for one in told if text(one.get("metric"))] or gating(run)


def verdict(run: Json) -> str:
    """What the gate decided: one of VERDICTS."""
    found = record(run.get("gate")).get("verdict")
    return found if isinstance(found, str) and found in VERDICTS else "none"


def summary(run: Json, metric: str) -> Json:
    """What a run says of one metric; empty where it says nothing."""
    return record(record(run.get("summary")).get(metric))


def unit(metric: str) -> str:
    """The unit of a metric's values; empty for shares of one."""
    return "ms" if metric == "latency" else ""


def n_unstable(run: Json) -> int:
    """Cases that pass a metric in one repeat and fail it in another."""
    metrics = graded(run)
    return sum(
        any(cell.unstable for name, cell in case.items() if name in metrics) for case in cells(run).values()
    )


def tokens(run: Json) -> int | None:
    """Tokens of all items whose provider told; None when none did."""
    told = [record(record(item.get("output")).get("usage")) for item in records(run.get("items"))]
    known = [
        found
        for usage in told
        for name in ("prompt_tokens", "completion_tokens")
        if (found := number(usage.get(name))) is not None and found >= 0
    ]
    return int(math.fsum(known)) if known else None
