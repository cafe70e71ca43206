"""A whole response as a stream: official events in OpenAI's order, and everything that the response says."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from proxy.dialects.responses_events import events, frames, named
from proxy.sse import Decoder
from tests.proxy.dialects.responses_replies import call, message, reply

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
CITED = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
THOUGHT = {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]}
REFUSED = {**message(""), "content": [{"type": "refusal", "refusal": "no"}]}
CUSTOM = {"type": "custom_tool_call", "id": "ct", "call_id": "c", "name": "run", "input": "ls"}
SEARCH = {"type": "file_search_call", "id": "fs", "queries": ["q"], "status": "completed", "results": None}


def test_every_event_is_official() -> None:
    """By the types of the official package, numbered from 0, with a beginning and an end for all that opens."""
    whole = reply(THOUGHT, message("Hello", annotations=[CITED]), REFUSED, call('{"a": 1}'), CUSTOM, SEARCH)

    told = events(whole, list)

    for number, event in enumerate(told):
        assert EVENT.validate_python(event).sequence_number == number
    types = [event["type"] for event in told]
    assert types[:2] == ["response.created", "response.in_progress"]
    assert types[-1] == "response.completed"
    assert told[-1]["response"] == whole
    for opened, closed in (
        ("output_item.added", "output_item.done"),
        ("content_part.added", "content_part.done"),
    ):
        assert types.count(f"response.{opened}") == types.count(f"response.{closed}") > 0
    assert "".join(e["delta"] for e in told if e["type"] == "response.output_text.delta") == "Hello"
    assert "response.output_text.annotation.added" in types


@pytest.mark.parametrize(
    ("status", "last"), [("incomplete", "incomplete"), ("failed", "failed"), ("x", "completed")]
)
def test_the_last_event_tells_the_status(status: str, last: str) -> None:
    """A response that is not complete does not look so."""
    assert events(reply(status=status), list)[-1]["type"] == f"response.{last}"


def test_odd_items_do_no_harm() -> None:
    """What has not the shape of an item is told at the end alone."""
    odd: Any = [5, {"type": "message", "content": [5, {"type": "x"}]}, {"type": "reasoning", "summary": [5]}]

    assert events(reply(*odd), list)[-1]["response"]["output"] == odd


def test_frames_carry_the_type_as_their_name() -> None:
    """A type that cannot be a name is left to the payload."""
    assert len(Decoder().feed(frames(reply(message("a"))))) == 9
    assert named("a\nb", b"{}") == named(None, b"{}") == b"data: {}\n\n"
