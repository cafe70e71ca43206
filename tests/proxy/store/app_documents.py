"""Documents of apps' spans, as the ingest leaves them."""

from __future__ import annotations

from typing import Any

from tests.proxy.exchanges import masked

TRACE = "0af7651916cd43dd8448eb211c80319c"
NOW = 1_800_000_000_000_000


def app_span(span: str, kind: str, **over: Any) -> dict[str, Any]:
    """A span of an app; `at` and `to` are its start and end in seconds."""
    at, to = over.pop("at", 0.0), over.pop("to", 0.5)
    trace, key = over.get("trace_id", TRACE), over.get("key_id", "key-1")
    return {
        "kind": "outside_span",
        "id": f"{trace}{span:0>16}@{key}",
        "tenant": "default",
        "key_id": key,
        "trace_id": trace,
        "parent_span": None,
        "span_kind": kind,
        "name": span,
        "service": "library",
        "source": "otlp",
        "started_us": NOW + int(at * 1e6),
        "ended_us": NOW + int(to * 1e6),
        "received_us": NOW,
        "error": False,
        "response_id": None,
        "asked": None,
        "detail": {"query": "who?"} if kind == "retrieval" else {},
        "retrieval": over.pop("hits", []),
        "tool_calls": over.pop("calls", []),
        **over,
    }


def hit(rank: int, doc_id: str) -> dict[str, Any]:
    """A hit."""
    return {"rank": rank, "doc_id": doc_id, "score": 1 / rank, "text": f"text of {doc_id}"}


def exchange(at: float, **over: Any) -> Any:
    """A finished exchange that began at that second."""
    return masked(started_us=NOW + int(at * 1e6), duration_us=1000, **over)
