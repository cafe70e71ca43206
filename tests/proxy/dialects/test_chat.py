"""The request side of the chat dialect."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from guardrails.pseudonyms import INSTRUCTION
from guardrails.types import Edit, Segment, Stage
from proxy.dialects import chat
from proxy.dialects.extension import retrieval
from proxy.dialects.request_body import document
from proxy.errors import BadRequest

USER = {"role": "user", "content": "hi"}


def parsed(body: bytes) -> dict[str, Any]:
    """The request a body holds, fully checked."""
    request = document(body)
    chat.check(request)
    retrieval(request)
    return request


def body(**members: Any) -> bytes:
    """A request body."""
    return orjson.dumps({"model": "m", "messages": [USER], **members})


@pytest.mark.parametrize(
    ("raw", "code", "param"),
    [
        (b"", "invalid_json", None),
        (b"{", "invalid_json", None),
        (b"null", "invalid_json", None),
        (b"[]", "invalid_json", None),
        (b'"x"', "invalid_json", None),
        (b"-1", "invalid_json", None),
        (b'{"a": NaN}', "invalid_json", None),
        (b'{"a": Infinity}', "invalid_json", None),
        (b'{"a": 1e999}', "invalid_json", None),
        (b'{"a": "\\ud800"}', "invalid_json", None),
        (b'{"a": "\xff"}', "invalid_json", None),
        (b'{"a": 1}{"a": 1}', "invalid_json", None),
        (b"[" * 100_000, "invalid_json", None),
        (b'{"a":' + b"[" * 600 + b"]" * 600 + b"}", "invalid_json", None),
        (
            b'{"model": "m", "messages": [{"role": "user", "content": "bad", "content": "good"}]}',
            "invalid_json",
            None,
        ),
        (b'{"model": "m", "mod\\u0065l": "n", "messages": []}', "invalid_json", None),
        (orjson.dumps({"messages": [USER]}), "missing_required_parameter", "model"),
        (body(model=5), "invalid_type", "model"),
        (body(model=""), "invalid_type", "model"),
        (orjson.dumps({"model": "m"}), "missing_required_parameter", "messages"),
        (body(messages=None), "missing_required_parameter", "messages"),
        (body(messages="hello"), "invalid_type", "messages"),
        (body(messages={"role": "user"}), "invalid_type", "messages"),
        (body(messages=[]), "empty_array", "messages"),
        (body(messages=[USER, "x"]), "invalid_type", "messages[1]"),
        (body(messages=[{"content": "x"}]), "invalid_type", "messages[0].role"),
        (body(messages=[{"role": "user", "content": 5}]), "invalid_type", "messages[0].content"),
        (body(messages=[{"role": "user", "content": {"text": "x"}}]), "invalid_type", "messages[0].content"),
        (body(messages=[{"role": "user", "content": ["x"]}]), "invalid_type", "messages[0].content[0]"),
        (body(messages=[{"role": "assistant", "tool_calls": "x"}]), "invalid_type", "messages[0].tool_calls"),
        (body(messages=[{"role": "assistant", "tool_calls": [1]}]), "invalid_type", "messages[0].tool_calls"),
        (body(stream="yes"), "invalid_type", "stream"),
        (body(stream=1), "invalid_type", "stream"),
        (body(n="2"), "invalid_type", "n"),
        (body(n=True), "invalid_type", "n"),
        (body(guardhouse=[]), "invalid_type", "guardhouse"),
        (body(guardhouse={"policy": "none"}), "unknown_parameter", "guardhouse"),
        (body(guardhouse=None), "invalid_type", "guardhouse"),
        (body(messages=[{"role": "wizard", "content": "x"}]), "invalid_value", "messages[0].role"),
        (
            body(messages=[{"role": "user", "content": [{"type": ["x"]}]}]),
            "invalid_type",
            "messages[0].content[0].type",
        ),
        (
            body(messages=[{"role": "user", "content": [{"type": {"a": 1}}]}]),
            "invalid_type",
            "messages[0].content[0].type",
        ),
        (
            body(messages=[{"role": "assistant", "tool_calls": [{"function": "ada@example.com"}]}]),
            "invalid_type",
            "messages[0].tool_calls[0].function",
        ),
        (
            body(messages=[{"role": "assistant", "function_call": ["ada@example.com"]}]),
            "invalid_type",
            "messages[0].function_call",
        ),
        (body(guardhouse={"retrieval": "x"}), "invalid_type", "guardhouse.retrieval"),
        (
            body(guardhouse={"retrieval": {"query": 1, "hits": []}}),
            "invalid_type",
            "guardhouse.retrieval.query",
        ),
        (body(guardhouse={"retrieval": {"query": "q"}}), "invalid_type", "guardhouse.retrieval.hits"),
        (body(guardhouse={"retrieval": ["x"]}), "invalid_type", "guardhouse.retrieval[0]"),
        (body(guardhouse={"retrieval": [{"text": "x"}]}), "invalid_type", "guardhouse.retrieval[0].doc_id"),
        (
            body(guardhouse={"retrieval": [{"doc_id": "d", "text": "x", "score": "high"}]}),
            "invalid_type",
            "guardhouse.retrieval[0].score",
        ),
        (body(guardhouse={"retrieval": [{"doc_id": "d"}]}), "invalid_type", "guardhouse.retrieval[0].text"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_by_name(raw: bytes, code: str, param: str | None) -> None:
    """What we depend on is checked before anything looks inside, and the message names the member."""
    with pytest.raises(BadRequest) as refused:
        parsed(raw)

    assert (refused.value.status, refused.value.code, refused.value.param) == (400, code, param)


@pytest.mark.parametrize(
    "raw",
    [
        b'{ "model" : "m", "messages": [ {"role": "user", "content": "say \\"a\\": \\\\"} ], "x": {"y": [{"z":1}]} }',
        b'{"model":"m","messages":[{"role":"user","content":"\\u0022:"}],"a_field_of_tomorrow":{"deep":[1.50]}}',
        body(n=None, stream=None, temperature=-0.5),
        json.dumps(
            {"model": "m", "messages": [USER], "x": [":smile:", ":) hi", " : x", '":', "\\"]}
        ).encode(),
    ],
)
def test_a_body_that_is_only_unusual_is_taken(raw: bytes) -> None:
    """White space, escapes, unknown members, roles and values are the provider's affair."""
    assert parsed(raw) == orjson.loads(raw)


