"""What is a word of the chat protocol, and what is a text that stands in its place."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.types import Segment, Stage
from proxy.dialects import chat
from proxy.dialects.chat_reply import reply_segments
from proxy.dialects.chat_words import (
    are_known,
    call_texts,
    counts,
    is_constant,
    is_reply_word,
    is_request_word,
    plain,
    reply_texts,
)

DEFINED, ASKED, REPLIED = Stage.TOOL_DEFINITION, Stage.INPUT, Stage.TOOL_CALL


def named(name: str) -> dict[str, Any]:
    """A call of the function, and of the custom tool, of that name."""
    return {
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": name, "arguments": "{}"}},
            {"id": "c2", "type": "custom", "custom": {"name": name, "input": ""}},
        ],
        "function_call": {"name": name, "arguments": "{}"},
    }


def test_the_names_of_tools_are_texts() -> None:
    """Each name of a request is one segment, at its own pointer, with the stage and channel of its neighbours."""
    request = {
        "model": "m",
        "messages": [{"role": "assistant", "content": None, **named("f")}],
        "tools": [
            {"type": "function", "function": {"name": "f"}},
            {"type": "custom", "custom": {"name": "f"}},
        ],
        "functions": [{"name": "f"}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "function_call": {"name": "f"},
        "response_format": {"type": "json_schema", "json_schema": {"name": "f"}},
    }

    assert set(chat.segments(request)) == {
        Segment("f", "/messages/0/tool_calls/0/function/name", ASKED, "assistant"),
        Segment("f", "/messages/0/tool_calls/1/custom/name", ASKED, "assistant"),
        Segment("f", "/messages/0/function_call/name", ASKED, "assistant"),
        Segment("f", "/tools/0/function/name", DEFINED, "system"),
        Segment("f", "/tools/1/custom/name", DEFINED, "system"),
        Segment("f", "/functions/0/name", DEFINED, "system"),
        Segment("f", "/tool_choice/function/name", ASKED, "user"),
        Segment("f", "/function_call/name", ASKED, "user"),
        Segment("f", "/response_format/json_schema/name", DEFINED, "system"),
    }


def test_the_names_of_called_tools_are_texts() -> None:
    """The same for a whole reply."""
    reply = {"choices": [{"index": 0, "message": {"role": "assistant", "content": None, **named("f")}}]}

    assert set(reply_segments(reply)) == {
        Segment("f", "/choices/0/message/tool_calls/0/function/name", REPLIED, "assistant"),
        Segment("f", "/choices/0/message/tool_calls/1/custom/name", REPLIED, "assistant"),
        Segment("f", "/choices/0/message/function_call/name", REPLIED, "assistant"),
    }


@pytest.mark.parametrize(
    ("pointer", "text", "word"),
    [
        ("/tools/0/type", "function", True),
        ("/tools/0/type", "hammer", False),
        ("/messages/0/content", "function", False),
        ("/tools/0/function/parameters/properties/x/type", "string", True),
        ("/messages/0/tool_call_id", "call_7Zq", True),
        ("/messages/0/tool_call_id", "call 7", False),
        ("/messages/0/tool_call_id", "c" * 257, False),
        ("/messages/0/tool_calls/0/function/name", "auto", False),
        ("/tool_choice", "required", True),
        ("/tool_choice", "whoever", False),
    ],
)
def test_a_word_of_a_request_counts_in_its_place(pointer: str, text: str, word: bool) -> None:
    """Where the protocol has a list of words, only those; for an id, any plain word of limited length."""
    assert is_request_word(pointer, text) is word


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("finish_reason", "stop", True),
        ("finish_reason", "ada", False),
        ("id", "chatcmpl-1", True),
        ("id", "see below", False),
        ("id", "i" * 257, False),
        ("model", "org/model:free", True),
        ("data", "QUJD+/==", True),
        ("data", "a sentence.", False),
        ("content", "stop", False),
    ],
)
def test_a_word_of_a_reply_counts_in_its_member(name: str, text: str, word: bool) -> None:
    """The same, told by the member's name."""
    assert is_reply_word(name, text) is word


def test_constants_are_no_pieces_of_a_text() -> None:
    """What chunks repeat is looked at whole; texts and encoded bytes come in pieces."""
    assert is_constant("model")
    assert is_constant("finish_reason")
    assert not is_constant("content")
    assert not is_constant("data")


def test_a_reply_tells_its_unknown_names() -> None:
    """The name of a member nobody knows is a text, at the pointer of its value."""
    assert are_known(("content", "logprobs"))
    assert [*reply_texts({"type": "text", "mood": {"text": "glad"}}, "/x")] == [
        Segment("mood", "/x/mood", Stage.OUTPUT, "assistant", "#"),
        Segment("glad", "/x/mood/text", Stage.OUTPUT, "assistant"),
    ]


@pytest.mark.parametrize("call", ["f", ["f"], {"function": "f"}, {"function": ["f"]}, {"custom": "f"}])
def test_a_call_of_an_odd_shape_is_read_all_the_same(call: Any) -> None:
    """Nothing hides in what is no proper call."""
    assert [segment.text for segment in call_texts([call], "/c")] == ["f"]


def test_counts_are_numbers() -> None:
    """Of a usage only numbers are stored, under names of the protocol."""
    usage = {
        "prompt_tokens": 3,
        "ada": 1,
        "total_tokens": "x",
        "prompt_tokens_details": {"cached_tokens": 1, "y": 2},
    }

    assert counts(usage) == {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}
    assert counts("x") is None


@pytest.mark.parametrize(
    ("value", "word"), [("gpt-4o", "gpt-4o"), ("a b", None), (5, None), (None, None), ("", None)]
)
def test_only_words_are_plain(value: Any, word: str | None) -> None:
    """Anything that could be a text is not stored in place of a word."""
    assert plain(value) == word
