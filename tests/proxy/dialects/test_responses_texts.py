"""The texts of items: both sides of an exchange read the same items, each in its stages."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.types import Stage
from proxy.dialects.responses_texts import MODEL, is_call, is_result, item_texts, kind, part_texts


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"type": "message", "content": [{"type": "output_text", "text": "t"}]}, ("output", "assistant")),
        ({"type": "reasoning", "summary": [{"type": "summary_text", "text": "t"}]}, ("output", "assistant")),
        ({"type": "function_call", "name": "t"}, ("tool_call", "assistant")),
        ({"type": "function_call", "arguments": '{"a": "t"}'}, ("tool_call", "assistant")),
        ({"type": "function_call", "arguments": "t"}, ("tool_call", "assistant")),
        ({"type": "custom_tool_call", "input": "t"}, ("tool_call", "assistant")),
        ({"type": "code_interpreter_call", "code": "t"}, ("tool_call", "assistant")),
        ({"type": "code_interpreter_call", "outputs": [{"logs": "t"}]}, ("output", "tool:code_interpreter")),
        ({"type": "mcp_call", "name": "a", "output": "t"}, ("output", "tool:a")),
        ({"type": "mcp_call", "name": "a b", "error": "t"}, ("output", "tool:unknown")),
        ({"type": "file_search_call", "results": [{"filename": "a.txt", "text": "t"}]}, ("output", "retrieved:a.txt")),
        ({"type": "file_search_call", "results": [{"filename": "a b", "text": "t"}]}, ("output", "retrieved:1")),
        ({"type": "web_search_call", "action": {"query": "t"}}, ("tool_call", "assistant")),
        ({"type": "tomorrow", "said": "t"}, ("output", "assistant")),
        ("t", ("output", "user")),
    ],
)  # fmt: skip
def test_each_text_of_a_reply_has_its_stage_and_channel(item: Any, expected: tuple[str, str]) -> None:
    """All that goes to the caller is output, save what a tool is asked for."""
    found = [each for each in item_texts(item, "/output/0", MODEL, {}) if each.text == "t"]

    assert [(each.stage.value, each.channel) for each in found] == [expected]


def test_kinds_are_words() -> None:
    """A message may leave its type out; anything that is no word is no kind."""
    assert kind({"role": "user"}) == "message"
    assert kind({}) == kind({"type": "two words"}) == kind({"type": 5}) == ""
    assert kind({"type": "call_of_tomorrow"}) == "call_of_tomorrow"
    assert is_call("shell_call") and not is_call("shell_call_output")
    assert is_result("shell_call_output") and not is_result("message")


def test_logprobs_that_spell_the_text_are_no_text_of_their_own() -> None:
    """Anything else in them is one text beside the part's."""
    spelled = [{"token": "t", "bytes": [116], "logprob": 0, "top_logprobs": []}]
    considered = [{**spelled[0], "top_logprobs": [{"token": "u"}]}]

    def found(logprobs: Any) -> list[tuple[str, str]]:
        part = {"type": "output_text", "text": "t", "logprobs": logprobs}
        return [
            (e.pointer, e.text) for e in part_texts(part, "/output/0/content/0", Stage.OUTPUT, "assistant")
        ]

    assert found(spelled) == [("/output/0/content/0/text", "t")]
    assert found(considered)[1:] == [("/output/0/content/0/logprobs", "u")]
