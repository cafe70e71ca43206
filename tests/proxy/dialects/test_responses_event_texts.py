"""The texts of events stand where the whole response has them."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.responses_event_texts import event_texts

AT = {"output_index": 1, "content_index": 0, "item_id": "m", "sequence_number": 1}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "response.output_text.done", **AT, "text": "t"}, ("/output/1/content/0/text", "output")),
        ({"type": "response.content_part.done", **AT, "part": {"text": "t"}}, ("/output/1/content/0/text", "output")),
        ({"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "name": "t"}}, ("/output/1/name", "tool_call")),
        ({"type": "response.function_call_arguments.done", "output_index": 1, "arguments": "t"}, ("/output/1/arguments", "tool_call")),
        ({"type": "response.function_call_arguments.done", "output_index": 1, "name": "t"}, ("/output/1/name", "tool_call")),
        ({"type": "response.output_text.annotation.added", **AT, "annotation_index": 2, "annotation": {"title": "t"}}, ("/output/1/content/0/annotations/2/title", "output")),
        ({"type": "response.completed", "response": {"output": [{"type": "message", "content": "t"}]}}, ("/output/0/content", "output")),
        ({"type": "response.tomorrow", "said": {"text": "t"}}, ("/said/text", "output")),
        ({"type": "t"}, ("/type", "output")),
        ({"type": "response.output_text.delta", **AT, "delta": None, "logprobs": [{"token": "t"}]}, ("/output/1/content/0/logprobs", "output")),
    ],
)  # fmt: skip
def test_each_text_has_its_place_and_stage(event: dict[str, Any], expected: tuple[str, str]) -> None:
    """So that a text is decided on once, however many events repeat it."""
    found = [each for piece in event_texts(event, {}) for each in piece.found if each.text == "t"]

    assert [(each.pointer, each.stage.value) for each in found] == [expected]
    assert event_texts({"type": "response.in_progress", **AT}, {}) == []
