"""Reads the rollups as series over time. No chart looks at a trace."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Table, func, literal, select

from proxy.store.db import Store
from proxy.store.queries import QueryError
from proxy.store.rollups import BOUNDS_US, HOUR_US
from proxy.store.tables_rollups import ROLLUP_HOUR, ROLLUP_LATENCY, ROLLUP_RULE

STEPS = {"hour": HOUR_US, "day": 24 * HOUR_US}
MOST_POINTS = 1_000
MOST_SERIES = 12
"""Series with a name of their own, those with the most; the others are added up."""
REST = "(rest)"
ALL = "all"
"""The one series of what is asked for by nothing."""
LATENCY_ERROR = 2 ** (1 / 8) - 1
"""How far a quantile read from the histogram may be from the true one, as a share of it: half a bucket."""
_SHORTEST_US = BOUNDS_US[0] / 2
"""What a quantile in the first bucket is told as, which begins at 0."""
_WEEK_US = 7 * 24 * HOUR_US
_FINE_US = 3 * 24 * HOUR_US
"""How long a time is shown by the hour when nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that rollups keep, and what it can be asked for by."""

    table: Table
    column: str
    unit: str
    by: tuple[str, ...]
    unknown: str | None = None
    """Column that counts the exchanges whose number is not known."""
    quantile: float | None = None


_HOUR_BY = ("outcome", "action", "model", "team", "policy")
_RULE_BY = ("rule", "entity", "action", "mode", "side", "policy")
METRICS = {
    "requests": Metric(ROLLUP_HOUR, "n", "exchanges", _HOUR_BY),
    "flagged": Metric(ROLLUP_HOUR, "flagged", "exchanges", _HOUR_BY),
    "findings": Metric(ROLLUP_RULE, "findings", "findings", _RULE_BY),
    "tool_calls": Metric(ROLLUP_HOUR, "tool_calls", "calls", _HOUR_BY),
    "hits": Metric(ROLLUP_HOUR, "hits", "documents", _HOUR_BY),
    "tokens_in": Metric(ROLLUP_HOUR, "tokens_in", "tokens", _HOUR_BY, "no_usage"),
    "tokens_out": Metric(ROLLUP_HOUR, "tokens_out", "tokens", _HOUR_BY, "no_usage"),
    "cost": Metric(ROLLUP_HOUR, "cost_nanousd", "nanousd", _HOUR_BY, "no_cost"),
    "latency_p50": Metric(ROLLUP_LATENCY, "n", "us", ("model",), quantile=0.5),
    "latency_p95": Metric(ROLLUP_LATENCY, "n", "us", ("model",), quantile=0.95),
}
"""What charts show, by name."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One chart."""

    metric: str = "requests"
    by: str | None = None
    since_us: int | None = None
    """From the hour or day in which this is; None: 7 days before the end."""
    until_us: int | None = None
    """To the hour or day in which this is; None: now."""
    step: str | None = None
    """None: `hour` up to 3 days, else `day`."""
    only: Mapping[str, str] = field(default_factory=dict)
    """Values that `tenant`, `model`, `team` or `policy` must have."""
    shadow: bool = False
    """Copies that another model answered for nobody, in place of what callers sent."""
    most: int = MOST_SERIES


@dataclass(frozen=True, slots=True)
class _Cell:
    """What one series has at one time."""

    known: int = 0
    unknown: int = 0


