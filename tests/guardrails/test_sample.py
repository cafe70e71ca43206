"""Texts and calls that a policy is tried on, with the conversation before them."""

from __future__ import annotations

import json

import pytest

from guardrails.conversation import Tool, ToolCall
from guardrails.errors import PolicyError
from guardrails.lines import read, read_json
from guardrails.policy_keys import SAMPLE
from guardrails.sample import Sample, sample
from guardrails.types import Edit, Segment, Stage


def written(text: str) -> Sample:
    """The sample in a YAML text."""
    entry = read(text, "p.yaml", "test")
    return sample(entry, entry.fields(SAMPLE))


PLACES = [
    ("{text: x}", Stage.INPUT, "user"),
    ("{text: x, stage: output}", Stage.OUTPUT, "assistant"),
    ("{text: x, stage: tool_call}", Stage.TOOL_CALL, "assistant"),
    ("{text: x, stage: tool_result}", Stage.TOOL_RESULT, "user"),
    ("{text: x, channel: assistant}", Stage.INPUT, "assistant"),
    ("{text: x, channel: 'tool:web'}", Stage.TOOL_RESULT, "tool:web"),
    ("{text: x, channel: 'retrieved:d1'}", Stage.RETRIEVAL, "retrieved:d1"),
    ("{text: x, channel: 'tool:web', stage: input}", Stage.INPUT, "tool:web"),
]


@pytest.mark.parametrize(("text", "stage", "channel"), PLACES)
def test_stage_and_channel_follow_from_each_other(text: str, stage: Stage, channel: str) -> None:
    """Where one of them is not said; what is said counts."""
    told = written(text)

    assert (told.stage, told.channel) == (stage, channel)
    assert told.segments == (Segment("x", "", stage, channel),)


CONVERSATION = """
before:
  - {channel: system, text: be kind}
  - {text: look it up}
  - {tool: {name: web, parameters: {type: object}}}
  - {call: {name: web, arguments: {q: [a]}}}
  - {channel: "tool:web", text: found}
  - {channel: "retrieved:d1", text: doc}
"""


def test_a_conversation_is_built_as_a_request_would_have_it() -> None:
    """Texts with their stages and channels, calls and tools with their pointers; a call's values are texts too."""
    told = written(CONVERSATION + 'call: {name: mail, arguments: \'{"to": "x"}\'}')
    around = told.conversation

    assert [(text.pointer, text.within, text.stage, text.channel) for text in around.texts] == [
        ("/before/0/text", "", "input", "system"),
        ("/before/1/text", "", "input", "user"),
        ("/before/2/tool/name", "", "tool_definition", "system"),
        ("/before/2/tool/parameters", "/type#", "tool_definition", "system"),
        ("/before/2/tool/parameters", "/type", "tool_definition", "system"),
        ("/before/3/call/name", "", "input", "assistant"),
        ("/before/3/call/arguments", "/q#", "input", "assistant"),
        ("/before/3/call/arguments", "/q/0", "input", "assistant"),
        ("/before/4/text", "", "tool_result", "tool:web"),
        ("/before/5/text", "", "retrieval", "retrieved:d1"),
    ]
    assert around.sent == around.texts
    assert around.calls == (
        ToolCall("web", '{"q": ["a"]}', "/before/3/call/arguments", "/before/3/call/name"),
    )
    assert around.called == (ToolCall("mail", '{"to": "x"}', "/call/arguments", "/call/name"),)
    assert around.tools == (Tool("web", "/before/2/tool/name", {"type": "object"}),)
    assert [(each.pointer, each.within, each.text) for each in told.segments] == [
        ("/call/name", "", "mail"),
        ("/call/arguments", "/to#", "to"),
        ("/call/arguments", "/to", "x"),
    ]


def test_a_text_of_a_request_is_part_of_its_conversation_and_a_reply_is_not() -> None:
    """A reply comes after all that was said."""
    before = "before: [{text: a}]\n"

    assert [text.text for text in written(before + "text: b").conversation.texts] == ["a", "b"]
    assert [text.text for text in written(before + "text: b\nstage: output").conversation.texts] == ["a"]


def test_what_a_call_releases_are_its_arguments_as_they_were_written() -> None:
    """Edited where they were edited, whatever became of the name."""
    told = written('call: {name: x, arguments: \'{"to":  "abc"}\'}')
    edits = [Edit("/call/name", 0, 1, "y"), Edit("/call/arguments", 0, 1, "[X]", "/to")]

    assert told.released(edits) == '{"to":  "[X]bc"}'
    assert written("call: {name: x, arguments: no JSON}").released([]) == "no JSON"
    assert written("call: {name: x}").released([]) == "{}"


def test_yaml_and_json_say_the_same() -> None:
    """One reader for both."""
    plain = {
        "before": [{"channel": "tool:web", "text": "a"}],
        "call": {"name": "b", "arguments": {"c": [1, 2.5]}},
    }
    entry = read_json(json.dumps(plain), "in.jsonl", 1, "line")

    assert sample(entry, entry.fields(SAMPLE)) == written(json.dumps(plain))


BAD = [
    ("{stage: input}", 1, "the test needs either 'text' or 'call'."),
    ("text: x\ncall: {name: y}", 1, "not both. Remove one of them."),
    ("call: {name: y}\nchannel: user", 2, "a call has no 'channel'"),
    ("text: x\nchannel: sytem", 2, "there is no channel 'sytem'. Use user, system, assistant, tool:<name>"),
    ("text: x\nchannel: 'tool:'", 2, "there is no channel 'tool:'."),
    ("text: x\nbefore:\n  - {channel: user}", 3, "before[0] needs one of 'text', 'call' and 'tool'."),
    ("text: x\nbefore:\n  - {text: a, call: {name: b}}", 3, "before[0] needs one of"),
    ("text: x\nbefore:\n  - {call: {name: b}, channel: user}", 3, "a call has no channel."),
    ("text: x\nbefore:\n  - {tool: {name: b, parameters: []}}", 3, "parameters must be a mapping."),
    (
        "call:\n  name: b\n  arguments: {day: 2026-01-01}",
        3,
        "arguments holds a value that JSON does not have.",
    ),
    ("call:\n  name: b\n  arguments: {x: .nan}", 3, "arguments holds a value that JSON does not have."),
    ("call:\n  name: 3", 2, "name must be text, not a whole number."),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD)
def test_what_does_not_fit_is_refused_at_its_line(text: str, line: int, message: str) -> None:
    """File, line, what is wrong and what to do."""
    with pytest.raises(PolicyError) as caught:
        written(text)

    assert caught.value.line == line
    assert message in str(caught.value)
    assert caught.value.fix
