"""Traces of some days ago, and what hangs on them."""

from __future__ import annotations

import random
import time
from typing import Any

from proxy.document import document
from proxy.store.data_keys import DAY_US
from tests.proxy.exchanges import masked
from tests.proxy.store.app_documents import app_span, hit

NOW = time.time_ns() // 1000


def id_at(at_us: int) -> str:
    """A UUIDv7 of that moment."""
    return f"{at_us // 1000:012x}7{random.getrandbits(76):019x}"


def trace(days: float, text: str = "hello", **over: Any) -> dict[str, Any]:
    """The document of an exchange so many days ago, with a tool call and a hit."""
    at = NOW - int(days * DAY_US)
    told = document(masked(text))
    call = {
        "call_id": "c1",
        "name": "f",
        "arguments": f"arguments {text}",
        "result": None,
        "state": "requested",
    }
    return {
        **told,
        "id": id_at(at),
        "started_us": at,
        "tool_calls": [call],
        "retrieval": [{**hit(1, "d1"), "text": f"passage {text}", "source": "tool"}],
        **over,
    }


def sent(days: float, span: str, **over: Any) -> dict[str, Any]:
    """A retrieval that an app told of so many days ago."""
    at = NOW - int(days * DAY_US)
    return app_span(span, "retrieval", hits=[hit(1, span)], **{"received_us": at, "started_us": at, **over})


def thought(days: float, target: str, comment: str | None = "good") -> dict[str, Any]:
    """Feedback of so many days ago."""
    at = NOW - int(days * DAY_US)
    return {
        **{"kind": "feedback", "id": id_at(at), "tenant": "default", "key_id": "key-1", "target": target},
        **{"name": "user", "value": 1.0, "comment": comment, "created_us": at},
    }


def lost(days: float) -> dict[str, Any]:
    """Traces lost so many days ago."""
    at = NOW - int(days * DAY_US)
    return {
        **{"kind": "gap", "id": id_at(at), "tenant": "default", "started_us": at, "ended_us": at},
        **{"reason": "spool_full", "lost": 3},
    }
