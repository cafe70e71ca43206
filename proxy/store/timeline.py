"""One agent run as a timeline: its steps in order, what each asked for, found and was fed, and what went wrong.

A page of steps is read in a fixed number of queries, whatever the run's length, within one deadline. The figures of
the whole run are told beside it; what was not there in time is named in `late`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Executable, case, func, select, tuple_

from proxy.store import rows
from proxy.store.bodies import Keys, unpack
from proxy.store.data_keys import Shredded
from proxy.store.db import Store
from proxy.store.deadline import Late, Timed, timed
from proxy.store.queries import LIST_S, cursor
from proxy.store.repeats import repeats
from proxy.store.session_list import FIGURES, MOST_CALLS, mentions, steps_of, together
from proxy.store.sessions import joined, losses
from proxy.store.tables import BLOB, FINDING, RETRIEVAL_HIT, SPAN, TOOL_CALL
from proxy.store.tied import APP_SPANS, tied

STEPS = 100
"""Steps of one page."""
BUCKETS = 120
"""Columns of the strip that shows the whole run."""
TOLD = 50
"""Errors, orphans and repeats that are named; the rest is counted."""
HITS = 5
"""Retrieved documents of a step that are named."""
PREVIEW = 240
"""Characters of arguments and results that are shown."""
LONGEST = 64 << 10
"""Bytes of a text of which the beginning is shown; a longer one is not read for it."""

_ORPHAN = ("call_id", "name", "requested_by", "seq", "asked_us")
_ORDER = (SPAN.c.started_us, SPAN.c.id)

Row = dict[str, Any]


class _Reading:
    """The queries of one page, and what was not there in time."""

    def __init__(self, clock: Timed, keys: Keys) -> None:
        self.clock, self.keys = clock, keys
        self.late: list[str] = []

    def rows(self, what: str, query: Executable) -> list[Row]:
        """The rows of a query; none, and `what` noted, when they were late."""
        try:
            return self.clock.rows(query)
        except Late:
            self.late += [what] if what not in self.late else []
            return []


def read_timeline(
    store: Store, run: str, idle_s: int, after: str | None = None, within_s: float = LIST_S
) -> Row | None:
    """A run with a page of its steps from a cursor on; None when there is no such run. Shadows are left out.

    Raises QueryError for a cursor that is none, Late when not even the steps were there in time.
    """
    mine = steps_of([run])
    place = None if after is None else cursor("after", after)
    page = select(SPAN).where(*mine).order_by(*_ORDER).limit(STEPS + 1)
    if place is not None:
        page = page.where(tuple_(*_ORDER) > tuple_(*place))
    with timed(store, within_s) as clock:
        steps = clock.rows(page)
        head = steps[0] if steps else next(iter(clock.rows(select(SPAN).where(*mine).limit(1))), None)
        if head is None:
            return None
        read = _Reading(clock, store.keys)
        whole = _whole(read, run, idle_s, head["tenant"])
        shown = [rows.summary(step) for step in steps[:STEPS]]
        around = _around(read, run, shown)
        _furnish(read, shown, whole.pop("calls"), head)
        return {
            **{name: head[name] for name in ("run_id", "run_source", "session_id", "tenant", "key_id")},
            **whole,
            **around,
            "siblings": _siblings(read, run, shown),
            "steps": shown,
            "next": f"{shown[-1]['started_us']}.{shown[-1]['id']}" if len(steps) > STEPS else None,
            "late": read.late,
        }


def _whole(read: _Reading, run: str, idle_s: int, tenant: str) -> Row:
    """What is told of the run as a whole."""
    by_outcome = read.rows("figures", select(*FIGURES).where(*steps_of([run])).group_by(SPAN.c.outcome))
    if not by_outcome:
        return {"counted": False, "calls": [], "orphans": [], "n_orphans": 0, "loops": [], "n_loops": 0,
                "errors": [], "gaps": [], "strip": None, "cut": False, "n_calls": 0}  # fmt: skip
    told = together(by_outcome)
    called = read.rows("tool calls", mentions([run]).limit(MOST_CALLS + 1))
    cut, called = len(called) > MOST_CALLS, called[:MOST_CALLS]
    idle = time.time_ns() // 1000 - told["last_us"] > idle_s * 1_000_000
    calls = _times(called, joined(called, told["last_us"], idle and not cut))
    # Where not all was read, a call whose answer may stand in the rest is no orphan.
    orphans = [] if cut else [call for call in calls if call["state"] == "orphan"]
    loops = repeats(called)
    first, last = told["started_us"], told["last_us"]
    return {
        **told,
        "counted": True,
        "calls": calls,
        "cut": cut,
        "n_calls": len(calls),
        "orphans": [{name: call[name] for name in _ORPHAN} for call in orphans[:TOLD]],
        "n_orphans": len(orphans),
        "loops": [
            {"name": loop.name, "times": len(loop.times), "calls": [
                {"span_id": one.span_id, "seq": one.seq, "started_us": one.started_us} for one in loop.times[:TOLD]
            ]}
            for loop in loops[:TOLD]
        ],
        "n_loops": len(loops),
        "errors": read.rows("errors", _errors(run)),
        "gaps": read.rows("losses", losses(tenant, first, last)),
        "strip": _strip(read, run, first, last),
    }  # fmt: skip


def _times(called: Sequence[Row], calls: list[Row]) -> list[Row]:
    """Each call with when it was asked for and answered, and where its arguments and its result are kept."""
    asked = {(row["span_id"], row["call_id"]): row for row in called if row["state"] == "requested"}
    answered = {(row["span_id"], row["call_id"]): row for row in called if row["state"] != "requested"}
    for call in calls:
        ask = asked.get((call["requested_by"], call["call_id"]))
        answer = answered.get((call["answered_by"], call["call_id"]))
        one = ask or answer or {}
        call |= {
            "seq": one.get("seq"),
            "asked_us": None if ask is None else ask["started_us"],
            "ready_us": None if ask is None else ask["started_us"] + (ask["duration_us"] or 0),
            "answered_us": None if answer is None else answer["started_us"],
            "arguments_blob": one.get("arguments_blob"),
            "result_blob": None if answer is None else answer["result_blob"],
        }
    return calls


def _errors(run: str) -> Executable:
    names = ("id", "started_us", "outcome", "error_code", "error_type", "http_status")
    bad = SPAN.c.outcome.in_(("failed", "blocked"))
    query = select(*(SPAN.c[name] for name in names)).where(*steps_of([run]), bad)
    return query.order_by(*_ORDER).limit(TOLD)


def _strip(read: _Reading, run: str, first: int, last: int) -> Row | None:
    """How many steps began in each part of the run, and how many of those failed or were blocked."""
    width = (last - first) // BUCKETS + 1
    place = ((SPAN.c.started_us - first) // width).label("place")
    bad = case((SPAN.c.outcome.in_(("failed", "blocked")), 1), else_=0).label("bad")
    steps = select(place, bad).where(*steps_of([run])).subquery()
    query = select(steps.c.place, func.count().label("n"), func.sum(steps.c.bad).label("bad"))
    found = read.rows("strip", query.group_by(steps.c.place).order_by(steps.c.place))
    columns = [{"place": int(row["place"]), "n": row["n"], "bad": int(row["bad"])} for row in found]
    return {"from_us": first, "width_us": width, "columns": columns} if columns else None


def _around(read: _Reading, run: str, shown: Sequence[Row]) -> Row:
    """Where in the run the page begins, and where the page before it does."""
    if not shown:
        return {"first": 0, "previous": None}
    here = tuple_(*_ORDER) < tuple_(shown[0]["started_us"], shown[0]["id"])
    own = steps_of([run])
    counted = read.rows("place", select(func.count().label("n")).select_from(SPAN).where(*own, here))
    before = select(*_ORDER).where(*own, here).order_by(*(column.desc() for column in _ORDER))
    begin = read.rows("place", before.limit(1).offset(STEPS))
    n = int(counted[0]["n"]) if counted else None
    previous = f"{begin[0]['started_us']}.{begin[0]['id']}" if begin else "0.0" if n else None
    return {"first": n, "previous": previous}


def _siblings(read: _Reading, run: str, shown: Sequence[Row]) -> list[Row]:
    """Other runs under the page's W3C trace ids: the agents that this one called, or that called it."""
    traces = sorted({step["trace_id"] for step in shown})
    if not traces:
        return []
    of_key = (SPAN.c.tenant == shown[0]["tenant"], SPAN.c.key_id.is_not_distinct_from(shown[0]["key_id"]))
    query = (
        select(
            SPAN.c.run_id, func.count().label("n_exchanges"), func.min(SPAN.c.started_us).label("started_us")
        )
        .where(SPAN.c.trace_id.in_(traces), SPAN.c.run_id != run, SPAN.c.shadow_of.is_(None), *of_key)
        .group_by(SPAN.c.run_id)
        .order_by(func.min(SPAN.c.started_us))
        .limit(TOLD)
    )
    return read.rows("other runs", query)


