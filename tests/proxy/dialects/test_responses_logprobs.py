"""Logprobs say nothing that their text does not, or it is told what."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.responses_logprobs import other, without_spelling


@pytest.mark.parametrize(
    ("logprobs", "said", "expected"),
    [
        ([{"token": "a"}, {"token": "b"}], "ab", ""),
        ([{"token": "a"}, {"token": "b"}], "x", "ab"),
        ([{"token": "a", "bytes": [98]}], "a", "b"),
        ([{"token": "a", "bytes": [300, "x", None]}], "a", "x"),
        ([{"token": "a", "top_logprobs": [{"token": "c"}]}], "a", "c"),
        ([{"token": "a", "who": "Ada"}], "a", "who\nAda"),
        ("odd", "a", "odd"),
        ([1, None], "a", ""),
    ],
)
def test_what_is_said_besides(logprobs: Any, said: str, expected: str) -> None:
    """Spelled otherwise, in bytes, considered instead, or in members nobody knows."""
    assert other(logprobs, said) == expected


def test_a_part_is_read_without_them() -> None:
    """They are compared with its text, or with the delta of an event."""
    assert without_spelling({"refusal": "a", "logprobs": [{"token": "a"}]}) == ({"refusal": "a"}, "")
    assert without_spelling({"delta": "b", "logprobs": [{"token": "a"}]})[1] == "a"
