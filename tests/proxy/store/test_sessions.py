"""Runs as they are read: in order, page by page, each tool call with what became of it."""

from __future__ import annotations

import time
from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import ToolCall
from proxy.store.db import Store
from proxy.store.filters import of
from proxy.store.queries import QueryError, get_trace, list_spans
from proxy.store.sessions import read_run
from tests.proxy.exchanges import masked

RUN, OTHER = "a" * 32, "b" * 32


def _step(second: int, *calls: ToolCall, **over: Any) -> Any:
    started = time.time_ns() // 1000 + (second - 100) * 1_000_000
    return masked(
        **{
            "started_us": started, "duration_us": 400_000, "run_id": RUN, "run_source": "prefix",
            "session_id": "c" * 32, "tool_calls": list(calls), **over,
        }
    )  # fmt: skip


def _write(store: Store, *exchanges: Any) -> None:
    assert store.write([document(one) for one in exchanges]) == []


def test_a_run_is_read_from_its_first_step_page_by_page(store: Store) -> None:
    """Other runs and shadows are not in it; a trace alone can be found by its run, session and trace id."""
    steps = [_step(n) for n in range(5)]
    _write(store, *reversed(steps), _step(2, run_id=OTHER), _step(2, shadow_of=steps[0].id))

    first = read_run(store, RUN, 3600, limit=3) or {}
    rest = read_run(store, RUN, 3600, limit=3, after=first["next"]) or {}

    assert [step["id"] for step in first["data"] + rest["data"]] == [step.id for step in steps]
    assert (first["n_exchanges"], rest["next"], first["session_id"]) == (5, None, "c" * 32)
    assert first["last_us"] - first["started_us"] >= 3_000_000
    assert read_run(store, "0" * 32, 3600) is None
    assert len(list_spans(store, of(run=OTHER)).items) == 1
    assert len(list_spans(store, of(session="c" * 32)).items) == 7
    assert len(list_spans(store, of(trace="d" * 32)).items) == 0
    for wrong in ({"limit": 0}, {"limit": 201}, {"after": "x"}):
        with pytest.raises(QueryError):
            read_run(store, RUN, 3600, **wrong)  # type: ignore[arg-type]


def test_tool_calls_are_joined_and_orphans_told(store: Store) -> None:
    """Answered, asked for by the last step and still open, or never answered though the run went on."""
    steps = [
        _step(0, ToolCall("c1", "look", "{}"), ToolCall("c2", "mail", "{}")),
        _step(2, ToolCall("c1", "look", "{}", "found", "answered"), ToolCall("c3", "look", "{}")),
    ]
    _write(store, *steps, _step(1, ToolCall("c2", "mail", "{}", "no", "answered"), run_id=OTHER))

    calls = {call["call_id"]: call for call in (read_run(store, RUN, 3600) or {})["tool_calls"]}

    assert [calls[id]["state"] for id in ("c1", "c2", "c3")] == ["answered", "orphan", "requested"]
    assert (calls["c1"]["requested_by"], calls["c1"]["answered_by"]) == (steps[0].id, steps[1].id)
    assert 1_500_000 <= calls["c1"]["took_us"] <= 1_700_000
    idle = read_run(store, RUN, 10) or {}
    assert [call["state"] for call in idle["tool_calls"]] == ["answered", "orphan", "orphan"]
    assert idle["orphans"] == 2


def test_a_number_that_is_used_again_in_a_run_is_another_call(store: Store) -> None:
    """Each answer goes with the last call before it."""
    answer = ToolCall("call_1", "look", "{}", "found", "answered")
    steps = [_step(0, ToolCall("call_1", "look", "{}")), _step(1, answer, ToolCall("call_1", "look", "{}"))]
    _write(store, *steps, _step(2, answer))

    calls = (read_run(store, RUN, 3600) or {})["tool_calls"]

    assert [call["state"] for call in calls] == ["answered", "answered"]
    assert [call["requested_by"] for call in calls] == [step.id for step in steps]


def test_answers_of_another_run_are_not_a_calls_answer(store: Store) -> None:
    """Runs beside each other may number their calls alike; traces of older versions have no run."""
    asks = _step(0, ToolCall("call_1", "look", "{}"))
    wrong = _step(1, ToolCall("call_1", "look", "{}", "theirs", "answered"), run_id=OTHER)
    _write(store, asks, wrong)
    assert (get_trace(store, asks.id) or {})["tool_calls"][0]["state"] == "requested"

    right = _step(2, ToolCall("call_1", "look", "{}", "ours", "answered"))
    _write(store, right)
    assert (get_trace(store, asks.id) or {})["tool_calls"][0]["answered_by"] == right.id


def test_traces_that_were_lost_meanwhile_are_told(store: Store) -> None:
    """A step may be missing: whoever reads the run should know."""
    steps = [_step(0), _step(9)]
    at = steps[0].started_us
    gaps = [
        {"kind": "gap", "id": f"{n:032x}", "tenant": "default", "started_us": at + offset, "ended_us": at + offset + 5,
         "reason": "spool_full", "lost": 3}
        for n, offset in enumerate((1_000_000, 60_000_000))
    ]  # fmt: skip
    _write(store, *steps)
    assert store.write(gaps) == []

    assert [(gap["reason"], gap["lost"]) for gap in (read_run(store, RUN, 9) or {})["gaps"]] == [
        ("spool_full", 3)
    ]