def _furnish(read: _Reading, shown: list[Row], calls: Iterable[Row], head: Row) -> None:
    """Give each step its `calls`, `retrieval`, `guardrails` and the app's spans about it, `outside`."""
    ids = [step["id"] for step in shown]
    by_id = {step["id"]: step for step in shown}
    for step in shown:
        step |= {"calls": [], "retrieval": [], "guardrails": [], "outside": []}
    for call in calls:
        home = by_id.get(call["requested_by"] or call["answered_by"])
        if home is not None:
            home["calls"].append(call)
    if not ids:
        return
    hits = select(RETRIEVAL_HIT).where(RETRIEVAL_HIT.c.span_id.in_(ids), RETRIEVAL_HIT.c.seq < HITS)
    for row in read.rows("hits", hits.order_by(RETRIEVAL_HIT.c.span_id, RETRIEVAL_HIT.c.seq)):
        by_id[row["span_id"]]["retrieval"].append(_hit(row))
    names = tuple(FINDING.c[name] for name in ("span_id", "rule", "entity", "action", "mode", "side"))
    found = select(*names, func.count().label("n")).where(FINDING.c.span_id.in_(ids))
    for row in read.rows("findings", found.group_by(*names).order_by(*names).limit(20 * STEPS)):
        by_id[row.pop("span_id")]["guardrails"].append(row)
    _app_spans(read, shown, head)
    _say(read, shown)


