"""A request's tools and tool calls, and where they stand."""

from __future__ import annotations

from typing import Any

from guardrails.types import Segment, Stage
from proxy.dialects import chat
from proxy.dialects.chat_calls import Call
from proxy.dialects.chat_conversation import conversation, reply_calls, streamed_call

FUNCTION = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at":1}'}}
CUSTOM = {"id": "c2", "type": "custom", "custom": {"name": "run", "input": "ls"}}
PARAMETERS = {"type": "object", "properties": {"at": {"type": "integer"}}}


def _at(document: Any, pointer: str) -> Any:
    for step in pointer.split("/")[1:]:
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def test_calls_of_every_shape_are_found_where_their_pointers_say() -> None:
    """Functions, custom tools, the old single function, and arguments that are no string."""
    odd = {"id": "c3", "function": {"name": "odd", "arguments": {"a": 1}}}
    request = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "tool_calls": [FUNCTION, CUSTOM, odd]},
            {"role": "assistant", "function_call": {"name": "old", "arguments": "{}"}},
        ],
    }
    texts = [Segment("hi", "/messages/0/content", Stage.INPUT)]
    said = conversation(request, texts, "key-1")
    assert [(call.name, call.id) for call in said.calls] == [
        ("look", "c1"),
        ("run", "c2"),
        ("odd", "c3"),
        ("old", ""),
    ]
    for call in said.calls:
        assert _at(request, call.name_pointer) == call.name
        written = _at(request, call.pointer)
        assert written == call.arguments or call.arguments == '{"a":1}'
    assert (said.key, said.model, said.sent) == ("key-1", "m", texts)


def test_calls_have_the_pointers_of_their_segments() -> None:
    """So a check finds the values of a call among the texts."""
    reply = {"choices": [{"message": {"role": "assistant", "tool_calls": [FUNCTION]}}]}
    request = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [FUNCTION]}]}
    (old,) = conversation(request, (), "").calls
    assert old.pointer in {text.pointer for text in chat.segments(request)}
    (new,) = reply_calls(reply)
    assert new.pointer == "/choices/0/message/tool_calls/0/function/arguments"
    streamed = Call(0, "/choices/0/message/tool_calls/0", {"id": "c1"})
    streamed.collect(FUNCTION)
    assert streamed_call(streamed) == new


def test_offered_tools_are_known_with_their_schema() -> None:
    """Tools, custom tools and the old list of functions; what is no tool is none."""
    request = {
        "model": "m",
        "messages": [],
        "tools": [
            {"type": "function", "function": {"name": "look", "parameters": PARAMETERS}},
            {"type": "custom", "custom": {"name": "run"}},
            {"type": "web_search"},
            "nonsense",
        ],
        "functions": [{"name": "old", "parameters": "nonsense"}],
    }
    tools = conversation(request, (), "").tools
    assert [(tool.name, tool.parameters) for tool in tools] == [
        ("look", PARAMETERS),
        ("run", None),
        ("old", None),
    ]
    assert all(_at(request, tool.pointer) == tool.name for tool in tools)
