"""What providers say they used, in the words of every dialect."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.usage import Tokens, tokens_of


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}, Tokens(fresh=10, out=4)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 6, "audio_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 2},
            },
            Tokens(fresh=3, cached=6, audio_in=1, out=2, reasoning=5, audio_out=2),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": None},
            Tokens(fresh=10, out=1),
        ),
        ({"prompt_tokens": 8, "total_tokens": 8}, Tokens(fresh=8)),
        (
            {"prompt_tokens": 8, "completion_tokens": 1, "prompt_cache_hit_tokens": 3},
            Tokens(fresh=5, cached=3, out=1),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 1,
                "cache_read_input_tokens": 2,
                "cache_creation_input_tokens": 3,
            },
            Tokens(fresh=4, cached=2, written=3, out=1),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 4},
                "output_tokens_details": {"reasoning_tokens": 2},
            },
            Tokens(fresh=6, cached=4, out=3, reasoning=2),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 7,
            },
            Tokens(fresh=10, cached=100, written=7, out=5),
        ),
        (
            {
                "input_tokens": 1,
                "output_tokens": 2,
                "cache_creation_input_tokens": 7,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
            },
            Tokens(fresh=1, written=3, written_1h=4, out=2),
        ),
    ],
    ids=["chat", "details", "null", "embeddings", "deepseek", "litellm", "responses", "messages", "an hour"],
)
def test_each_token_is_counted_once(usage: dict[str, Any], tokens: Tokens) -> None:
    """Anthropic tells cached tokens beside the others, everybody else among them."""
    assert tokens_of(usage) == tokens


@pytest.mark.parametrize(
    "usage",
    [
        {},
        {"prompt_tokens": 5},
        {"completion_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": None},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
        {"prompt_tokens": 1 << 60, "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}},
        {"prompt_tokens": 1, "completion_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 2}},
    ],
)
def test_numbers_that_do_not_add_up_are_none(usage: dict[str, Any]) -> None:
    """They are not made to fit, and never taken for 0."""
    assert tokens_of(usage) is None


@given(
    sent=st.integers(0, 10**6),
    out=st.integers(0, 10**6),
    cached=st.integers(0, 10**6),
    reasoning=st.integers(0, 10**6),
)
def test_the_kinds_add_up_to_what_was_told(sent: int, out: int, cached: int, reasoning: int) -> None:
    """No token is lost, and none is counted twice."""
    usage = {
        "prompt_tokens": sent + cached,
        "completion_tokens": out + reasoning,
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }

    found = tokens_of(usage)

    assert found is not None
    assert (found.all_in, found.out + found.reasoning) == (sent + cached, out + reasoning)