def _hit(row: Row) -> Row:
    return {name: row[name] for name in ("rank", "doc_id", "score", "source")}


def _app_spans(read: _Reading, shown: list[Row], head: Row) -> None:
    """The spans that the app sent of these steps, each at the last step that had begun when it did."""
    spans = tied(read.rows, shown, head)
    if not spans:
        return
    ids = [span["id"] for span in spans]
    by_id = {span["id"]: span | {"calls": [], "retrieval": []} for span in spans}
    hits = select(RETRIEVAL_HIT).where(RETRIEVAL_HIT.c.span_id.in_(ids), RETRIEVAL_HIT.c.seq < HITS)
    for row in read.rows("hits", hits.order_by(RETRIEVAL_HIT.c.span_id, RETRIEVAL_HIT.c.seq)):
        by_id[row["span_id"]]["retrieval"].append(_hit(row))
    ran = select(TOOL_CALL).where(TOOL_CALL.c.span_id.in_(ids)).limit(APP_SPANS)
    names = ("call_id", "name", "state", "arguments_blob", "result_blob")
    for row in read.rows("tool calls", ran.order_by(TOOL_CALL.c.span_id, TOOL_CALL.c.seq)):
        by_id[row["span_id"]]["calls"].append({name: row[name] for name in names})
    asked = {call["call_id"]: call for step in shown for call in step["calls"] if call["requested_by"]}
    for span in by_id.values():
        own = [asked.get(call["call_id"]) for call in span["calls"] if call["call_id"]]
        if span["kind"] == "tool" and own and own[0] is not None and "ran" not in own[0]:
            # The app tells how long the tool ran: what was only known to be no longer is known now.
            own[0]["ran"] = {name: span[name] for name in ("started_us", "ended_us", "error", "linked_by")}
            own[0]["result_blob"] = own[0]["result_blob"] or span["calls"][0]["result_blob"]
            continue
        earlier = [step for step in shown if step["started_us"] <= span["started_us"]]
        (earlier or shown)[-1 if earlier else 0]["outside"].append(span)


def _say(read: _Reading, shown: list[Row]) -> None:
    """Put the beginning of its texts in the place of each call's blobs: None where they are gone or too long."""
    calls = [call for step in shown for call in step["calls"]]
    calls += [call for step in shown for span in step["outside"] for call in span["calls"]]
    wanted = sorted({call[n] for call in calls for n in ("arguments_blob", "result_blob") if call.get(n)})
    begins: dict[str, str] = {}
    if wanted:
        query = select(BLOB).where(BLOB.c.id.in_(wanted), BLOB.c.size <= LONGEST)
        for row in read.rows("texts", query):
            try:
                text = unpack(row, read.keys).decode("utf-8", "surrogatepass")
            except Shredded:
                continue
            begins[row["id"]] = text if len(text) <= PREVIEW else text[: PREVIEW - 1] + "…"
    for call in calls:
        arguments, result = call.pop("arguments_blob"), call.pop("result_blob")
        call |= {"arguments": begins.get(arguments or ""), "result": begins.get(result or "")}
        call["answered"] = result is not None
