"""The spans that an app sent of some exchanges: found for many at once, by trace id, reply or what was asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Executable, and_, or_, select

from proxy.store.outside import TEXT_WINDOW_US
from proxy.store.tables import OUTSIDE_SPAN

APP_SPANS = 400
"""Spans of apps that are shown with a page of exchanges."""
_PLAIN = (
    "id",
    "trace_id",
    "parent_span",
    "kind",
    "name",
    "service",
    "source",
    "started_us",
    "ended_us",
    "error",
)

Row = dict[str, Any]
Rows = Callable[[str, Executable], list[Row]]
"""Reads the rows of a query, which has a name by which it is told when it was late."""


def tied(read: Rows, shown: Sequence[Row], head: Row) -> list[Row]:
    """The app's spans of the traces that some exchanges belong to, in order, with `linked_by`.

    Only those that came with the key of the run. An LLM span of a call that stands among the exchanges is left out:
    the exchange itself tells more. Takes two queries.
    """
    own = (
        OUTSIDE_SPAN.c.tenant == head["tenant"],
        OUTSIDE_SPAN.c.key_id.is_not_distinct_from(head["key_id"]),
    )
    by = _links(read, shown, own)
    if not by:
        return []
    first = min(step["started_us"] for step in shown) - TEXT_WINDOW_US
    last = max(step["started_us"] + (step["duration_us"] or 0) for step in shown) + TEXT_WINDOW_US
    here = (OUTSIDE_SPAN.c.trace_id.in_(sorted(by)), OUTSIDE_SPAN.c.started_us.between(first, last))
    columns = [OUTSIDE_SPAN.c[name] for name in (*_PLAIN, "response_id", "asked")]
    query = select(*columns).where(*own, *here).order_by(OUTSIDE_SPAN.c.started_us, OUTSIDE_SPAN.c.id)
    replies = {step["response_id"] for step in shown if step["response_id"]}
    texts = {step["asked"] for step in shown if step["asked"]}
    found = []
    for row in read("app spans", query.limit(APP_SPANS)):
        reply, asked = row.pop("response_id"), row.pop("asked")
        if row["kind"] != "llm" or not (reply in replies or asked in texts):
            found.append(row | {"linked_by": by[row["trace_id"]]})
    return found


def _links(read: Rows, shown: Sequence[Row], own: tuple[Any, ...]) -> dict[str, str]:
    """What ties each of an app's traces to the exchanges, by its id: the surest that there is."""
    traces = sorted({step["trace_id"] for step in shown})
    replies = sorted({step["response_id"] for step in shown if step["response_id"]})
    texts: dict[str, list[int]] = {}
    for step in shown:
        if step["asked"]:
            texts.setdefault(step["asked"], []).append(step["started_us"])
    ways = [and_(OUTSIDE_SPAN.c.trace_id.in_(traces), OUTSIDE_SPAN.c.kind != "other")]
    ways += [and_(OUTSIDE_SPAN.c.kind == "llm", OUTSIDE_SPAN.c.response_id.in_(replies))] if replies else []
    ways += [and_(OUTSIDE_SPAN.c.kind == "llm", OUTSIDE_SPAN.c.asked.in_(sorted(texts)))] if texts else []
    names = ("trace_id", "response_id", "asked", "started_us")
    query = select(*(OUTSIDE_SPAN.c[name] for name in names)).where(*own, or_(*ways)).limit(APP_SPANS)
    found: dict[str, str] = {}
    order = {"trace": 0, "response": 1, "text": 2}
    for row in read("app spans", query):
        near = any(abs(us - row["started_us"]) <= TEXT_WINDOW_US for us in texts.get(row["asked"], ()))
        way = (
            "trace"
            if row["trace_id"] in traces
            else "response"
            if row["response_id"] in replies
            else "text"
            if near
            else None
        )
        if way and order[way] < order.get(found.get(row["trace_id"], ""), 3):
            found[row["trace_id"]] = way
    return found
