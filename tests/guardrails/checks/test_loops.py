"""Conversations that go in circles are found, at the call or text that is one too many; those that do not are left alone."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.check import build
from guardrails.checks.loops import LONG_TEXT, LONGEST_CYCLE
from guardrails.conversation import ALONE, Conversation, ToolCall
from guardrails.engine import Guard
from guardrails.policy import parse
from guardrails.types import Action, Segment, Stage
from tests.cost import metered

OFF = {"repeats": None, "cycles": None, "texts": None}


def calls(names: str, at: str = "/messages") -> list[ToolCall]:
    """A call for each letter: the tool of that name, always with the same arguments."""
    return [
        ToolCall(name, '{"a":1}', f"{at}/{n}/arguments", f"{at}/{n}/name") for n, name in enumerate(names)
    ]


def name_of(call: ToolCall, stage: Stage) -> Segment:
    """The segment of a call's name."""
    return Segment(call.name, call.name_pointer, stage, "assistant")


def found(history: Sequence[ToolCall], called: Sequence[ToolCall], **options: Any) -> list[list[str]]:
    """The entities found at each call that is looked at now."""
    segments = [name_of(call, Stage.TOOL_CALL) for call in called]
    check = build("loops", options)
    spans = asyncio.run(check.judge(segments, Conversation(calls=history, called=called), ALONE))
    return [[span.entity for span in each] for each in spans]


def in_history(names: str, **options: Any) -> dict[int, list[str]]:
    """The entities found at calls of the history, by place, when a request is looked at."""
    history = calls(names)
    segments = [name_of(call, Stage.INPUT) for call in history]
    spans = asyncio.run(build("loops", options).judge(segments, Conversation(calls=history), ALONE))
    return {place: [span.entity for span in each] for place, each in enumerate(spans) if each}


@pytest.mark.parametrize(
    ("before", "options", "entities"),
    [
        ("xx", {}, ["REPEATED_CALL"]),
        ("x", {}, []),
        ("xyx", {}, ["REPEATED_CALL"]),
        ("xx", {"repeats": 4}, []),
        ("xx", {"repeats": None}, []),
        ("xx", {"ignore": ["x"]}, []),
        ("xxx", {"repeats": None}, []),
        ("yxyxy", {"repeats": None}, ["REPEATED_CYCLE"]),
        ("yxyxy", {}, ["REPEATED_CALL", "REPEATED_CYCLE"]),
        ("yxzyxzyxwzy", {"repeats": None}, []),
        ("yzyxzyxzy", {"repeats": None}, ["REPEATED_CYCLE"]),
        ("abcdexabcdexabcde", {"repeats": None}, ["REPEATED_CYCLE"]),
        ("abcdefxabcdefxabcdef", {"repeats": None}, []),
        ("ypxypxyp", {"repeats": None, "ignore": ["p*"]}, ["REPEATED_CYCLE"]),
        ("abc", {"calls": 3}, ["TOO_MANY_CALLS"]),
        ("abc", {"calls": 4}, []),
        ("abc", {"calls": 3, "ignore": ["b"]}, []),
    ],
)
def test_a_call_that_is_one_too_many_is_found(
    before: str, options: dict[str, Any], entities: list[str]
) -> None:
    """Equal calls anywhere, rounds of two to six in a row, or too many at all; ignored tools do not count."""
    assert found(calls(before), calls("x", "/choices"), **options) == [entities]


@pytest.mark.parametrize(
    ("arguments", "equal"),
    [
        (['{"a":1,"b":"é"}', '{ "b": "\\u00e9", "a": 1 }', '{"b":"é","a":1.0}'], True),
        (['{"a":1}', '{"a":"1"}', '{"a":true}'], False),
        (['{"page":1}', '{"page":2}', '{"page":3}'], False),
        (["{}", "", " {} "], True),
        (["broken", "broken", "broken"], True),
        (["broken", "broken ", "broken  "], False),
        ([f'{{"id":{10**20 + n}}}' for n in range(3)], False),
        (["[" * 5000] * 3, True),
    ],
    ids=range(8),
)
def test_calls_are_equal_when_their_arguments_mean_the_same(arguments: list[str], equal: bool) -> None:
    """How JSON is written does not matter; every digit does."""
    made = [ToolCall("x", text, f"/c/{n}/arguments", f"/c/{n}/name") for n, text in enumerate(arguments)]
    assert found(made[:2], made[2:]) == [["REPEATED_CALL"] if equal else []]


