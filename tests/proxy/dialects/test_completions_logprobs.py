"""Logprobs of legacy completions."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects import completions_logprobs

USUAL = {
    "tokens": ["He", "llo"],
    "token_logprobs": [-0.1, -0.2],
    "top_logprobs": [{"He": -0.1, "text": -1.0}, {"llo": -0.2}],
    "text_offset": [0, 2],
}


def test_what_the_text_says_is_not_said_twice() -> None:
    """Tokens that spell the text are known; alternatives are one text more, each once."""
    [found] = completions_logprobs.texts(USUAL, "Hello", "/choices/0")

    assert (found.pointer, found.text) == ("/choices/0/logprobs", "He\nllo")
    assert completions_logprobs.spelled(USUAL, "Hello") == {}
    assert completions_logprobs.spelled(USUAL, "Other") == {"tokens": "Hello"}


@pytest.mark.parametrize(
    ("logprobs", "text"),
    [
        ({"tokens": ["AK", "IA"]}, "AKIA"),
        ({"top_logprobs": [{"a b": -1}]}, "a b"),
        ({"top_logprobs": ["x y"]}, "x y"),
        ({"later": {"name of it": 1}}, "later\nname of it"),
        ({"tokens": ["a", {"odd": "thing"}]}, "a\nodd\nthing"),
        ("a string", "a string"),
        (["tokens"], "tokens"),
    ],
)
def test_every_other_string_is_a_text(logprobs: Any, text: str) -> None:
    """Whatever shape they have."""
    [found] = completions_logprobs.texts(logprobs, "", "/choices/0")

    assert found.text == text


@pytest.mark.parametrize("logprobs", [{}, {"tokens": [], "token_logprobs": [0.5]}, {"tokens": ["Hi"]}])
def test_numbers_alone_are_no_text(logprobs: Any) -> None:
    """Nothing to inspect."""
    assert completions_logprobs.texts(logprobs, "Hi", "/choices/0") == []
