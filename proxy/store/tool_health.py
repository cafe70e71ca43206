"""How the tools of agents fare: calls without an answer, calls that go in circles, and spans that tell of an error.

Read from the newest traces and the newest spans of apps alone, so that it costs the same however many there are. Calls
are joined with their answers, and loops found, run by run, as the pages of runs do it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from proxy.store.db import Store
from proxy.store.deadline import Late, Timed, timed
from proxy.store.repeats import repeats
from proxy.store.sessions import joined
from proxy.store.tables import OUTSIDE_SPAN, SPAN, TOOL_CALL

NEWEST = 2_000
"""Traces, and spans of apps, that are looked at."""
WITHIN_S = 0.3
"""Seconds that it may take."""

Row = Mapping[str, Any]
_Run = tuple[str, str | None]
"""Tenant and run; None: of no run."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool."""

    name: str
    calls: int
    orphans: int
    """Calls that were never answered."""
    errors: int
    """Spans in which the app says that the tool failed."""


@dataclass(frozen=True, slots=True)
class ToolHealth:
    """The tools of the newest traces, those with most trouble first."""

    tools: list[Tool]
    traces: int
    """How many traces were looked at."""
    whole: bool
    """Whether those are all of the time asked for."""
    loops: int
    """Tools that a run asked for again and again with the same arguments."""

    @property
    def orphans(self) -> int:
        """Calls that were never answered, of all tools."""
        return sum(tool.orphans for tool in self.tools)

    @property
    def errors(self) -> int:
        """Failures that apps told of, of all tools."""
        return sum(tool.errors for tool in self.tools)


def tool_health(
    store: Store,
    since_us: int,
    now_us: int,
    idle_s: int,
    tenant: str | None = None,
    within_s: float = WITHIN_S,
) -> ToolHealth | None:
    """How tools fared; None when that could not be told in time.

    A call counts as an orphan when its run went on without an answer, or has been idle for `idle_s` seconds. Of traces
    that are of no run, it does when its answer has not come for so long.
    """
    try:
        with timed(store, within_s) as clock:
            traces = _newest(clock, since_us, tenant)
            calls = _calls(clock, traces)
            errors = _errors(clock, since_us, tenant)
    except Late:
        return None
    asked, orphans, loops = _counted(traces, calls, now_us - idle_s * 1_000_000)
    tools = [Tool(name, asked[name], orphans[name], errors[name]) for name in {*asked, *errors}]
    tools.sort(key=lambda tool: (-tool.orphans - tool.errors, -tool.calls, tool.name))
    return ToolHealth(tools, len(traces), len(traces) < NEWEST, loops)


def _newest(clock: Timed, since_us: int, tenant: str | None) -> dict[str, Row]:
    """The newest traces, by their id."""
    columns = (SPAN.c[name] for name in ("id", "tenant", "run_id", "started_us", "duration_us"))
    query = select(*columns).where(SPAN.c.started_us >= since_us, SPAN.c.shadow_of.is_(None))
    if tenant is not None:
        query = query.where(SPAN.c.tenant == tenant)
    query = query.order_by(SPAN.c.started_us.desc(), SPAN.c.id.desc()).limit(NEWEST)
    return {row["id"]: row for row in clock.rows(query)}


def _calls(clock: Timed, traces: Mapping[str, Row]) -> Sequence[Row]:
    """What some traces say of tool calls, in order."""
    columns = (
        TOOL_CALL.c[name]
        for name in ("span_id", "seq", "call_id", "name", "state", "started_us", "arguments_blob")
    )
    wanted = select(*columns).where(TOOL_CALL.c.span_id.in_(list(traces)))
    wanted = wanted.order_by(TOOL_CALL.c.started_us, TOOL_CALL.c.span_id, TOOL_CALL.c.seq)
    return clock.rows(wanted) if traces else []


def _errors(clock: Timed, since_us: int, tenant: str | None) -> Counter[str]:
    """Failed tools of the newest spans, by name."""
    query = select(OUTSIDE_SPAN.c.name, OUTSIDE_SPAN.c.kind, OUTSIDE_SPAN.c.error)
    query = query.where(OUTSIDE_SPAN.c.received_us >= since_us)
    if tenant is not None:
        query = query.where(OUTSIDE_SPAN.c.tenant == tenant)
    rows = clock.rows(query.order_by(OUTSIDE_SPAN.c.received_us.desc()).limit(NEWEST))
    return Counter(row["name"] for row in rows if row["kind"] == "tool" and row["error"])


def _counted(
    traces: Mapping[str, Row], calls: Iterable[Row], idle_since_us: int
) -> tuple[Counter[str], Counter[str], int]:
    """Calls and orphans by tool, and loops. Runs number their calls alike: no run's answer is another's."""
    last: dict[_Run, int] = {}
    for trace in traces.values():
        last[_run(trace)] = max(last.get(_run(trace), 0), trace["started_us"])
    by_run: dict[_Run, list[Row]] = defaultdict(list)
    for call in calls:
        trace = traces[call["span_id"]]
        by_run[_run(trace)].append({**call, "duration_us": trace["duration_us"]})
    asked, orphans, loops = Counter[str](), Counter[str](), 0
    for run, called in by_run.items():
        # Traces of no run never go on: there an open call is an orphan by its age alone.
        last_us = idle_since_us if run[1] is None else last[run]
        told = joined(called, last_us, last_us < idle_since_us)
        asked.update(call["name"] for call in told)
        orphans.update(call["name"] for call in told if call["state"] == "orphan")
        loops += 0 if run[1] is None else len(repeats(called))
    return asked, orphans, loops


def _run(trace: Row) -> _Run:
    return trace["tenant"], trace["run_id"]
