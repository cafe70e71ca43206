"""Agent runs and conversations, newest first: those with a step in a filter, each with its figures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from proxy.store.db import Store
from proxy.store.deadline import Late, Timed, timed
from proxy.store.filter_fields import OUTCOMES
from proxy.store.filters import EVERYTHING, Filter, where
from proxy.store.queries import LIST_S, cursor
from proxy.store.repeats import repeats
from proxy.store.scan import FIRST_ID, ORDER, Asked, first
from proxy.store.sessions import joined
from proxy.store.tables import SPAN, TOOL_CALL

ROWS = 30
"""Runs on one page."""
MOST_CALLS = 10_000
"""Mentions of tool calls that are read for one page."""
_AT_ONCE = 400
"""Steps that are looked at, each time, for runs that are not known yet."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sessions:
    """Some runs, the one with the newest step in the filter first."""

    items: list[Row]
    """Each with `run_id`, `matched_us` (its newest step in the filter) and, where `counted`, its figures."""
    next: str | None
    """Cursor to give as `before`; None on the last page."""
    partial: bool = False
    """Whether the time was over before the page was full, or before its figures were there."""


def list_sessions(
    store: Store,
    idle_s: int,
    filter: Filter = EVERYTHING,
    before: str | None = None,
    within_s: float = LIST_S,
) -> Sessions:
    """Runs that have a step in the filter. Shadows are no steps.

    Raises QueryError for a cursor that is none, FilterError for a filter that the store cannot answer.
    """
    place = None if before is None else cursor("before", before)
    with timed(store, within_s) as clock:
        heads, on, partial = _heads(clock, Asked(filter, store.key, store.search, place))
        runs = [head["run_id"] for head in heads]
        try:
            figures = _figures(clock, runs)
        except Late:
            figures, partial = {}, True
        try:
            called, cut = _called(clock, runs)
        except Late:
            called, cut, partial = {}, set(runs), True
    now = time.time_ns() // 1000
    items = []
    for head in heads:
        run = head["run_id"]
        told = figures.get(run)
        counted = told is not None and run not in cut
        own = called.get(run, []) if counted else []
        idle = counted and told is not None and now - told["last_us"] > idle_s * 1_000_000
        orphans = sum(
            call["state"] == "orphan" for call in joined(own, told["last_us"] if told else 0, bool(idle))
        )
        found = repeats(own)
        items.append(
            {
                **head,
                **(told or {}),
                "counted": told is not None,
                "orphans": orphans if counted else None,
                "loops": len(found) if counted else None,
                "tools": sorted({row["name"] for row in own}) if counted else None,
            }
        )
    return Sessions(items, on, partial)


def _heads(clock: Timed, asked: Asked) -> tuple[list[Row], str | None, bool]:
    """The runs of a page; where the next one begins; whether the time was over."""
    heads: dict[str, Row] = {}
    columns = (SPAN.c.id, SPAN.c.started_us, SPAN.c.run_id, SPAN.c.run_source, SPAN.c.tenant, SPAN.c.key_id)
    steps = select(*columns).where(SPAN.c.run_id.is_not(None), SPAN.c.shadow_of.is_(None))
    earlier: set[str] = set()
    on = asked.place
    while True:
        known = [*heads, *earlier]
        query = steps.where(SPAN.c.run_id.not_in(known)) if known else steps
        try:
            found = first(clock, Asked(asked.filter, asked.key, asked.search, on), query, _AT_ONCE)
        except Late:
            return list(heads.values()), _next(on), True
        fresh = [row for row in found.rows if row["run_id"] not in heads]
        try:
            earlier |= _earlier(clock, asked, {row["run_id"] for row in fresh})
        except Late:
            return list(heads.values()), _next(on), True
        for row in found.rows:
            if row["run_id"] in earlier or row["run_id"] in heads:
                continue
            if len(heads) == ROWS:
                return list(heads.values()), _next(on), False
            on = (row["started_us"], row["id"])
            names = ("run_id", "run_source", "tenant", "key_id")
            heads[row["run_id"]] = {**{name: row[name] for name in names}, "matched_us": row["started_us"]}
        if found.partial:
            return list(heads.values()), _next(_reached(found.searched_to) or on), True
        if len(found.rows) < _AT_ONCE:
            return list(heads.values()), None, False
        on = (found.rows[-1]["started_us"], found.rows[-1]["id"])


def _reached(searched_to: int | None) -> tuple[int, str] | None:
    return None if searched_to is None else (searched_to, FIRST_ID)


def _next(on: tuple[int, str] | None) -> str | None:
    return None if on is None else f"{on[0]}.{on[1]}"


