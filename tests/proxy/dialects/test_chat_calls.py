"""What a piece of a streamed tool call carries besides name and arguments is guarded like these."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.dialects.chat_calls import MAX_TOOL_CALL, Call
from proxy.errors import UpstreamError
from tests.proxy.dialects.replies import as_stream, guard, token, vault

GUARD = guard()
CARD = "4111 1111 1111 1111"
DONE = b'{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}'


def payload(piece: dict[str, Any]) -> bytes:
    """A chunk with one piece of a tool call."""
    return orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **piece}]}}]})


@pytest.mark.parametrize(
    "piece",
    [
        {"extra_content": {"thought": f"pay {CARD}"}},
        {"note": CARD},
        {"id": f"id {CARD}"},
        {"function": {"name": "a", "arguments": "{}", "why": f"pay {CARD}"}},
    ],
)
async def test_no_member_of_a_call_leaves_uninspected(piece: dict[str, Any]) -> None:
    """Members of a call other than its id and type wait until the call is complete, and leave edited."""
    opening = {"id": "c", "type": "function", "function": {"name": "a", "arguments": "{}"}}

    stream, frames = await as_stream(GUARD, [payload({**opening, **piece}), DONE], None)

    wire, stored = b"".join(frames), orjson.dumps(stream.response())
    assert CARD.encode() not in wire + stored
    assert b"[CARD]" in wire
    assert b"[CARD]" in stored


async def test_a_member_of_a_call_is_joined_and_restored() -> None:
    """A text that comes in pieces is inspected as one; pseudonyms become values on the wire only."""
    known = await vault(GUARD)
    first = {"id": "c", "note": f"{token(known)} 4111 1111", "function": {"name": "a", "arguments": "{}"}}

    stream, frames = await as_stream(GUARD, [payload(first), payload({"note": " 1111 1111"}), DONE], known)

    assert b'"note":"ada@example.com [CARD]"' in b"".join(frames)
    [call] = stream.response()["choices"][0]["message"]["tool_calls"]
    assert call["note"] == f"{token(known)} [CARD]"


def test_a_call_without_end_is_a_fault() -> None:
    """The arguments of a call have a limit."""
    with pytest.raises(UpstreamError):
        Call(0, "", {}).collect({"function": {"arguments": "x" * (MAX_TOOL_CALL + 1)}})
