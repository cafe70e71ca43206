"""Errors of providers: what is taken from them, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.openai_errors import in_band, provider_error


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
    "error", [{"code": "rate_limit", "message": "secret"}, "secret", {"code": "a secret"}]
)
def test_an_error_in_place_of_an_answer_keeps_its_code_and_nothing_else(error: Any) -> None:
    """A text in it may be somebody's."""
    told = in_band(error)
    assert told.code == (
        "rate_limit" if isinstance(error, dict) and error["code"] == "rate_limit" else "upstream_error"
    )
    assert "secret" not in told.message
