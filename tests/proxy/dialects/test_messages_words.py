"""Words of the Messages protocol are words only in their place and while they are one."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.types import Stage
from proxy.dialects.messages_words import counts, is_encoded, is_word, texts_of

WORDS: list[tuple[str, str, str, bool]] = [
    ("/content/0/id", "id", "toolu_01", True),
    ("/messages/0/content/0/type", "type", "tool_use", True),
    ("/messages/0/content/0/type", "type", "my secret", False),
    ("/content/0/id", "id", "two words", False),
    ("/messages/0/content/0/id", "id", "toolu_01", False),
    ("/metadata/id", "id", "toolu_01", False),
    ("/content/0/citations/0/file_id", "file_id", "file_1", True),
    ("/model", "model", "claude", True),
    ("/stop_reason", "stop_reason", "end_turn", True),
    ("/stop_reason", "stop_reason", "ada", False),
    ("/content/0/text", "text", "text", False),
]


@pytest.mark.parametrize(("pointer", "name", "text", "expected"), WORDS)
def test_a_word_in_its_place(pointer: str, name: str, text: str, expected: bool) -> None:
    """Anything else there is a text."""
    assert is_word(pointer, name, text) is expected


def test_ids_of_a_request_have_places_of_their_own() -> None:
    """Those of a reply are none there."""
    assert is_word("/messages/0/content/0/content/1/source/file_id", "file_id", "file_1", asked=True)
    for pointer in ("/id", "/model", "/content/0/id", "/tools/0/id"):
        assert not is_word(pointer, pointer.rpartition("/")[2], "toolu_01", asked=True)


def test_encoded_bytes_are_long_and_nothing_else() -> None:
    """A short string, or one with a space, is read; so is every other member."""
    assert is_encoded("signature", "QUFB" * 16)
    assert not is_encoded("signature", "QUFB")
    assert not is_encoded("signature", "QUFB " * 16)
    assert not is_encoded("text", "QUFB" * 16)


def test_every_text_and_strange_name_is_told() -> None:
    """Numbers of many digits where they are asked for, save the protocol's own."""
    value: dict[str, Any] = {"text": "t", "mine": {"type": "text", "n": 12345678}, "max_tokens": 12345678}

    told = [(s.pointer, s.text, s.within) for s in texts_of(value, "/x", Stage.INPUT, "user", asked=True)]

    assert told == [
        ("/x/text", "t", ""),
        ("/x/mine", "mine", "#"),
        ("/x/mine/n", "n", "#"),
        ("/x/mine/n", "12345678", ""),
    ]
    assert not [s for s in texts_of(value, "/x", Stage.OUTPUT, "assistant") if s.text == "12345678"]


def test_usage_is_numbers_under_known_names() -> None:
    """Whatever else stands there is not kept."""
    told = {
        "input_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "x": 3},
        "geo": "secret",
        "y": 1,
    }

    assert counts(told) == {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 2}}
    assert counts("x") is None