def chart(
    store: Store, asked: Asked, now_us: int | None = None, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The chart's times and series, as `GET /api/charts` gives it. Raises QueryError for what cannot be asked.

    `known`: another chart of the same times and tenant, whose changes of policies need not be read again.
    """
    metric = _metric(asked)
    step, times = _times(asked, time.time_ns() // 1000 if now_us is None else now_us)
    where = _where(metric.table, asked, times, STEPS[step])
    told: dict[str, Any] = {
        "metric": asked.metric, "by": asked.by, "unit": metric.unit, "step": step,
        "times": times, "until": times[-1] + STEPS[step],
    }  # fmt: skip
    if metric.quantile is None:
        told["series"] = _sums(store, asked, where, times)
    else:
        told["series"] = _quantiles(store, asked, where, times)
        told["error"] = {"relative": round(LATENCY_ERROR, 4), "absolute_us": _SHORTEST_US}
    if known is not None and (known["times"], known["until"]) == (times, told["until"]):
        told["changes"] = known["changes"]
    else:
        told["changes"] = changes(store, times[0], told["until"], asked.only.get("tenant"))
    return told


def _metric(asked: Asked) -> Metric:
    metric = METRICS.get(asked.metric)
    if metric is None:
        raise QueryError(f"metric takes one of {', '.join(METRICS)}.")
    if asked.by is not None and asked.by not in metric.by:
        raise QueryError(f"by takes one of {', '.join(metric.by)} for {asked.metric}.")
    for name in asked.only:
        if name not in metric.table.c:
            raise QueryError(f"{name} is not kept for {asked.metric}: leave it out.")
    if asked.shadow and metric.table is not ROLLUP_HOUR:
        raise QueryError(f"shadow is not kept for {asked.metric}: leave it out.")
    return metric


def _times(asked: Asked, now_us: int) -> tuple[str, list[int]]:
    """The step, and the start of every hour or day that is shown."""
    until = now_us if asked.until_us is None else asked.until_us
    since = until - _WEEK_US if asked.since_us is None else asked.since_us
    step = asked.step or ("hour" if until - since <= _FINE_US else "day")
    if step not in STEPS:
        raise QueryError(f"step takes one of {', '.join(STEPS)}.")
    size = STEPS[step]
    first = since - since % size
    if not 0 <= first <= until:
        raise QueryError("since takes a time before until.")
    if (until - first) // size >= MOST_POINTS:
        raise QueryError(
            f"since is more than {MOST_POINTS} {step}s before the end. Ask for less, or for days."
        )
    return step, list(range(first, until + 1, size))


def _where(table: Table, asked: Asked, times: Sequence[int], size: int) -> list[ColumnElement[bool]]:
    found = [table.c.hour_us >= times[0], table.c.hour_us < times[-1] + size]
    found += [table.c[name] == value for name, value in asked.only.items()]
    if table is ROLLUP_HOUR:
        found.append(table.c.shadow.is_(asked.shadow))
    return found


def _sums(
    store: Store, asked: Asked, where: Sequence[ColumnElement[bool]], times: Sequence[int]
) -> list[dict[str, Any]]:
    metric, by = METRICS[asked.metric], asked.by
    table = metric.table
    unknown = literal(0) if metric.unknown is None else func.sum(table.c[metric.unknown])
    cells: dict[str, dict[int, _Cell]] = {}
    sums = (func.sum(table.c[metric.column]), unknown)
    for name, at, known, missing in _rows(store, table, by, where, times, sums):
        cells.setdefault(name, {})[at] = _Cell(int(known), int(missing))
    totals = {name: sum(cell.known for cell in here.values()) for name, here in cells.items()}
    series = []
    for name, members in _chosen(totals, asked.most):
        shown = [_summed(cells[member].get(at) for member in members) for at in times]
        told: dict[str, Any] = {"name": name, "values": [_value(cell) for cell in shown]}
        told["total"] = sum(cell.known for cell in shown)
        if metric.unknown is not None:
            told["unknown"] = [cell.unknown for cell in shown]
        series.append(told)
    return series


def _summed(cells: Iterable[_Cell | None]) -> _Cell:
    there = [cell for cell in cells if cell is not None]
    return _Cell(sum(cell.known for cell in there), sum(cell.unknown for cell in there))


def _value(cell: _Cell) -> int | None:
    """A sum; None where nothing of it is known, which is not 0."""
    return None if cell.unknown and not cell.known else cell.known


def _quantiles(
    store: Store, asked: Asked, where: Sequence[ColumnElement[bool]], times: Sequence[int]
) -> list[dict[str, Any]]:
    metric, by = METRICS[asked.metric], asked.by
    table, quantile = metric.table, metric.quantile or 0.5
    counts: dict[str, dict[int, Counter[int]]] = {}
    columns = (table.c.bucket, func.sum(table.c.n))
    for name, at, bucket, n in _rows(store, table, by, where, times, columns):
        counts.setdefault(name, {}).setdefault(at, Counter())[bucket] = int(n)
    totals = {name: sum(n.total() for n in here.values()) for name, here in counts.items()}
    series = []
    for name, members in _chosen(totals, asked.most):
        merged = [sum((counts[each].get(at, Counter()) for each in members), Counter[int]()) for at in times]
        values = [quantile_of(here, quantile) for here in merged]
        series.append({"name": name, "values": values, "n": [here.total() for here in merged]})
    return series


def quantile_of(counts: Counter[int], quantile: float) -> int | None:
    """The duration in microseconds that this share of a histogram does not exceed; None for an empty one."""
    left = quantile * counts.total()
    for bucket in sorted(counts):
        left -= counts[bucket]
        if left <= 1e-9:
            # The middle of the bucket on the scale of ratios.
            return round(BOUNDS_US[bucket - 1] * 2 ** (1 / 8) if bucket else _SHORTEST_US)
    return None


def _rows(
    store: Store,
    table: Table,
    by: str | None,
    where: Sequence[ColumnElement[bool]],
    times: Sequence[int],
    columns: tuple[Any, Any],
) -> list[tuple[Any, ...]]:
    """(series, time, two numbers), summed by series and by hour or day, and by the histogram's bucket too."""
    size = times[1] - times[0] if len(times) > 1 else 24 * HOUR_US
    # Times begin at a whole hour or day; the only one of a chart stands for all that is in it.
    at = (table.c.hour_us - (table.c.hour_us - times[0]) % size).label("at")
    group: list[Any] = [] if by is None else [table.c[by]]
    group += [at, *([table.c.bucket] if table is ROLLUP_LATENCY else [])]
    name = literal(ALL) if by is None else table.c[by]
    query = select(name, at, *columns).where(*where).group_by(*group)
    with store.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def _chosen(totals: Mapping[str, int], most: int) -> list[tuple[str, list[str]]]:
    """The series to show, each with the names that it is made of: the largest first, the rest as one."""
    order = sorted(totals, key=lambda name: (-totals[name], name))
    shown = [(name, [name]) for name in order[:most]]
    return shown if len(order) <= most else [*shown, (REST, order[most:])]


def changes(store: Store, since_us: int, until_us: int, tenant: str | None = None) -> list[dict[str, Any]]:
    """When another revision of a policy came into use, to the hour: `at_us` and its `policy` label, in order."""
    table = ROLLUP_HOUR
    where = [table.c.hour_us >= since_us, table.c.hour_us < until_us, table.c.shadow.is_(False)]
    where += [] if tenant is None else [table.c.tenant == tenant]
    query = (
        select(table.c.hour_us, table.c.policy)
        .where(*where)
        .distinct()
        .order_by(table.c.hour_us, table.c.policy)
    )
    with store.read() as connection:
        seen = [tuple(row) for row in connection.execute(query)]
    by_name: dict[str, dict[int, set[str]]] = {}
    for at, label in seen:
        by_name.setdefault(label.partition("@")[0], {}).setdefault(at, set()).add(label)
    found = []
    for hours in by_name.values():
        before: set[str] | None = None
        for at, labels in hours.items():
            found += [{"at_us": at, "policy": label} for label in sorted(labels - (before or labels))]
            before = labels
    return sorted(found, key=lambda change: (change["at_us"], change["policy"]))
