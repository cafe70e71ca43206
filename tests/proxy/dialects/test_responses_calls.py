"""Tool calls of the Responses dialect, for checks and for the trace."""

from __future__ import annotations

from typing import Any

from proxy.dialects import responses_calls
from proxy.dialects.responses import segments

ASKED = {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"who": "Ada"}'}
TOLD = {"type": "function_call_output", "call_id": "c1", "output": "found"}
SHELL = {"type": "shell_call", "id": "s1", "call_id": "c2", "action": {"commands": ["ls"]}}


def test_a_request_tells_its_calls_and_tools() -> None:
    """Each with the pointers at which its segments stand; tools of a namespace too."""
    function = {"type": "function", "name": "find", "parameters": {"type": "object"}}
    request: dict[str, Any] = {
        "model": "m",
        "input": [ASKED, TOLD, SHELL],
        "tools": [
            function,
            {"type": "web_search"},
            {"type": "namespace", "name": "crm", "tools": [function]},
        ],
    }

    said = responses_calls.conversation(request, segments(request), "k")

    assert [(c.name, c.id, c.pointer, c.name_pointer) for c in said.calls] == [
        ("find", "c1", "/input/0/arguments", "/input/0/name"),
        ("shell", "c2", "/input/2/action", "/input/2/type"),
    ]
    assert said.calls[1].arguments == '{"commands":["ls"]}'
    assert [(tool.name, tool.pointer) for tool in said.tools] == [
        ("find", "/tools/0/name"),
        ("web_search", "/tools/1/type"),
        ("crm", "/tools/2/name"),
        ("find", "/tools/2/tools/0/name"),
    ]
    assert said.tools[0].parameters == {"type": "object"}


def test_results_are_joined_with_their_calls() -> None:
    """Only those after the model's last word: earlier ones were recorded before."""
    again = {**TOLD, "output": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}
    turns = [
        ASKED,
        TOLD,
        {"role": "assistant", "content": "hm"},
        {**ASKED, "call_id": "c3"},
        {**again, "call_id": "c3"},
    ]

    [answered] = responses_calls.answered({"input": turns})

    assert (answered.call_id, answered.name, answered.result, answered.state) == (
        "c3",
        "find",
        "ab",
        "answered",
    )
    assert responses_calls.answered({"input": "hello"}) == []
    assert responses_calls.answered({"input": [TOLD]}) == []


def test_a_result_for_an_earlier_response_is_kept_without_its_call() -> None:
    """The provider alone knows what was asked."""
    [answered] = responses_calls.answered({"input": [TOLD], "previous_response_id": "resp_0"})

    assert (answered.call_id, answered.name, answered.arguments, answered.result) == ("c1", "", "", "found")


def test_a_reply_tells_what_it_asks_for_and_what_its_provider_ran() -> None:
    """A call to answer is requested, one with a result answered."""
    mcp = {"type": "mcp_call", "id": "m1", "name": "ask", "arguments": "{}", "output": "done"}
    search = {"type": "web_search_call", "id": "w1", "action": {"type": "search", "query": "q"}}

    calls = responses_calls.requested(
        {"output": [ASKED, mcp, search, {"type": "message", "content": []}, "odd"]}
    )

    assert [(c.call_id, c.name, c.result, c.state) for c in calls] == [
        ("c1", "find", None, "requested"),
        ("m1", "ask", "done", "answered"),
        ("w1", "web_search", None, "requested"),
    ]


def test_what_a_call_asks_for_is_json_unless_it_is_free_text() -> None:
    """Of each kind of tool, those of a server of tools among them: a request does not name these."""
    asked = [
        {"type": "custom_tool_call", "name": "run", "input": "ls"},
        {"type": "code_interpreter_call", "code": "1"},
        {"type": "file_search_call", "queries": ["q"]},
        {"type": "computer_call", "action": {"type": "wait"}},
        {"type": "mcp_call", "name": "ask", "arguments": "{}"},
        {"type": "mcp_approval_request", "name": "tell", "arguments": '{"a":1}'},
        {"type": "reasoning"},
        "odd",
    ]

    assert [
        (call.name, call.pointer, call.arguments) for call in responses_calls.calls(asked, "/output")
    ] == [
        ("run", "/output/0/input", "ls"),
        ("code_interpreter", "/output/1/code", '{"code":"1"}'),
        ("file_search", "/output/2/queries", '{"queries":["q"]}'),
        ("computer", "/output/3/action", '{"type":"wait"}'),
        ("ask", "/output/4/arguments", "{}"),
        ("tell", "/output/5/arguments", '{"a":1}'),
    ]
    assert [call.served for call in responses_calls.calls(asked, "/output")] == [False] * 4 + [True] * 2