TOOL = {
    "type": "function",
    "function": {
        "name": "send",
        "description": "T1",
        "parameters": {"properties": {"type": {"type": "string", "description": "T2", "enum": ["T3"]}}},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": '{"to": "A1", "n": 5}'}}
EVERYTHING: dict[str, Any] = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "S1"},
        {"role": "developer", "content": [{"type": "text", "text": "S2"}]},
        {
            "role": "user",
            "name": "U1",
            "content": [
                {"type": "text", "text": "U2"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_text", "text": "U3"},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "refusal": "R1",
            "reasoning_content": "R2",
            "tool_calls": [CALL],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "X1"},
        {
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "R3"}],
            "function_call": {"name": "f", "arguments": "plain"},
        },
        {"role": "function", "name": "old", "content": "X2"},
    ],
    "tools": [TOOL],
    "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {"description": "T4"}}},
    "prediction": {"type": "content", "content": "P1"},
    "user": "P2",
    "metadata": {"type": "P3"},
    "guardhouse": {"retrieval": {"query": "Q1", "hits": [{"doc_id": "doc-7", "score": 1, "text": "D1"}]}},
}


def test_every_text_of_a_request_is_a_segment() -> None:
    """All roles, parts, names, arguments, definitions, unknown members and retrieved texts, at their stage."""
    found = {s.text: (s.stage, s.channel, s.pointer, s.within) for s in chat.segments(EVERYTHING)}

    system, assistant = (Stage.INPUT, "system"), (Stage.INPUT, "assistant")
    expected = {
        "S1": (*system, "/messages/0/content", ""),
        "S2": (*system, "/messages/1/content/0/text", ""),
        "U1": (Stage.INPUT, "user", "/messages/2/name", ""),
        "U2": (Stage.INPUT, "user", "/messages/2/content/0/text", ""),
        "U3": (Stage.INPUT, "user", "/messages/2/content/2/text", ""),
        "R1": (*assistant, "/messages/3/refusal", ""),
        "R2": (*assistant, "/messages/3/reasoning_content", ""),
        "A1": (*assistant, "/messages/3/tool_calls/0/function/arguments", "/to"),
        "5": (*assistant, "/messages/3/tool_calls/0/function/arguments", "/n"),
        "X1": (Stage.TOOL_RESULT, "tool:send", "/messages/4/content", ""),
        "R3": (*assistant, "/messages/5/content/0/refusal", ""),
        "plain": (*assistant, "/messages/5/function_call/arguments", ""),
        "X2": (Stage.TOOL_RESULT, "tool:old", "/messages/6/content", ""),
        "T1": (Stage.TOOL_DEFINITION, "system", "/tools/0/function/description", ""),
        "T4": (Stage.TOOL_DEFINITION, "system", "/response_format/json_schema/schema/description", ""),
        "P1": (Stage.INPUT, "user", "/prediction/content", ""),
        "P2": (Stage.INPUT, "user", "/user", ""),
        "P3": (Stage.INPUT, "user", "/metadata/type", ""),
        "Q1": (Stage.RETRIEVAL, "user", "/guardhouse/retrieval/query", ""),
        "D1": (Stage.RETRIEVAL, "retrieved:doc-7", "/guardhouse/retrieval/hits/0/text", ""),
    }
    assert {text: found.get(text) for text in expected} == expected
    assert {"T2", "T3"} <= found.keys()
    assert not any(text.startswith("data:") for text in found)


