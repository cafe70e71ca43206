"""What a busy installation has beside its traces: rollups, queues, reviews, disputes, runs and a trace with texts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, distinct, func, insert, select

from proxy.store import filling, queries, queues
from proxy.store.db import Store
from proxy.store.postgresql import be_patient
from proxy.store.queues import NewQueue
from proxy.store.reviews import NewReview, judge
from proxy.store.rollups import BOUNDS_US, HOUR_US
from proxy.store.tables import FINDING, SPAN
from proxy.store.tables_rollups import ROLLUP_HOUR, ROLLUP_LATENCY, ROLLUP_RULE
from tests.bench.spans import analyse
from tests.proxy.review import documents
from tests.proxy.store.reviewing import give, taken, traces

WAITING = 2_000
"""Traces that wait in a queue of blind reviews."""
JUDGED = 5_000
"""Traces that reviewers judged outside of queues."""
DISPUTED = 60
RUNS = 40


def furnish(store: Store) -> str:
    """Add it to a store that `spans.fill` filled; the id of the trace with texts."""
    _roll_up(store)
    _review(store)
    for n in range(RUNS):
        queries.save_run(store, documents.run(f"0199a4c2d1c07a1f8{n:03}"))
    [trace] = traces(store, 1)
    analyse(store)
    return trace


def _roll_up(store: Store) -> None:
    """Count by the hour what was not counted as it was stored."""
    hour = (SPAN.c.started_us - SPAN.c.started_us % HOUR_US).label("hour_us")
    for table, query in (
        (ROLLUP_HOUR, _hours(hour)),
        (ROLLUP_RULE, _rules(hour)),
        (ROLLUP_LATENCY, _latencies(hour)),
    ):
        with store.begin() as connection:
            if connection.dialect.name == "postgresql":
                be_patient(connection)
            connection.execute(insert(table).from_select([column.name for column in table.c], query))


def _hours(hour: ColumnElement[int]) -> Select[Any]:
    names: tuple[ColumnElement[Any], ...] = (
        hour,
        SPAN.c.tenant,
        SPAN.c.team,
        SPAN.c.model,
        SPAN.c.policy,
        SPAN.c.outcome,
        SPAN.c.action,
    )
    counted = (case((SPAN.c.flagged.is_(True), 1), else_=0), *(SPAN.c[name] for name in ("findings", "tool_calls", "hits", "tokens_in", "tokens_out")))  # fmt: skip
    sums: list[Any] = [func.count(), *(cast(func.sum(each), BigInteger) for each in counted), 0]
    sums += [cast(func.sum(SPAN.c.cost_nanousd), BigInteger), 0, cast(func.sum(SPAN.c.duration_us), BigInteger)]  # fmt: skip
    return select(*names, SPAN.c.shadow_of.is_not(None), *sums).group_by(
        *names, SPAN.c.shadow_of.is_not(None)
    )


def _rules(hour: ColumnElement[int]) -> Select[Any]:
    found = (FINDING.c[name] for name in ("rule", "entity", "action", "mode", "side"))
    names: tuple[ColumnElement[Any], ...] = (hour, SPAN.c.tenant, SPAN.c.policy, *found)
    query = select(*names, func.count(), func.count(distinct(FINDING.c.span_id)))
    return query.join_from(FINDING, SPAN, SPAN.c.id == FINDING.c.span_id).group_by(*names)


def _latencies(hour: ColumnElement[int]) -> Select[Any]:
    ends = [(SPAN.c.duration_us < end, place) for place, end in enumerate(BOUNDS_US)]
    bucket = case(*ends, else_=len(BOUNDS_US)).label("bucket")
    each = select(hour, SPAN.c.tenant, SPAN.c.model, bucket).subquery()
    return select(*each.c, func.count()).group_by(*each.c)


def _review(store: Store) -> None:
    """Judgements here and there, a queue of blind reviews half done, and one whose reviewers disagree."""
    flagged = select(SPAN.c.id).where(SPAN.c.flagged.is_(True)).order_by(SPAN.c.started_us.desc())
    with store.read() as connection:
        newest = list(connection.execute(flagged.limit(JUDGED)).scalars())
    with store.begin() as connection:
        for place, id in enumerate(newest[:: max(1, len(newest) // JUDGED)]):
            verdict = "false_positive" if place % 5 == 0 else "true_positive"
            judge(connection, id, NewReview(verdict, f"user:r{place % 7}", finding=0))
    for name, blind, ids in (
        ("blind", True, newest[:WAITING]),
        ("disputed", False, newest[-DISPUTED:]),
    ):
        queue = queues.add_queue(store, NewQueue(name, "", 1.0, 2, blind), "default", "bench")["id"]
        with store.begin() as connection:
            filling.add_items(connection, queue, ids)
        for n in range(DISPUTED):
            give(store, taken(store, queue, "user:ann"), "user:ann", "pass")
            if not blind:
                give(store, taken(store, queue, "user:bob"), "user:bob", "fail" if n % 2 else "pass")
