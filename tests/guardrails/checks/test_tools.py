"""Tools and their calls are decided on by the policy's rules, in any shape a model or a request gives them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails import arguments
from guardrails.check import build
from guardrails.conversation import ALONE, Conversation, Outside, Tool, ToolCall
from guardrails.counter import MemoryCounter
from guardrails.engine import Guard
from guardrails.errors import Unavailable
from guardrails.policy import parse
from guardrails.types import Action, Segment, Stage
from tests.cost import metered

AT = "/choices/0/message/tool_calls/{}/function"


def call(raw: str, name: str = "send", at: str = AT, number: int = 0) -> ToolCall:
    """A call of a tool."""
    return ToolCall(name, raw, f"{at.format(number)}/arguments", f"{at.format(number)}/name")


def texts(calls: Sequence[ToolCall], stage: Stage = Stage.TOOL_CALL) -> list[Segment]:
    """The segments of some calls, as a dialect makes them."""
    return [
        segment
        for each in calls
        for segment in (
            Segment(each.name, each.name_pointer, stage, "assistant"),
            *arguments.segments(each.arguments, each.pointer, stage, "assistant"),
        )
    ]


def found(
    raw: str, conversation: Conversation | None = None, outside: Outside = ALONE, **options: Any
) -> list[Any]:
    """(name or within, entity) of what is found in one call of `send`."""
    made = call(raw)
    around = (conversation or Conversation()).calling([made])
    segments = texts([made])
    spans = asyncio.run(build("tools", {"declared": False, **options}).judge(segments, around, outside))
    return [
        (seg.within or seg.text, span.entity)
        for seg, each in zip(segments, spans, strict=True)
        for span in each
    ]


SEND = Tool(
    "send",
    "/tools/0/function/name",
    {"type": "object", "required": ["to"], "properties": {"n": {"maximum": 5}}},
)


@pytest.mark.parametrize(
    ("options", "entities"),
    [
        ({}, []),
        ({"deny": ["s*"]}, ["DENIED_TOOL"]),
        ({"allow": ["s*"], "deny": ["send"]}, ["DENIED_TOOL"]),
        ({"allow": ["read_*"]}, ["DENIED_TOOL"]),
        ({"allow": []}, ["DENIED_TOOL"]),
        ({"allow": ["sen?"]}, []),
        ({"allow": ["SEND"]}, ["DENIED_TOOL"]),
        ({"declared": True}, ["UNDECLARED_TOOL"]),
    ],
)
def test_a_tool_is_allowed_by_name(options: dict[str, Any], entities: list[str]) -> None:
    """Deny wins; names are compared as they are written; what was not offered is found."""
    assert found('{"a":1}', **options) == [("send", entity) for entity in entities]


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        ("{}", []),
        ("", []),
        (" \n", []),
        ("{", ["{"]),
        ("[1]", ["send"]),
        ('"x"', ["x"]),
        ("null", ["send"]),
        ('{"a":NaN}', ['{"a":NaN}']),
        ('{"a":1,"a":2}', ["/a~x2#", "/a~x2"]),
        ('{"a":1,"\\u0061":""}', ["/a~x2#"]),
        ("[" * 10_000, ["[" * 10_000]),
        ('{"a":' * 300 + "1" + "}" * 300, ["send"]),
        ('{"a":' + "9" * 10_000 + "}", []),
    ],
    ids=lambda each: each[:12] if isinstance(each, str) else "",
)
def test_arguments_must_be_an_object_that_is_read_in_one_way(raw: str, places: list[str]) -> None:
    """What is no JSON object, or names a member twice, is invalid; an empty text is an empty object."""
    assert found(raw) == [(place, "INVALID_ARGUMENTS") for place in places]
    assert found(raw, strict_json=False) == []
    assert found(raw, strict_json=False, tools={"send": {"arguments": {"x": {"min": 1}}}}) == [
        (place, "INVALID_ARGUMENTS") for place in places
    ]


@pytest.mark.parametrize(
    ("raw", "places"),
    [('{"to":"a","n":5}', []), ('{"n":1}', ["send"]), ('{"to":"a","n":6}', ["/n"])],
)
def test_arguments_are_held_to_a_schema(raw: str, places: list[str]) -> None:
    """The policy's own, or the one that the request declares."""
    expected = [(place, "INVALID_ARGUMENTS") for place in places]
    assert found(raw, tools={"s*": {"schema": SEND.parameters}}) == expected
    assert found(raw, Conversation(tools=[SEND]), tools={"*": {"schema": "declared"}}) == expected
    assert found(raw, tools={"*": {"schema": "declared"}}) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/x"},
        {"pattern": "(?=a)"},
        {"type": "strng"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"enum": [0] * 20_000},
        {"properties": 5},
    ],
    ids=range(6),
)
def test_a_declared_schema_that_cannot_be_checked_fails_closed(schema: dict[str, Any]) -> None:
    """A request may send any schema: it costs no time, fetches nothing, and lets nothing through."""
    conversation = Conversation(tools=[Tool("send", "/t", schema)])
    assert found('{"a":1}', conversation, tools={"send": {"schema": "declared"}}) == [
        ("send", "INVALID_ARGUMENTS")
    ]


