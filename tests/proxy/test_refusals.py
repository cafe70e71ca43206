"""Refusals: which of them another model may not share."""

from __future__ import annotations

import orjson
import pytest

from proxy.providers.base import Reply
from proxy.refusals import Reason, reason


def refused(message: str, code: object = None, status: int = 400) -> Reply:
    """A provider's refusal."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Reply(status, {}, orjson.dumps({"error": error}))


@pytest.mark.parametrize(
    "message",
    [
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "the request exceeds the available context size (4096 tokens)",
    ],
)
def test_servers_without_a_code_say_it_in_their_message(message: str) -> None:
    """With no code, or with the status as one."""
    assert reason(refused(message)) is Reason.TOO_LONG
    assert reason(refused(message, 400)) is Reason.TOO_LONG


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (refused("m", "context_length_exceeded"), Reason.TOO_LONG),
        (refused("m", "content_filter"), Reason.FILTERED),
        (refused("m", "invalid_prompt"), Reason.FILTERED),
        (refused("m", "invalid_value"), None),
        (refused("prompt is too long", status=500), None),
        (refused("m", "content_filter", status=200), None),
        (Reply(400, {}, b"<html>prompt is too long"), None),
        (Reply(400, {}, b'{"error": "prompt is too long"}'), None),
        (Reply(400, {}, b"[]"), None),
    ],
)
def test_only_a_refusal_has_a_reason(reply: Reply, expected: Reason | None) -> None:
    """By its code first, and only where it is written as one."""
    assert reason(reply) is expected
