"""Agent runs as a working proxy would leave them, for the pages to show."""

from __future__ import annotations

import time
from typing import Any

from tests.proxy.review import documents

RUN, SUB_AGENT = "5e" * 16, "5f" * 16
TRACE = "0af7651916cd43dd8448eb211c80319c"
KEY = "0199a3f0c1d27b3e9a415d20c7718e01"
BEGAN_US = time.time_ns() // 1000 - 7_200_000_000


def call(id: str, name: str, arguments: str = "{}", result: str | None = None) -> dict[str, Any]:
    """A tool call: asked for, or answered where it has a result."""
    state = "requested" if result is None else "answered"
    return {"call_id": id, "name": name, "arguments": arguments, "result": result, "state": state}


def step(second: float, *calls: dict[str, Any], run: str = RUN, **over: Any) -> dict[str, Any]:
    """An exchange of a run that began so long after its beginning."""
    number = int(second * 1000)
    values = {
        "id": f"{0x0199A4C0FFEE7000 + number:016x}{int(run[:4], 16):016x}",
        "started_us": BEGAN_US + int(second * 1e6),
        "run_id": run,
        "run_source": "header",
        "session_id": "ab" * 16,
        "key_id": KEY,
        "trace_id": TRACE,
        "tool_calls": list(calls),
        "cost_nanousd": 412_000,
        "duration_us": 800_000,
    }
    return documents.trace(1, **(values | over))


def app_span(span: str, kind: str, at: float, to: float, **over: Any) -> dict[str, Any]:
    """A span that the app sent of the run."""
    return {
        "kind": "outside_span", "id": f"{TRACE}{span:0>16}@{KEY}", "tenant": "default", "key_id": KEY,
        "trace_id": TRACE, "parent_span": None, "span_kind": kind, "name": over.pop("name", span),
        "service": "shop-agent", "source": "otlp", "started_us": BEGAN_US + int(at * 1e6),
        "ended_us": BEGAN_US + int(to * 1e6), "received_us": BEGAN_US, "error": False, "response_id": None,
        "asked": None, "detail": {}, "retrieval": over.pop("hits", []), "tool_calls": over.pop("calls", []), **over,
    }  # fmt: skip


def rich() -> list[dict[str, Any]]:
    """A run with everything: tools, hits, findings, an orphan, a loop, an error, a pause, a sub-agent, app spans."""
    look = '{"query": "order NW-48213"}'
    found = documents.agent()
    said = {
        name: found[name]
        for name in ("request", "response", "findings", "retrieval", "outcome", "action", "decided")
    }
    error = {
        "type": "server_error",
        "code": "provider_timeout",
        "message": "No answer in 60 s.",
        "param": None,
    }
    return [
        step(0, call("c1", "lookup_order", look)),
        step(2.1, call("c1", "lookup_order", look, '{"status": "in transit"}'), call("c2", "search_docs", '{"q": "refund"}'), **said),
        step(4.4, call("c2", "search_docs", '{"q": "refund"}', "3 documents"), call("c3", "search_docs", '{"q": "refund"}'), call("c9", "send_mail", '{"to": "EMAIL_ADDRESS_5c20d9a7f1"}')),
        step(6.0, call("c3", "search_docs", '{"q": "refund"}', "3 documents"), call("c4", "search_docs", '{"q": "refund"}')),
        step(7.7, call("c4", "search_docs", '{"q": "refund"}', "3 documents"), outcome="failed", http_status=504, error=error, usage=None, cost_nanousd=None),
        step(640.0, outcome="passed"),
        step(3.0, run=SUB_AGENT),
        app_span("a1", "agent", 0.0, 9.0, name="support agent"),
        app_span("a2", "tool", 0.9, 1.95, name="lookup", calls=[{"call_id": "c1", "name": "lookup_order", "arguments": look, "result": "{}", "state": "ran"}]),
        app_span("a3", "retrieval", 1.9, 2.05, name="index search", hits=[{"rank": 1, "doc_id": "refunds.md", "score": 0.91, "text": "Refunds go back."}]),
    ]  # fmt: skip