def test_every_entry_that_fits_applies_and_each_value_is_found() -> None:
    """Rules of several names add up; a value is found once for each kind of finding."""
    rules = {
        "*": {"arguments": {"url": {"domains": ["a.com"]}}},
        "send": {"arguments": {"/list/*/url": {"max_length": 3}, "id": {"required": True}}},
        "other": {"arguments": {"url": {"forbidden": True}}},
    }
    raw = '{"list":[{"url":"https://a.com@b.com"},{"url":"https://a.com"}],"url":"https://a.com"}'
    assert found(raw, tools=rules) == [
        ("send", "FORBIDDEN_ARGUMENT"),
        ("/list/0/url", "FORBIDDEN_ARGUMENT"),
        ("/list/1/url", "FORBIDDEN_ARGUMENT"),
    ]


@pytest.mark.asyncio
async def test_definitions_and_earlier_calls_are_looked_at_where_the_rule_looks() -> None:
    """A denied tool must not be offered; calls in the history are judged by their own texts."""
    check = build(
        "tools", {"deny": ["rm*"], "tools": {"send": {"arguments": {"to": {"domains": ["a.com"]}}}}}
    )
    old = [call('{"to":"x@b.com"}', at="/messages/{}/tool_calls/0/function", number=n) for n in (1, 3)]
    tools = [Tool("rm_all", "/tools/0/function/name"), Tool("read", "/tools/1/function/name")]
    conversation = Conversation(calls=old, tools=tools)
    segments = [Segment(tool.name, tool.pointer, Stage.TOOL_DEFINITION, "system") for tool in tools]
    segments += texts(old[1:], Stage.INPUT)
    spans = await check.judge(segments, conversation, ALONE)
    assert [(segments[n].text, s.entity) for n, each in enumerate(spans) for s in each] == [
        ("rm_all", "DENIED_TOOL"),
        ("x@b.com", "FORBIDDEN_ARGUMENT"),
    ]


@pytest.mark.asyncio
async def test_plain_text_of_a_custom_tool_is_no_broken_json() -> None:
    """Such a text is one value; its name is looked at like any other."""
    made = ToolCall("shell", "ls -l", "/choices/0/message/tool_calls/0/custom/input", "/choices/0/n")
    segments = [Segment(made.arguments, made.pointer, Stage.TOOL_CALL, "assistant")]
    check = build("tools", {"declared": False})
    assert await check.judge(segments, Conversation(called=[made]), ALONE) == [[]]


@pytest.mark.asyncio
async def test_calls_are_counted_by_key() -> None:
    """The rate is that of the key, over all its conversations; names that one entry fits are counted together."""
    outside = Outside(counter=MemoryCounter(lambda: 0.0))
    check = build("tools", {"declared": False, "tools": {"se*": {"rate": {"calls": 2, "seconds": 60}}}})

    async def entities(key: str, name: str = "send") -> list[str]:
        made = call("{}", name)
        conversation = Conversation(calls=[call("{}")] * 5, called=[made], key=key)
        return [
            span.entity for each in await check.judge(texts([made]), conversation, outside) for span in each
        ]

    assert [await entities("a"), await entities("a", "seek"), await entities("b")] == [[], [], []]
    assert await entities("a") == ["TOO_MANY_CALLS"]
    assert await entities("a", "read") == []


def test_calls_are_counted_in_one_conversation() -> None:
    """The history counts; other tools do not."""
    limited = {"send": {"per_conversation": 2}}
    old = Conversation(calls=[call("{}", at="/messages/{}"), call("{}", "read", at="/messages/{}")])
    assert found("{}", old, tools=limited) == []
    assert found("{}", old.calling([call("{}")]), tools=limited) == [("send", "TOO_MANY_CALLS")]


def test_without_a_counter_a_rate_cannot_be_held() -> None:
    """The rule fails, unless something else was found: that has the rule's action already."""
    rate = {"send": {"rate": {"calls": 1, "seconds": 1}}}
    with pytest.raises(Unavailable):
        found("{}", tools=rate)
    assert found("{}", tools=rate, deny=["send"]) == [("send", "DENIED_TOOL")]
    assert found("{}", tools={"other": rate["send"]}) == []


