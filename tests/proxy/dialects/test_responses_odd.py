"""Replies of any shape: read, changed and told, or refused as no reply; never a fault of our own."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.types import Edit
from proxy.dialects import file_search
from proxy.dialects.responses_dialect import RESPONSES
from proxy.dialects.responses_stream import ResponsesStream
from proxy.errors import UpstreamError
from tests.proxy.dialects.replies import guard

GUARD = guard()
WORDS = st.sampled_from(
    ["message", "function_call", "file_search_call", "mcp_call", "reasoning", "output_text", "x"]
)
LEAVES = st.none() | st.booleans() | st.integers(-1, 3) | WORDS | st.just("card 4111 1111 1111 1111")
NAMES = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "output",
        "arguments",
        "summary",
        "results",
        "call_id",
        "name",
        "logprobs",
        "token",
        "action",
        "annotations",
        "input",
        "code",
        "status",
        "file_id",
        "kryptonite",
    ]
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)
ITEMS = st.lists(st.dictionaries(NAMES, JSON, max_size=4) | JSON, max_size=3)
KINDS = [
    "output_text",
    "refusal",
    "function_call_arguments",
    "custom_tool_call_input",
    "reasoning_summary_text",
    "audio",
]
TYPES = [f"response.{kind}.{step}" for kind in KINDS for step in ("delta", "done")] + [
    *("response.created", "response.completed", "response.output_item.added", "response.output_item.done"),
    *(
        "response.content_part.added",
        "response.content_part.done",
        "response.tomorrow",
        "response.incomplete",
    ),
]
EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES)},
    optional={
        "delta": JSON,
        "text": JSON,
        "arguments": JSON,
        "item": JSON,
        "part": JSON,
        "response": st.fixed_dictionaries({}, optional={"output": ITEMS | JSON, "model": JSON, "usage": JSON})
        | JSON,
        "logprobs": JSON,
        "output_index": st.integers(0, 2) | JSON,
        "content_index": st.integers(0, 1) | JSON,
        "sequence_number": st.integers(0, 3) | JSON,
        "tomorrow": JSON,
    },
)


@given(ITEMS)
def test_a_whole_reply_of_any_shape(items: list[Any]) -> None:
    """Every text of it can be edited; it is blocked, recorded and told as a stream like any other."""
    reply = RESPONSES.reply(orjson.dumps({"output": items, "status": "completed"}))

    found = RESPONSES.reply_texts(reply)
    edited = RESPONSES.edited_reply(reply, [Edit(e.pointer, 0, len(e.text), "E", e.within) for e in found])

    assert "4111" not in repr(edited)
    assert RESPONSES.blocked(reply)["output"] == []
    RESPONSES.requested_calls(reply)
    RESPONSES.reply_calls(reply)
    RESPONSES.events(reply)
    file_search.hits(reply)


@settings(max_examples=150)
@given(st.lists(EVENTS, max_size=6))
async def test_a_stream_of_any_shape(events: list[dict[str, Any]]) -> None:
    """It is passed on, broken or blocked, and never shows a card, neither to the caller nor in the trace."""
    stream, frames = ResponsesStream(GUARD, None), b""
    try:
        for event in events:
            frames += await stream.feed(orjson.dumps(event))
            if stream.blocked:
                break
        frames += stream.block() if stream.blocked else await stream.end()
    except UpstreamError:
        pass

    assert b"4111 1111 1111" not in frames
    assert "4111 1111 1111" not in repr(stream.response())
    stream.verdict()
    stream.finish_reasons()
    assert stream.model is None or " " not in stream.model
    if (told := stream.response()) is not None:
        RESPONSES.requested_calls(told)
