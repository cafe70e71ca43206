"""The app's spans of many exchanges at once."""

from __future__ import annotations

from typing import Any

from proxy.store.db import Store
from proxy.store.timeline import read_timeline
from tests.proxy.review.agent_runs import RUN, app_span, step

ELSEWHERE = "ab" * 16


def _linked(store: Store) -> dict[str, str]:
    run: dict[str, Any] = read_timeline(store, RUN, 3600, within_s=30) or {}
    return {one["name"]: one["linked_by"] for one in run["steps"][0]["outside"]}


def _other(span: str, kind: str, **over: Any) -> dict[str, Any]:
    made = app_span(span, kind, 1, 2, **over)
    return made | {"id": f"{ELSEWHERE}{span:0>16}@{made['key_id']}", "trace_id": ELSEWHERE}


def test_spans_are_tied_by_trace_reply_or_text(store: Store) -> None:
    """What ties them is told; an LLM span of the very call is left out, and what nothing ties is not there."""
    assert (
        store.write([step(0, response_id="chatcmpl-1", asked="t" * 32), app_span("b1", "chain", 0.1, 0.2)])
        == []
    )
    assert _linked(store) == {"b1": "trace"}

    assert store.write([_other("c1", "tool")]) == []
    assert "c1" not in _linked(store)

    assert store.write([_other("c2", "llm", response_id="chatcmpl-1")]) == []
    assert _linked(store) == {"b1": "trace", "c1": "response"}


def test_a_text_ties_only_what_is_near_in_time(store: Store) -> None:
    """The same question an hour later is another one."""
    assert (
        store.write([step(0, asked="t" * 32), _other("c1", "tool"), _other("c2", "llm", asked="t" * 32)])
        == []
    )
    assert _linked(store) == {"c1": "text"}
    assert store.write([step(3_000, run="3" * 32, asked="t" * 32, trace_id="e" * 32)]) == []

    late: dict[str, Any] = read_timeline(store, "3" * 32, 3600, within_s=30) or {}

    assert late["steps"][0]["outside"] == []