def test_a_text_that_begins_like_a_data_url_is_still_a_text() -> None:
    """Only where a URL stands is base64 left out."""
    message = {
        "role": "user",
        "content": [{"type": "text", "text": "data:text/plain;base64,ada@example.com"}],
    }

    assert [s.text for s in chat.segments({"model": "m", "messages": [message]})] == [
        "data:text/plain;base64,ada@example.com"
    ]


def test_parts_that_hold_no_text_are_named() -> None:
    """Images, audio and files are told by pointer and stage, and are not stored."""
    request = {"messages": EVERYTHING["messages"]}

    assert chat.unscannable(request) == [("/messages/2/content/1", Stage.INPUT)]
    assert chat.without_media(request)["messages"][2]["content"][1] == {"type": "image_url", "omitted": True}


def test_edits_reach_every_segment() -> None:
    """Each text can be replaced at its address, inside arguments too, and nothing else changes."""
    texts = [s for s in chat.segments(EVERYTHING) if not s.within.endswith("#")]
    edits = [Edit(s.pointer, 0, len(s.text), f"<{s.text}>", s.within) for s in texts]

    changed = chat.apply_edits(EVERYTHING, edits)

    assert {s.text for s in chat.segments(changed) if not s.within.endswith("#")} == {
        f"<{s.text}>" for s in texts
    }
    assert changed["messages"][3]["tool_calls"][0]["function"]["arguments"] == '{"to": "<A1>", "n": "<5>"}'
    assert EVERYTHING["messages"][0]["content"] == "S1"


def test_a_scalar_document_as_arguments_keeps_its_quotes() -> None:
    """Arguments that are one JSON string are edited inside it."""
    call = {"function": {"name": "f", "arguments": '"secret"'}}
    request = {"messages": [{"role": "assistant", "content": None, "tool_calls": [call]}]}
    [segment, _] = chat.segments(request)

    changed = chat.apply_edits(request, [Edit(segment.pointer, 0, len(segment.text), "x", segment.within)])

    assert changed["messages"][0]["tool_calls"][0]["function"]["arguments"] == '"x"'


def test_the_model_is_told_about_tokens() -> None:
    """Where there are some, and only then."""
    request = {"model": "m", "messages": [USER], "guardhouse": {}}

    assert chat.outgoing(request) == {"model": "m", "messages": [USER]}
    assert chat.outgoing(request, 0)["messages"] == [{"role": "system", "content": INSTRUCTION}, USER]


def test_our_extension_never_leaves() -> None:
    """`guardhouse` is taken out, and everything else goes out as it came."""
    sent = chat.outgoing({**EVERYTHING, "future": 1})

    assert sent == {k: v for k, v in {**EVERYTHING, "future": 1}.items() if k != "guardhouse"}


def test_a_protocol_word_is_left_out_only_at_its_place() -> None:
    """Members called `id`, `name`, `data` are texts in what users choose, and so is an odd word at its place."""
    schema = {"type": "object", "default": {"id": "V1", "data": "V2", "name": "V3"}}
    request = {
        "model": "m",
        "messages": [
            {"role": "user", "content": [{"type": "text v4", "text": "V5", "format": "v 6"}]},
            {"role": "tool", "tool_call_id": "ada@example.com", "content": "V7", "data": "V8"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}, "id": "V9"},
    }

    assert {s.text for s in chat.segments(request) if not s.within} == {
        *("V1", "V2", "V3", "text v4", "V5", "v 6", "ada@example.com", "V7", "V8", "f", "V9")
    }


def test_names_and_long_numbers_are_texts() -> None:
    """A member's name can be edited in place, and a number of many digits becomes a string."""
    request = {
        "model": "m",
        "messages": [USER],
        "metadata": {"ada@x.org": {"card": 4111111111111111}, "b": 1},
    }
    found = {s.text: s for s in chat.segments(request)}
    name, number = found["ada@x.org"], found["4111111111111111"]
    edits = [Edit(s.pointer, 0, len(s.text), "-", s.within) for s in (name, number)]

    assert list(chat.apply_edits(request, edits)["metadata"].items()) == [("-", {"card": "-"}), ("b", 1)]
    assert "ada@x.org" in request["metadata"]


def test_answered_calls_are_joined_by_id() -> None:
    """Results after the last assistant message belong to its calls; earlier turns were told before."""
    calls = chat.answered_calls({"messages": EVERYTHING["messages"][:5]})

    assert [(c.call_id, c.name, c.arguments, c.result, c.state) for c in calls] == [
        ("call_1", "send", '{"to": "A1", "n": 5}', "X1", "answered")
    ]
    assert chat.answered_calls(EVERYTHING) == []


def test_segments_are_values() -> None:
    """A plain request costs one segment per message."""
    request = {"model": "m", "messages": [USER, {"role": "assistant", "content": "yo"}]}

    assert chat.segments(request) == [
        Segment("hi", "/messages/0/content", Stage.INPUT, "user"),
        Segment("yo", "/messages/1/content", Stage.INPUT, "assistant"),
    ]
