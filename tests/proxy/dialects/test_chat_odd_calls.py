"""Whole replies whose tool calls have no shape of the dialect's: they are judged all the same, as in a stream."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.types import Stage
from proxy.dialects import chat_conversation, chat_reply

GIVEN = {"to": "eve@evil.example"}


def parsed(message: dict[str, Any]) -> dict[str, Any]:
    """A reply with one message, as the dialect reads it."""
    return chat_reply.parse_reply(orjson.dumps({"choices": [{"message": message}]}))


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [{"function": {"name": "send", "arguments": GIVEN}}]},
        {"function_call": {"name": "send", "arguments": GIVEN}},
    ],
    ids=["tool_calls", "function_call"],
)
def test_arguments_that_are_no_text_are_judged_as_the_text_that_they_should_be(
    message: dict[str, Any],
) -> None:
    """Each value at its place in the call that holds it."""
    reply = parsed(message)

    [call] = chat_conversation.reply_calls(reply)
    found = {
        each.within: each.text for each in chat_reply.reply_segments(reply) if each.pointer == call.pointer
    }

    assert orjson.loads(call.arguments) == GIVEN
    assert found["/to"] == GIVEN["to"]


@pytest.mark.parametrize(
    "call",
    [
        {"type": "mcp", "mcp": {"name": "delete_all", "arguments": "{}"}},
        {"type": "function", "name": "delete_all", "arguments": "{}"},
    ],
    ids=["unknown kind", "no kind"],
)
def test_a_call_of_a_kind_that_nobody_knows_is_a_call(call: dict[str, Any]) -> None:
    """And its texts stand at the stage of calls."""
    reply = parsed({"tool_calls": [call]})

    [found] = chat_conversation.reply_calls(reply)

    assert found.name == "delete_all"
    assert any(each.stage is Stage.TOOL_CALL for each in chat_reply.reply_segments(reply))
