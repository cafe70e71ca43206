"""Steps of a conversation: equal for what means the same in any dialect, and never at fault whatever comes."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.turns import CALL, MEDIA, MODEL, RESULT, USER, Step, follow, last_asked, of_reply, of_request

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
ARGUMENTS = '{"b": 1,\n "a": "x"}'
STEPS = [
    Step(USER, b"hi"),
    Step(MODEL, b"let me see"),
    Step(CALL, b'"look"\0{"a":"x","b":1}', "c1"),
    Step(RESULT, b"", "c1"),
]


def _call() -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": "look", "arguments": ARGUMENTS}}


@pytest.mark.parametrize(
    ("path", "request_"),
    [
        (
            CHAT,
            {
                "messages": [
                    {"role": "system", "content": "It is 10:41."},
                    {"role": "user", "content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]},
                    {"role": "assistant", "content": " let me see\n", "refusal": None, "tool_calls": [_call()]},
                    {"role": "developer", "content": "Reminder!"},
                    {"role": "tool", "tool_call_id": "c1", "content": "found"},
                ]
            },
        ),
        (
            RESPONSES,
            {
                "instructions": "It is 10:42.",
                "input": [
                    {"role": "user", "content": "hi"},
                    {"type": "reasoning", "id": "rs_1", "summary": []},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "let me see"}]},
                    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a":"x","b":1}'},
                    {"type": "function_call_output", "call_id": "c1", "output": "found"},
                ],
            },
        ),
        (
            MESSAGES,
            {
                "system": "It is 10:43.",
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
                    {
                        "role": "assistant",
                        "content": [
                            {"type": "thinking", "thinking": "hm", "signature": "s"},
                            {"type": "text", "text": "let me see"},
                            {"type": "tool_use", "id": "c1", "name": "look", "input": {"b": 1, "a": "x"}},
                        ],
                    },
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "found"}]},
                ],
            },
        ),
    ],
)  # fmt: skip
def test_a_conversation_reads_the_same_in_every_dialect(path: str, request_: dict[str, Any]) -> None:
    """Without system messages, reasoning, null members and spaces, and whatever form a text has."""
    steps = of_request(path, request_)

    assert steps == STEPS
    assert last_asked(path, request_, steps) == "hi"


@pytest.mark.parametrize(
    ("path", "reply"),
    [
        (CHAT, {"choices": [{"message": {"content": "let me see", "tool_calls": [_call()]}}]}),
        (
            RESPONSES,
            {
                "output": [
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "let me see"}]},
                    {"type": "function_call", "call_id": "c1", "name": "look", "arguments": ARGUMENTS},
                ]
            },
        ),
        (
            MESSAGES,
            {
                "content": [
                    {"type": "text", "text": "let me see"},
                    {"type": "tool_use", "id": "c1", "name": "look", "input": {"a": "x", "b": 1}},
                ]
            },
        ),
    ],
)  # fmt: skip
def test_a_reply_reads_as_it_does_in_the_next_request(path: str, reply: dict[str, Any]) -> None:
    """So what was asked and answered is the beginning of what is asked next."""
    assert of_reply(path, reply) == [STEPS[1:3]]


def test_each_choice_of_a_reply_is_a_way_to_go_on() -> None:
    """The caller keeps one of them."""
    choices = [{"message": {"role": "assistant", "content": text}} for text in ("a", "b")]

    assert of_reply(CHAT, {"choices": choices}) == [[Step(MODEL, b"a")], [Step(MODEL, b"b")]]


def test_an_image_counts_as_what_it_is() -> None:
    """Two pictures are two conversations; a mark for the prompt cache changes nothing."""

    def steps(data: str, **more: Any) -> list[Step]:
        part = {"type": "image", "source": {"data": data}, **more}
        return of_request(MESSAGES, {"messages": [{"role": "user", "content": [part]}]})

    assert [step.kind for step in steps("a")] == [MEDIA]
    assert steps("a") == steps("a", cache_control={"type": "ephemeral"}) != steps("b")


def test_the_last_input_is_what_routes_without_conversations_were_asked() -> None:
    """Of several texts the last; token numbers are none."""
    assert last_asked("/v1/embeddings", {"input": ["a", "b"]}, []) == "b"
    assert last_asked("/v1/completions", {"prompt": "p"}, []) == "p"
    assert last_asked("/v1/embeddings", {"input": [[1, 2]]}, []) is None
    assert last_asked(CHAT, {"messages": []}, []) is None


def test_steps_cannot_be_told_as_others() -> None:
    """Where one text ends and the next begins is part of the hash; what was before stays as it is."""
    start = blake2b(key=b"k", digest_size=16)
    one = [state.hexdigest() for state in follow(start, [Step(USER, b"ab"), Step(USER, b"c")], 9)]
    two = [state.hexdigest() for state in follow(start, [Step(USER, b"a"), Step(USER, b"bc")], 9)]

    assert set(one).isdisjoint(two)
    assert [state.hexdigest() for state in follow(start, [Step(USER, b"ab")], 1)] == one[:1]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["user", "assistant", "tool", "tool_use", "message"]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["role", "content", "type", "text", "tool_calls", "function", "name", "id", "call_id", "input", "message"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.sampled_from([CHAT, RESPONSES, MESSAGES]), _JSON)
def test_no_shape_is_at_fault(path: str, value: Any) -> None:
    """Requests are checked before, replies hardly: whatever stands there is read or passed over."""
    request = {"messages": value, "input": value}
    steps = of_request(path, request)
    last_asked(path, request, steps)
    list(follow(blake2b(key=b"k"), steps, 2))
    for choice in of_reply(path, {"choices": value, "output": value, "content": value}):
        list(follow(blake2b(key=b"k"), choice, 1))


WORDS = st.sampled_from(
    ["role", "content", "type", "text", "tool_calls", "function", "id", "call_id", "arguments", "message"]
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["user", "assistant", "message"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(["/v1/chat/completions", "/v1/responses", "/v1/messages"]), ANYTHING)
def test_steps_are_read_of_anything(path: str, value: Any) -> None:
    """Whatever a caller or a provider writes in the place of a message, an item or a block."""
    for member in ("messages", "input", "choices", "output", "content"):
        told = {member: value}
        steps = of_request(path, told)
        last_asked(path, told, steps)
        of_reply(path, told)


def test_what_is_nested_deeper_than_json_is_written_is_read_all_the_same() -> None:
    """Arguments as the text that they are, anything else as something: grouping never fails a request."""
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    text = "[" * 900 + "]" * 900
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": text}}
    messages = [{"role": "assistant", "tool_calls": [call]}, {"role": "user", "content": [{"type": deep}]}]

    assert list(of_request(CHAT, {"messages": messages}))
    other = {**call, "function": {"name": "look", "arguments": f" {text[1:-1]}"}}
    assert list(of_request(CHAT, {"messages": [{"role": "assistant", "tool_calls": [other]}]})) != list(
        of_request(CHAT, {"messages": messages[:1]})
    )
