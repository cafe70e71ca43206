"""Errors of providers: what is taken from them, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.openai_errors import foreign_error, in_band, provider_error


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"error":{"message":"m","type":"t","code":"c"}}', ("t", "c")),
        (b'{"error":{"message":"m"}}', ("api_error", None)),
        (b'{"error":{"message":"m","type":"a text with a prompt","code":17}}', ("api_error", None)),
        (b'{"error":"m"}', None),
        (b'{"detail":"m"}', None),
        (b"<html>", None),
        (b"[]", None),
    ],
)
def test_an_error_body_is_known_by_its_shape(body: bytes, expected: Any) -> None:
    """Only words of a protocol are taken from it, never its text."""
    assert provider_error(body) == expected


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"object":"error","message":"too long","code":400}', "too long"),
        (b'{"detail":"Unauthorized"}', "Unauthorized"),
        (b'{"error":"no"}', "no"),
        (b'{"detail":[{"loc":["body"],"msg":"required"}]}', '[{"loc":["body"],"msg":"required"}]'),
        (b'{"message":""}', None),
        (b'{"status":500}', None),
        (b"[1]", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_an_error_in_another_shape_says_what_it_says(body: bytes, said: str | None) -> None:
    """The first of the members that others use; it was inspected before."""
    assert foreign_error(body) == said


@pytest.mark.parametrize(
    "error", [{"code": "rate_limit", "message": "secret"}, "secret", {"code": "a secret"}]
)
def test_an_error_in_place_of_an_answer_keeps_its_code_and_nothing_else(error: Any) -> None:
    """A text in it may be somebody's."""
    told = in_band(error)
    assert told.code == (
        "rate_limit" if isinstance(error, dict) and error["code"] == "rate_limit" else "upstream_error"
    )
    assert "secret" not in told.message
