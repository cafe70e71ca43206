"""Requests of messages: every text at its stage and channel, and edits in their place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.types import Edit
from proxy.dialects import messages
from proxy.dialects.messages_dialect import MESSAGES
from proxy.errors import BadRequest

ASK: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"to": "T", "n": [12345678]}}
TURNS: list[Any] = [
    {"role": "user", "content": "U"},
    {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "A", "signature": "c2ln" * 20}, CALL],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "R"}]},
            {"type": "tool_result", "tool_use_id": "gone", "content": "R"},
            {
                "type": "search_result",
                "source": "doc-1",
                "title": "S",
                "content": [{"type": "text", "text": "S"}],
            },
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "QUFB" * 20}},
        ],
    },
]


def texts(request: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Pointer with `within`, text, stage and channel of every text."""
    return [
        (s.pointer + s.within, s.text, s.stage.value, s.channel) for s in MESSAGES.texts({**ASK, **request})
    ]


def test_every_text_has_its_stage_and_channel() -> None:
    """System prompt, turns, calls, results joined by id, retrieved texts, definitions, all else."""
    tool = {"name": "send", "description": "D", "input_schema": {"type": "object", "title": "D"}}
    found = texts(
        {
            "system": [{"type": "text", "text": "X"}],
            "messages": TURNS,
            "tools": [tool],
            "metadata": {"user_id": "M"},
            "stop_sequences": ["M"],
            "tomorrow": {"new": "M"},
        }
    )

    assert {where: (text, stage, channel) for where, text, stage, channel in found if text in "XUARSDM"} == {
        "/system/0/text": ("X", "input", "system"),
        "/messages/0/content": ("U", "input", "user"),
        "/messages/1/content/0/thinking": ("A", "input", "assistant"),
        "/messages/2/content/0/content/0/text": ("R", "tool_result", "tool:send"),
        "/messages/2/content/1/content": ("R", "tool_result", "tool:unknown"),
        "/messages/2/content/2/title": ("S", "retrieval", "retrieved:doc-1"),
        "/messages/2/content/2/content/0/text": ("S", "retrieval", "retrieved:doc-1"),
        "/tools/0/description": ("D", "tool_definition", "system"),
        "/tools/0/input_schema/title": ("D", "tool_definition", "system"),
        "/metadata/user_id": ("M", "input", "user"),
        "/stop_sequences/0": ("M", "input", "user"),
        "/tomorrow/new": ("M", "input", "user"),
    }
    assert ("/messages/1/content/1/input/to", "T", "input", "assistant") in found
    assert ("/messages/1/content/1/input/n/0", "12345678", "input", "assistant") in found
    assert ("/messages/2/content/3/source/data", "QUFB" * 20, "retrieval", "retrieved:4") in found
    assert ("/tomorrow", "tomorrow", "input", "user") in [(w.removesuffix("#"), *rest) for w, *rest in found]
    assert not any("signature" in where for where, *_ in found)


def test_edits_are_made_in_their_place() -> None:
    """In blocks, inside a tool's input, and in names; the rest is shared, and the request as it was."""
    request = {**ASK, "messages": TURNS, "secret": 1}
    edits = [
        Edit("/messages/0/content", 0, 1, "[U]"),
        Edit("/messages/1/content/1/input", 0, 1, "[T]", "/to"),
        Edit("/messages/1/content/1/input", 0, 8, "[N]", "/n/0"),
        Edit("/messages/1/content/1/input", 0, 2, "[W]", "/to#"),
        Edit("/secret", 0, 6, "[NAME]", "#"),
    ]

    edited = MESSAGES.edited(request, edits)

    assert edited["messages"][0]["content"] == "[U]"
    assert edited["messages"][1]["content"][1]["input"] == {"[W]": "[T]", "n": ["[N]"]}
    assert edited["[NAME]"] == 1
    assert request["messages"] == TURNS
    assert CALL["input"] == {"to": "T", "n": [12345678]}


def test_two_names_that_become_one_lose_nothing() -> None:
    """An edited name that is taken gets a number."""
    block = {**CALL, "input": {"a": 1, "b": 2}}
    request = {**ASK, "messages": [{"role": "assistant", "content": [block]}]}
    edits = [Edit("/messages/0/content/0/input", 0, 1, "[N]", f"/{name}#") for name in "ab"]

    edited = MESSAGES.edited(request, edits)

    assert edited["messages"][0]["content"][0]["input"] == {"[N]": 1, "[N]_2": 2}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"model": None}, "model"),
    ({"model": 5}, "model"),
    ({"stream": "yes"}, "stream"),
    ({"messages": None}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": "x"}, "messages"),
    ({"messages": ["x"]}, "messages.0"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": [], "content": "x"}]}, "messages.0.role"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": [5]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "user", "content": [{"type": 5}]}]}, "messages.0.content.0.type"),
    ({"system": 5}, "system"),
    ({"tools": {}}, "tools"),
]


@pytest.mark.parametrize(("change", "param"), WRONG)
def test_what_is_wrong_is_named(change: dict[str, Any], param: str) -> None:
    """By the member, and with nothing of its value."""
    with pytest.raises(BadRequest) as raised:
        MESSAGES.check({**ASK, **change})

    assert raised.value.param == param
    assert "wizard" not in raised.value.message


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "text", "type", "input", "id", "name", "source", "data", "tool_use_id"]), inner, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(content=ANY, system=ANY, tools=ANY)
def test_any_shape_is_refused_or_read(content: Any, system: Any, tools: Any) -> None:
    """Never a fault of our own, and what is not refused can be edited, stored and asked about."""
    request = {**ASK, "system": system, "tools": tools, "messages": [{"role": "user", "content": content}]}
    try:
        MESSAGES.check(request)
    except BadRequest:
        return
    found = MESSAGES.texts(request)
    edited = MESSAGES.edited(
        request, [Edit(s.pointer, 0, len(s.text), "", s.within) for s in found if s.text]
    )
    MESSAGES.stored(edited)
    MESSAGES.unscannable(request)
    MESSAGES.conversation(request, found, "key")
    MESSAGES.answered_calls(request)


def test_tool_names_are_those_of_the_calls() -> None:
    """By id; a result without a call has none."""
    assert messages.tool_names({**ASK, "messages": TURNS}) == {"toolu_1": "send"}
