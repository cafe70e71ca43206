"""Compaction: the request of a response, and a shorter conversation that the caller can send again."""

from __future__ import annotations

from typing import Any

import httpx
import orjson
import pytest

from proxy.dialects.responses_compact import COMPACT
from proxy.errors import BadRequest, Blocked
from proxy.exchange import Exchange
from tests.proxy.dialects.replies import guard
from tests.servers import ADMIN_KEY, Running, Upstream, raw

ASK: dict[str, Any] = {"model": "gpt-test", "input": "I am ada@example.com"}


def compacted(body: dict[str, Any]) -> dict[str, Any]:
    """What a provider makes of a conversation: its messages, and an item that only it can read."""
    said = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": body["input"]}]}
    sealed = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAAABoISQ24OyVRYbkYfuk"}
    return {"id": "resp_1", "object": "response.compaction", "created_at": 1, "output": [said, sealed]}


def test_a_compaction_is_not_streamed_and_not_declined_politely() -> None:
    """The rest of its shape is that of a response."""
    COMPACT.check({**ASK, "stream": False})
    with pytest.raises(BadRequest, match="stream"):
        COMPACT.check({**ASK, "stream": True})
    with pytest.raises(Blocked):
        COMPACT.blocked(compacted(ASK))
    assert COMPACT.refusal(Exchange("/v1/responses/compact", COMPACT, guard())) is None


def test_values_are_sent_as_tokens_and_come_back_as_they_were(proxy: Running, upstream: Upstream) -> None:
    """The caller can send the shorter conversation on; no line of ours is in it."""

    upstream.script = lambda body: raw(orjson.dumps(compacted(body)))
    headers = {"authorization": f"Bearer {ADMIN_KEY}"}

    told = httpx.post(f"{proxy.url}/responses/compact", json=ASK, headers=headers)

    assert upstream.headers[0].startswith(b"POST /v1/responses/compact HTTP")
    assert upstream.requests[0]["input"].startswith("I am EMAIL_")
    assert set(upstream.requests[0]) == {"model", "input"}
    assert told.json() == compacted(ASK)
    trace = proxy.recorder.last()
    assert trace["dialect"] == "responses_compact"
    assert b"ada@" not in orjson.dumps(trace)
