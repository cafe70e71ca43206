"""One choice of a streamed reply: where its texts stand, and what is stored of its calls."""

from __future__ import annotations

from typing import Any

from proxy.dialects.chat_calls import Call
from proxy.dialects.chat_lanes import Choice, put, scalars


def test_a_path_is_a_pointer() -> None:
    """Into the message of the choice, with names escaped."""
    assert Choice(2).pointer() == "/choices/2/message"
    assert Choice(0).pointer(("parts", 1, "a/b")) == "/choices/0/message/parts/1/a~1b"


def test_a_text_is_put_where_its_lane_stands() -> None:
    """Texts that stood in one element of a list stand in one again."""
    delta: dict[str, Any] = {}
    beside = [scalars({"type": "text", "index": 0, "text": "left out"})]

    put(delta, ("parts", 0, "text"), "a", beside)
    put(delta, ("parts", 0, "note"), "b", beside)
    put(delta, ("parts", 1, "text"), "c", [{"index": 1}])

    assert delta == {
        "parts": [{"type": "text", "index": 0, "text": "a", "note": "b"}, {"index": 1, "text": "c"}]
    }


def test_released_calls_are_stored_in_order() -> None:
    """As the whole reply has them."""
    choice = Choice(0)

    choice.record(Call(0, "", {"id": "c1"}), {}, {"name": "f", "arguments": "{}"})
    choice.record(Call(0, "", {}, "function_call"), {}, {"name": "g", "arguments": "{}"})

    assert choice.recorded == {
        "tool_calls": [{"type": "function", "id": "c1", "function": {"name": "f", "arguments": "{}"}}],
        "function_call": {"name": "g", "arguments": "{}"},
    }
