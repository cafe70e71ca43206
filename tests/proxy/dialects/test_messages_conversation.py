"""Calls, tools and results of a conversation, as checks and traces know them."""

from __future__ import annotations

from typing import Any

from proxy.dialects import messages_conversation as conversations
from proxy.dialects.messages import segments
from tests.proxy.dialects.test_messages import ASK, CALL, TURNS


def test_a_conversation_has_its_calls_and_tools() -> None:
    """Pointers are those of the texts that the checks find."""
    request = {**ASK, "messages": TURNS, "tools": [{"name": "send", "input_schema": {"type": "object"}}, {}]}
    found = segments(request)
    said = conversations.conversation(request, found, "key")

    [call], [tool] = said.calls, said.tools
    assert (call.name, call.arguments, call.id) == ("send", '{"to":"T","n":[12345678]}', "toolu_1")
    assert {call.pointer, call.name_pointer} <= {text.pointer for text in found}
    assert (tool.name, tool.pointer, tool.parameters) == ("send", "/tools/0/name", {"type": "object"})
    [answered] = conversations.answered_calls(request)
    assert (answered.call_id, answered.result, answered.state) == ("toolu_1", "R", "answered")


def test_a_result_is_kept_as_it_reads() -> None:
    """A string, blocks joined, or nothing; a call that nobody answered is none."""
    results: list[Any] = ["R", [{"type": "text", "text": "R"}, {"type": "image"}], None]
    told = []
    for content in results:
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": content}
        turns = [{"role": "assistant", "content": [CALL]}, {"role": "user", "content": [result]}]
        told += [call.result for call in conversations.answered_calls({**ASK, "messages": turns})]

    assert told == ["R", "R", ""]
    assert conversations.answered_calls({**ASK, "messages": TURNS[:2]}) == []


def test_a_reply_asks_for_its_calls() -> None:
    """Those of the caller's tools and of the provider's own, an input that is no object too."""
    content = [{"type": "text", "text": "x"}, CALL, {**CALL, "type": "server_tool_use", "input": "raw"}]

    assert [call.pointer for call in conversations.reply_calls({"content": content})] == [
        "/content/1/input",
        "/content/2/input",
    ]
    assert [call.arguments for call in conversations.requested_calls(content)][1] == "raw"
    assert conversations.requested_calls("x") == []


def test_code_execution_offers_the_tools_that_it_is_called_as() -> None:
    """At the pointer of its name; a caller's own tool of that name offers itself alone."""
    run = {"type": "code_execution_20250825", "name": "code_execution"}
    own = {"name": "code_execution", "input_schema": {}}
    offered = [
        conversations.conversation({**ASK, "messages": [], "tools": [tool]}, [], "key").tools
        for tool in (run, own)
    ]

    assert [tool.name for tool in offered[0]] == [
        "code_execution",
        "bash_code_execution",
        "text_editor_code_execution",
    ]
    assert {tool.pointer for tool in offered[0]} == {"/tools/0/name"}
    assert [tool.name for tool in offered[1]] == ["code_execution"]
