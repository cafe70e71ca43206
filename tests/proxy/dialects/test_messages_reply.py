"""Whole replies: what is one, what a blocked one keeps, and how one is told as a stream."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.engine import Guard
from proxy.dialects import messages_reply
from proxy.errors import UpstreamError
from tests.proxy.dialects.messages_replies import as_stream, events, message, read
from tests.proxy.dialects.replies import guard, vault
from tests.proxy.dialects.test_messages_stream import cells

GUARD: Guard = guard()
SCHEMA = {"type": "json_schema", "schema": {}}


@pytest.mark.parametrize(
    "body", [b"", b"oops", b"[]", b"{}", b'{"content": "x"}', b'{"content": [5]}',
             b'{"type": "error", "error": {"type": "overloaded_error", "message": "secret"}}']
)  # fmt: skip
def test_what_is_no_message_is_an_error(body: bytes) -> None:
    """And the error repeats nothing of it."""
    with pytest.raises(UpstreamError) as raised:
        messages_reply.parse_reply(body)

    assert "secret" not in raised.value.message
    with pytest.raises(UpstreamError):
        messages_reply.parse_count(body)


@pytest.mark.parametrize("cell", cells(""))
def test_a_whole_reply_as_events_is_the_same_reply(cell: str) -> None:
    """For callers who asked for a stream and a provider that gave none."""
    reply = message(cells("All is well.")[cell])

    assert read([messages_reply.as_events(reply)]) == reply


def test_nothing_of_a_blocked_reply_is_left() -> None:
    """But what it was called, and what it used."""
    reply = message([{"type": "text", "text": "kryptonite"}], stop_sequence="kryptonite", new="kryptonite")

    blocked = messages_reply.blocked_reply(reply)

    assert blocked == message([], stop_reason="refusal")
    assert "usage" not in messages_reply.blocked_reply({"content": []})


@pytest.mark.parametrize(
    ("request_", "structured"),
    [({"output_config": {"format": SCHEMA}}, True), ({"output_format": SCHEMA}, True), ({"output_config": {}}, False)],
)  # fmt: skip
async def test_values_are_quoted_where_the_caller_asked_for_json(
    request_: dict[str, Any], structured: bool
) -> None:
    """Whole and streamed, a value cannot end the string that it stands in."""
    assert messages_reply.is_structured(request_) is structured
    known = await vault(GUARD)
    value = 'Ada "Countess" Byron'
    content = [{"type": "text", "text": f'{{"to": "{known.mint("NAME", value)}"}}'}]

    whole = messages_reply.restored(message(content), (), known, structured)
    _, frames = await as_stream(GUARD, events(content, list), known, structured)

    [told] = whole["content"]
    assert read(frames)["content"] == [told]
    assert (told["text"] == f'{{"to": "{value}"}}') is not structured
    if structured:
        assert orjson.loads(told["text"]) == {"to": value}


def test_our_own_refusal_used_nothing() -> None:
    """It is a message like any other."""
    told = messages_reply.refusal("abc", "claude")

    assert messages_reply.finish_reasons(told) == ("refusal",)
    assert messages_reply.parse_reply(orjson.dumps(told)) == told
    assert told["usage"] == {"input_tokens": 0, "output_tokens": 0}