def _earlier(clock: Timed, asked: Asked, runs: set[str]) -> set[str]:
    """Those of some runs that an earlier page has shown: they have a newer step in the filter."""
    if asked.place is None or not runs:
        return set()
    newer = (tuple_(*ORDER) >= tuple_(*asked.place), *steps_of(sorted(runs)))
    conditions = where(asked.filter, asked.key, search=asked.search)
    query = select(SPAN.c.run_id).where(*newer, *conditions).distinct()
    return {row["run_id"] for row in clock.rows(query)}


def _figures(clock: Timed, runs: Sequence[str]) -> dict[str, Row]:
    """What is counted of some runs, by run."""
    if not runs:
        return {}
    query = select(SPAN.c.run_id, *FIGURES).where(*steps_of(runs)).group_by(SPAN.c.run_id, SPAN.c.outcome)
    by_run: dict[str, list[Row]] = {}
    for row in clock.rows(query):
        by_run.setdefault(row.pop("run_id"), []).append(row)
    return {run: together(rows) for run, rows in by_run.items()}


FIGURES: tuple[ColumnElement[Any], ...] = (
    SPAN.c.outcome.label("outcome"),
    func.count().label("n_exchanges"),
    func.min(SPAN.c.started_us).label("started_us"),
    func.max(SPAN.c.started_us).label("last_us"),
    func.max(SPAN.c.started_us + func.coalesce(SPAN.c.duration_us, 0)).label("ended_us"),
    func.sum(SPAN.c.tokens_in).label("tokens_in"),
    func.sum(SPAN.c.tokens_out).label("tokens_out"),
    func.sum(SPAN.c.cost_nanousd).label("cost_nanousd"),
    func.count(SPAN.c.cost_nanousd).label("priced"),
    func.sum(SPAN.c.findings).label("findings"),
    func.sum(SPAN.c.hits).label("hits"),
)
"""What is counted of a run, for each outcome."""


def steps_of(runs: Sequence[str]) -> tuple[ColumnElement[bool], ...]:
    """The conditions of the steps of some runs."""
    return SPAN.c.run_id.in_(list(runs)), SPAN.c.shadow_of.is_(None)


def together(rows: Iterable[Mapping[str, Any]]) -> Row:
    """The figures of a run from those of each outcome; `outcome` is the most pressing one."""
    told = list(rows)
    outcomes = {row["outcome"]: int(row["n_exchanges"]) for row in told}

    def total(name: str) -> int | None:
        known = [int(row[name]) for row in told if row[name] is not None]
        return sum(known) if known else None

    order = {name: place for place, name in enumerate(OUTCOMES)}
    return {
        "outcome": min(outcomes, key=lambda name: order.get(name, len(order))),
        "outcomes": outcomes,
        "n_exchanges": sum(outcomes.values()),
        "started_us": min(row["started_us"] for row in told),
        "last_us": max(row["last_us"] for row in told),
        "ended_us": max(row["ended_us"] for row in told),
        "tokens_in": total("tokens_in"),
        "tokens_out": total("tokens_out"),
        "cost_nanousd": total("cost_nanousd"),
        "unpriced": sum(outcomes.values()) - (total("priced") or 0),
        "findings": total("findings") or 0,
        "hits": total("hits") or 0,
        "errors": outcomes.get("failed", 0) + outcomes.get("blocked", 0),
    }


def mentions(runs: Sequence[str]) -> Select[Any]:
    """What the exchanges of some runs say of tool calls, in order."""
    names = ("span_id", "seq", "call_id", "name", "state", "started_us", "arguments_blob", "result_blob")
    return (
        select(SPAN.c.run_id, *(TOOL_CALL.c[name] for name in names), SPAN.c.duration_us)
        .join(SPAN, SPAN.c.id == TOOL_CALL.c.span_id)
        .where(*steps_of(runs))
        .order_by(TOOL_CALL.c.started_us, TOOL_CALL.c.span_id, TOOL_CALL.c.seq)
    )


def _called(clock: Timed, runs: Sequence[str]) -> tuple[dict[str, list[Row]], set[str]]:
    """The mentions of tool calls by run; and the runs of which there are more than are read."""
    if not runs:
        return {}, set()
    rows = clock.rows(mentions(runs).limit(MOST_CALLS + 1))
    by_run: dict[str, list[Row]] = {}
    for row in rows[:MOST_CALLS]:
        by_run.setdefault(row["run_id"], []).append(row)
    # Rows are in the order of time: any of the runs may go on where reading ended.
    return by_run, set(runs) if len(rows) > MOST_CALLS else set()
