"""Agent runs as they are read: the exchanges of one in order, its tool calls with their answers, what is missing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, func, select, tuple_

from proxy.store import rows
from proxy.store.db import Store
from proxy.store.queries import MOST, QueryError, cursor
from proxy.store.tables import GAP, SPAN, TOOL_CALL
from proxy.strangers import REASON

MOST_CALLS = 5_000
"""Tool calls of one run that are read."""

_ORDER = (SPAN.c.started_us, SPAN.c.id)


def read_run(
    store: Store, run: str, idle_s: int, limit: int = MOST, after: str | None = None
) -> dict[str, Any] | None:
    """A run with a page of its exchanges, oldest first; None when there is no such run. Shadows are left out.

    A tool call is `answered`, `requested`, or an `orphan`: not answered though the run went on, or has been idle for
    `idle_s` seconds. Raises QueryError for a limit or cursor that is none.
    """
    if not 1 <= limit <= MOST:
        raise QueryError(f"limit is {limit}. It takes 1 to {MOST}.")
    mine = (SPAN.c.run_id == run, SPAN.c.shadow_of.is_(None))
    page = select(SPAN).where(*mine).order_by(*_ORDER).limit(limit + 1)
    if after is not None:
        page = page.where(tuple_(*_ORDER) > tuple_(*cursor("after", after)))
    whole = select(func.count(), func.min(SPAN.c.started_us), func.max(SPAN.c.started_us)).where(*mine)
    with store.read() as connection:
        count, first, last = connection.execute(whole).one()
        if not count:
            return None
        steps = [dict(row) for row in connection.execute(page).mappings()]
        head = connection.execute(select(SPAN).where(*mine).order_by(*_ORDER).limit(1)).mappings().one()
        called = [dict(row) for row in connection.execute(_called(run)).mappings()]
        lost = losses(head["tenant"], first, last)
        gaps = [dict(row) for row in connection.execute(lost).mappings()]
    idle = time.time_ns() // 1000 - last > idle_s * 1_000_000
    calls = joined(called, last, idle)
    shown = steps[:limit]
    return {
        **{name: head[name] for name in ("run_id", "run_source", "session_id", "tenant", "key_id")},
        "started_us": first,
        "last_us": last,
        "n_exchanges": count,
        "data": [rows.summary(step) for step in shown],
        "tool_calls": calls,
        "orphans": sum(call["state"] == "orphan" for call in calls),
        "gaps": gaps,
        "next": f"{shown[-1]['started_us']}.{shown[-1]['id']}" if len(steps) > limit else None,
    }


def _called(run: str) -> Select[Any]:
    """What the run's exchanges say of tool calls, in order."""
    return (
        select(TOOL_CALL, SPAN.c.duration_us)
        .join(SPAN, SPAN.c.id == TOOL_CALL.c.span_id)
        .where(SPAN.c.run_id == run, SPAN.c.shadow_of.is_(None))
        .order_by(TOOL_CALL.c.started_us, TOOL_CALL.c.span_id, TOOL_CALL.c.seq)
        .limit(MOST_CALLS)
    )


def losses(tenant: str, first: int, last: int) -> Select[Any]:
    """Traces that were lost while the run went on, some of which may have been its own."""
    here = (GAP.c.tenant == tenant, GAP.c.ended_us >= first, GAP.c.started_us <= last, GAP.c.reason != REASON)
    names = (GAP.c.id, GAP.c.started_us, GAP.c.ended_us, GAP.c.reason, GAP.c.lost)
    return select(*names).where(*here).order_by(GAP.c.started_us).limit(MOST)


def joined(called: Iterable[Mapping[str, Any]], last_us: int, idle: bool) -> list[dict[str, Any]]:
    """Each call once, with the traces that asked for it and answered it. Takes a run's mentions of calls, in order.

    Open calls are orphans when the run is `idle`, or when its last exchange began, at `last_us`, after them.
    """
    calls: list[dict[str, Any]] = []
    waiting: dict[str, dict[str, Any]] = {}
    answered: set[str] = set()
    for row in called:
        id, asks = row["call_id"], row["state"] == "requested"
        if not asks and id in answered:
            continue  # A chat's history tells it again.
        answered.discard(id) if asks else answered.add(id)
        if not asks and id in waiting:
            call = waiting.pop(id)
            ended = call.pop("_ended_us")
            call |= {"state": "answered", "answered_by": row["span_id"]}
            # The tool may have run for less: this is the time from the reply to the next request.
            call["took_us"] = max(0, row["started_us"] - ended)
            continue
        call = {"call_id": id, "name": row["name"], "state": row["state"], "requested_by": None}
        call |= {"answered_by": None, "took_us": None}
        calls.append(call)
        if asks:
            call |= {
                "requested_by": row["span_id"],
                "_ended_us": row["started_us"] + (row["duration_us"] or 0),
            }
            call["_asked_us"] = row["started_us"]
            waiting[id] = call
        else:
            call["answered_by"] = row["span_id"]
    for call in calls:
        call.pop("_ended_us", None)
        asked = call.pop("_asked_us", None)
        if call["state"] == "requested" and (idle or (asked is not None and asked < last_us)):
            call["state"] = "orphan"
    return calls