def test_the_history_of_a_request_is_looked_at_where_its_names_are() -> None:
    """At stage input the calls from the third on are found; calls without a segment are only counted."""
    assert in_history("axaxa", cycles=None) == {4: ["REPEATED_CALL"]}
    assert in_history("xxxx") == {2: ["REPEATED_CALL"], 3: ["REPEATED_CALL"]}
    assert in_history("abababc", repeats=None) == {5: ["REPEATED_CYCLE"]}
    assert in_history("abcd", calls=2) == {2: ["TOO_MANY_CALLS"], 3: ["TOO_MANY_CALLS"]}


@given(st.text("abc", max_size=40), st.integers(2, 4))
def test_cycles_and_repeats_are_what_a_plain_search_finds(names: str, times: int) -> None:
    """The quick way finds exactly the places that comparing every round finds."""
    ends = {
        end - 1
        for length in range(2, LONGEST_CYCLE + 1)
        for end in range(length * times, len(names) + 1)
        if names[end - length * times : end] == names[end - length : end] * times
        and len(set(names[end - length : end])) > 1
    }
    again = {place for place in range(len(names)) if Counter(names[: place + 1])[names[place]] >= times}
    assert set(in_history(names, **{**OFF, "cycles": times})) == ends
    assert set(in_history(names, **{**OFF, "repeats": times})) == again


LONG = "I will look at the file again and tell you what I find in it. " * 2


def _said(text: str, number: int, channel: str = "assistant") -> Segment:
    return Segment(text, f"/messages/{number}/content", Stage.INPUT, channel)


@pytest.mark.parametrize(
    ("history", "reply", "is_found"),
    [
        ([LONG, LONG], LONG, True),
        ([LONG, LONG + "\n"], "  " + LONG, True),
        ([LONG], LONG, False),
        ([LONG, LONG + "x"], LONG, False),
        (["Done."] * 5, "Done.", False),
        (["x" * (LONG_TEXT - 1)] * 5, "x" * (LONG_TEXT - 1), False),
    ],
    ids=range(6),
)
def test_the_assistant_does_not_say_the_same_long_text_again(
    history: list[str], reply: str, is_found: bool
) -> None:
    """Short texts may come as often as they like; so may what the user says."""
    check = build("loops", {})
    for channel, expected in (("assistant", is_found), ("user", False)):
        texts = [_said(text, number, channel) for number, text in enumerate(history)]
        said = Segment(reply, "/choices/0/message/content", Stage.OUTPUT, "assistant")
        spans = asyncio.run(check.judge([said], Conversation(texts=texts), ALONE))
        assert [span.entity for span in spans[0]] == (["REPEATED_TEXT"] if expected else [])


def test_repeated_texts_in_a_request_are_found_from_the_third_on() -> None:
    """The arguments of earlier calls are no texts of the assistant's."""
    raw = json.dumps({"q": LONG})
    old = [ToolCall(f"t{n}", raw, f"/messages/{n}/arguments", f"/messages/{n}/name") for n in range(5)]
    asked = [Segment(LONG, call.pointer, Stage.INPUT, "assistant", "/q") for call in old]
    texts = [*asked, *(_said(LONG, number) for number in range(10, 14))]
    spans = asyncio.run(build("loops", {}).judge(texts, Conversation(texts=texts, calls=old), ALONE))
    assert [text.pointer for text, each in zip(texts, spans, strict=True) if each] == [
        "/messages/12/content",
        "/messages/13/content",
    ]


@pytest.mark.asyncio
async def test_a_policy_stops_a_loop() -> None:
    """Through the guard: the third equal call is blocked at its name, the second is not."""
    guard = Guard(
        parse(
            "name: p\nrules:\n  - {id: loops, check: loops, with: {ignore: [wait_*]}, stages: [tool_call], action: block}\n"
        ),
        b"key",
    )
    for before, name, blocked in (("xx", "x", True), ("x", "x", False), ("xxx", "wait_for", False)):
        call = ToolCall(name, "{}", "/choices/0/arguments", "/choices/0/name")
        history = [
            ToolCall(each, "{}", old.pointer, old.name_pointer)
            for each, old in zip(before, calls(before), strict=True)
        ]
        verdict = await guard.inspect(
            [name_of(call, Stage.TOOL_CALL)],
            reply=True,
            conversation=Conversation(calls=history).calling([call]),
        )
        assert (verdict.action is Action.BLOCK) is blocked
        assert verdict.blocked_at == ("/choices/0/name" if blocked else "")


def test_long_conversations_take_linear_time() -> None:
    """Thousands of calls are looked at at once."""
    history = calls("abcdef" * 3000)
    with metered() as spent:
        assert found(history, calls("a", "/choices"))[0] == ["REPEATED_CALL", "REPEATED_CYCLE"]
    assert spent.seconds < 3