POLICY = """
name: p
rules:
  - id: tools
    check: tools
    with:
      deny: [delete_*]
      tools:
        send:
          schema: declared
          arguments: {to: {domains: ["*.example.com", example.com]}}
          rate: {calls: 2, seconds: 60}
    stages: [tool_definition, tool_call]
    action: block
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "raw", "pointer"),
    [
        ("send", '{"to":"ada@mail.example.com"}', ""),
        ("send", '{"to":"ada@example.com.evil.org"}', "arguments"),
        ("send", '{"body":"x"}', "name"),
        ("delete_all", "{}", "name"),
        ("unknown", "{}", "name"),
    ],
)
async def test_a_policy_blocks_calls(name: str, raw: str, pointer: str) -> None:
    """Through the guard, with the place of what is wrong and no text in what is reported."""
    guard = Guard(parse(POLICY), b"key", Outside(counter=MemoryCounter(time.monotonic)))
    made = call(raw, name)
    tools = [SEND, Tool("delete_all", "/tools/1/function/name")]
    verdict = await guard.inspect(
        texts([made]), reply=True, conversation=Conversation(tools=tools).calling([made])
    )
    assert verdict.failures == ()
    assert (verdict.action is Action.BLOCK) is bool(pointer)
    assert verdict.blocked_at == (f"{AT.format(0)}/{pointer}" if pointer else "")
    assert "ada@" not in repr(verdict)
    offered = [Segment(tool.name, tool.pointer, Stage.TOOL_DEFINITION) for tool in tools]
    verdict = await guard.inspect(offered, conversation=Conversation(tools=tools))
    assert verdict.blocked_at == "/tools/1/function/name"


@pytest.mark.asyncio
async def test_a_missing_counter_is_a_failure_that_closes() -> None:
    """The verdict says `unavailable`, and the rule's `on_error` blocks."""
    made = call('{"to":"a@example.com"}')
    conversation = Conversation(tools=[SEND]).calling([made])
    verdict = await Guard(parse(POLICY), b"key").inspect(texts([made]), reply=True, conversation=conversation)
    assert [(each.kind, each.reason) for each in verdict.failures] == [("unavailable", "Unavailable")]
    assert verdict.action is Action.BLOCK


@given(st.text('{}[]":,ab1~/#x\\', max_size=40) | st.text(max_size=20), st.booleans())
def test_any_arguments_are_decided_on(raw: str, strict: bool) -> None:
    """Nothing raises, and every span lies in its text."""
    rules = {
        "*": {
            "schema": {"required": ["a"], "additionalProperties": {"type": "string"}},
            "arguments": {"a": {"max": 1}},
        }
    }
    made = call(raw)
    segments = texts([made])
    check = build("tools", {"tools": rules, "strict_json": strict})
    spans = asyncio.run(check.judge(segments, Conversation(called=[made]), ALONE))
    assert any(spans)
    for segment, each in zip(segments, spans, strict=True):
        assert all((span.start, span.end) == (0, len(segment.text)) and segment.text for span in each)


def test_large_arguments_that_fit_their_schema_are_fine() -> None:
    """The steps that a schema may take grow with the arguments."""
    raw = json.dumps({"items": [{"url": "x" * 20, "n": number} for number in range(20_000)]})
    item = {"required": ["n"], "properties": {"n": {"type": "integer"}, "url": {"type": "string"}}}
    assert found(raw, tools={"*": {"schema": {"properties": {"items": {"items": item}}}}}) == []


def test_a_megabyte_of_arguments_leaves_the_event_loop_alone() -> None:
    """Long arguments are looked at in a thread, and in time."""
    raw = json.dumps({"to": ["a@b.com"] * 8_000, "body": "x" * 900_000})
    with metered() as spent:
        places = found(
            raw, tools={"*": {"schema": {"type": "object"}, "arguments": {"to": {"domains": ["b.com"]}}}}
        )
        assert places == []
    assert spent.seconds < 5


async def test_a_tool_of_a_server_need_not_be_offered_by_name() -> None:
    """The request names the server alone; all other rules hold for the call."""
    call = ToolCall("ask", '{"a":1}', "/a", "/n", served=True)
    name = Segment("ask", "/n", Stage.TOOL_CALL, "assistant")
    for options, found in (({}, []), ({"deny": ["ask"]}, ["DENIED_TOOL"])):
        check: Any = build("tools", options)
        spans = await check.judge([name], Conversation().calling([call]), ALONE)
        assert [span.entity for span in spans[0]] == found
