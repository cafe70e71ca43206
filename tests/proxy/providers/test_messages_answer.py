"""A completion told as a message, whole and streamed: the same answer, and no invented end."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamError
from proxy.providers.messages_answer import Events, error, message, usage
from proxy.sse import DONE
from tests.proxy.dialects.messages_replies import read

CALL = {"id": "c1", "type": "function", "function": {"name": "send", "arguments": '{"to": "a"}'}}


def completion(said: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    """A completion of one choice."""
    return {
        "id": "x",
        "model": "gpt",
        "choices": [{"index": 0, "message": said, "finish_reason": finish}],
    } | more


def chunks(said: dict[str, Any], finish: str | None, cut: Any) -> list[bytes]:
    """The same as a stream."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    for name, value in said.items():
        if isinstance(value, str):
            deltas += [{name: piece} for piece in cut(value)]
    for index, call in enumerate(said.get("tool_calls", ())):
        function = {"name": call["function"]["name"], "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, **call, "function": function}]})
        pieces = cut(call["function"]["arguments"])
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces]
    told = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    told.append({"index": 0, "delta": {}, "finish_reason": finish})
    head = {"id": "x", "model": "gpt"}
    used = {**head, "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    return [*(orjson.dumps({**head, "choices": [choice]}) for choice in told), orjson.dumps(used), DONE]


@given(
    data=st.data(), text=st.text(max_size=20), thought=st.sampled_from(["", "Hm."]), calls=st.integers(0, 2)
)
def test_streamed_or_not_it_is_the_same_message(
    data: st.DataObject, text: str, thought: str, calls: int
) -> None:
    """For every way to cut it."""

    def cut(whole: str) -> list[str]:
        places = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=4)))
        return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True) if a < b]

    said: dict[str, Any] = {"reasoning_content": thought, "content": text}
    if calls:
        said["tool_calls"] = [{**CALL, "id": f"c{n}"} for n in range(calls)]
    finish = "tool_calls" if calls else "stop"
    numbers = {"prompt_tokens": 3, "completion_tokens": 2}

    events = Events("gpt-real")
    frames = [events.feed(payload) for payload in chunks(said, finish, cut)]

    assert read(frames) == message(completion(said, finish, usage=numbers), "gpt-real")


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
    ],
)
def test_why_it_ended_has_another_name(finish: str, stop: str) -> None:
    """In both forms."""
    events = Events("gpt-real")
    told = [events.feed(payload) for payload in chunks({"content": "x"}, finish, list)]

    assert message(completion({"content": "x"}, finish), "gpt-real")["stop_reason"] == stop
    assert read(told)["stop_reason"] == stop


def test_a_stream_without_an_end_gets_none() -> None:
    """Neither at `[DONE]` nor when it just stops."""
    payloads = chunks({"content": "Hello"}, None, list)
    events = Events("gpt-real")
    told = b"".join([*map(events.feed, payloads), events.end()])

    assert b"message_stop" not in told
    assert b"Hello"[:1] in told


def test_usage_is_counted_as_anthropic_counts() -> None:
    """What came from a cache stands apart; none stays none."""
    cached = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}

    assert usage(cached) == {"input_tokens": 6, "output_tokens": 2, "cache_read_input_tokens": 4}
    assert usage(None) is None
    assert "usage" not in message(completion({"content": "x"}), "gpt-real")


def test_an_error_changes_its_envelope() -> None:
    """Its message is kept, and its code for fallbacks; what is none is left to whoever tells of it."""
    told = orjson.loads(error(b'{"error": {"message": "slow", "code": "x"}}', 429))

    assert told == {"type": "error", "error": {"type": "rate_limit_error", "message": "slow", "code": "x"}}
    assert error(b"oops", 500) == b"oops"
    assert b"overloaded" not in Events("gpt-real").feed(b'{"error": {"message": "secret", "code": 500}}')


BROKEN: list[bytes] = [
    b"oops",
    b"[]",
    b'{"choices": [5]}',
    b'{"choices": [{"index": 1, "delta": {}}]}',
    b'{"choices": [{"delta": {"tool_calls": [{}]}}]}',
    b'{"choices": [{"delta": {"tool_calls": 7}}]}',
    b'{"choices": [{"delta": {"tool_calls": [{"index": [1], "function": {}}]}}]}',
]


@pytest.mark.parametrize("payload", BROKEN)
def test_what_is_no_chunk_is_an_error(payload: bytes) -> None:
    """And so is what is no completion."""
    with pytest.raises(UpstreamError):
        Events("gpt-real").feed(payload)


@pytest.mark.parametrize(
    "body", [{}, {"choices": []}, {"choices": [{}]}, completion({"tool_calls": [5]}),
             completion({"tool_calls": 7}), completion({"tool_calls": [{"function": {"name": "x", "arguments": "{oops"}}]})]
)  # fmt: skip
def test_what_is_no_completion_is_an_error(body: dict[str, Any]) -> None:
    """Nothing is made up for it."""
    with pytest.raises(UpstreamError):
        message(body, "gpt-real")
