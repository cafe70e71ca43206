"""Tools: a call counts once, and is an orphan only when nobody answered it for long enough."""

from __future__ import annotations

import time
from typing import Any

from proxy.store.db import Store
from proxy.store.rollups import HOUR_US
from proxy.store.timeline import read_timeline
from proxy.store.tool_health import tool_health
from tests.proxy.store.test_rollups import NOON, trace

NOW = NOON + HOUR_US


def call(id: str, state: str, name: str = "search") -> dict[str, Any]:
    """A tool call of a trace."""
    return {
        "call_id": id,
        "name": name,
        "arguments": "{}",
        "result": "x" if state == "answered" else None,
        "state": state,
    }


def test_calls_count_once_and_wait_before_they_are_orphans(store: Store) -> None:
    """Answered by a later trace; told again by a chat's history; asked just now; never answered."""
    store.write(
        [
            trace(started_us=NOON, tool_calls=[call("a", "requested"), call("b", "requested", "mail")]),
            trace(started_us=NOON + 1, tool_calls=[call("a", "answered")]),
            trace(started_us=NOON + 2, tool_calls=[call("a", "answered")]),
            trace(started_us=NOW - 1_000_000, tool_calls=[call("c", "requested")]),
        ]
    )

    found = tool_health(store, NOON - HOUR_US, NOW, 60)

    assert found is not None
    assert [(tool.name, tool.calls, tool.orphans) for tool in found.tools] == [
        ("mail", 1, 1),
        ("search", 2, 0),
    ]
    assert (found.orphans, found.errors, found.traces, found.whole) == (1, 0, 4, True)
    other = tool_health(store, NOON - HOUR_US, NOW, 60, "other")
    assert other is not None and other.tools == []


def test_without_time_nothing_is_made_up(store: Store) -> None:
    """What could not be told is None, not 0."""
    assert tool_health(store, 0, NOW, 60, within_s=0.0) is None


def test_the_numbers_are_those_of_the_runs_pages(store: Store) -> None:
    """Two runs that number their calls alike: one's answer hides no orphan of the other; loops are of one run."""
    now = time.time_ns() // 1000
    runs = ("a" * 32, "b" * 32)

    def step(run: str, second: int, *calls: dict[str, Any]) -> dict[str, Any]:
        return trace(
            run_id=run, run_source="prefix", started_us=now + (second - 100) * 1_000_000, tool_calls=calls
        )

    store.write(
        [
            step(runs[0], 0, call("1", "requested")),
            step(runs[1], 1, call("1", "requested")),
            step(runs[1], 2, call("1", "answered"), call("2", "requested")),
            step(runs[1], 3, call("1", "answered"), call("2", "answered"), call("3", "requested")),
            step(runs[0], 4),
            step(runs[1], 5, call("3", "answered"), call("4", "requested", "mail")),
        ]
    )

    found = tool_health(store, now - HOUR_US, now, 60)
    pages = [read_timeline(store, run, 60) or {} for run in runs]

    assert found is not None
    assert (found.orphans, found.loops) == (2, 1)
    assert found.orphans == sum(page["n_orphans"] for page in pages)
    assert found.loops == sum(page["n_loops"] for page in pages)
    assert sum(tool.calls for tool in found.tools) == sum(page["n_calls"] for page in pages) == 5
