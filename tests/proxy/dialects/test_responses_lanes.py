"""What is known of a streamed response while it comes."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.responses_lanes import Item, Lane, bare, base, is_kept, kind_of, lane_pointer, output

TEXT = {
    "type": "response.output_text.delta",
    "item_id": "m",
    "output_index": 1,
    "content_index": 0,
    "delta": "x",
}


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (TEXT, "/output/1/content/0/text"),
        ({"type": "response.refusal.delta", "output_index": 0, "content_index": 2}, "/output/0/content/2/refusal"),
        ({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1}, "/output/0/summary/1/text"),
        ({"type": "response.function_call_arguments.delta", "output_index": 3}, "/output/3/arguments"),
        ({"type": "response.custom_tool_call_input.delta", "output_index": 3}, "/output/3/input"),
        ({"type": "response.audio.transcript.delta"}, "/audio.transcript"),
        ({"type": "response.tomorrow.delta", "output_index": 3, "content_index": "x"}, "/output/3/tomorrow"),
    ],
)  # fmt: skip
def test_a_delta_adds_to_a_place_of_the_response(event: dict[str, Any], pointer: str) -> None:
    """The place at which the whole reply has the text."""
    assert lane_pointer(event, kind_of(event)[0], "delta") == pointer


def test_an_event_is_told_apart_by_its_type() -> None:
    """Kind and step; what a tool is called with is kept until it is complete."""
    assert kind_of({"type": "response.output_text.done"}) == ("output_text", "done")
    assert kind_of({}) == kind_of({"type": 5}) == ("", "")
    assert is_kept("mcp_call_arguments") and is_kept("shell_call_command") and not is_kept("output_text")
    assert base({"content_index": 1}) == ""
    assert bare({**TEXT, "sequence_number": 4, "who": "Ada", "logprobs": [1]}) == {
        **{name: value for name, value in TEXT.items() if name != "delta"},
        "logprobs": [],
    }


def test_the_output_so_far_leaves_open_calls_out() -> None:
    """An item that is done as it is; an open one with what its lanes told."""
    done = Item({"id": "a", "status": "completed"}, {"id": "A", "status": "completed"}, True)
    opened = {"type": "message", "status": "in_progress", "content": []}
    call = {"type": "function_call", "name": "find", "arguments": ""}
    items = {0: done, 1: Item(opened, opened, False), 2: Item(call, call, False)}
    lane = Lane("/output/1/content/0/text", "output_text", "delta", {}, None, told=["Hel", "lo"], kept="H")
    summary = Lane(
        "/output/3/summary/0/text", "reasoning_summary_text", "delta", {}, None, told=["hm"], kept="h"
    )
    beside = Lane("/transcript", "audio.transcript", "delta", {}, None, told=["x"])

    told = output(items, [lane, summary, beside], safe=False)

    assert told[0] == {"id": "A", "status": "completed"}
    assert told[1]["status"] == "incomplete"
    assert told[1]["content"] == [{"type": "output_text", "text": "Hello", "annotations": []}]
    assert told[2]["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert len(told) == 3
    assert output(items, [lane], safe=True)[1]["content"][0]["text"] == "H"
