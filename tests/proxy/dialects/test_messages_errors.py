"""Errors in Anthropic's envelope."""

from __future__ import annotations

import json

import pytest

from proxy.dialects.messages_errors import TYPES, envelope, enveloped, error_type, in_band
from proxy.errors import Blocked, ProxyError, UpstreamError


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_has_a_type(status: int) -> None:
    """One that Anthropic documents, and the caller's fault is never told as the provider's."""
    kind = error_type(status)

    assert kind in TYPES
    assert (kind in ("api_error", "timeout_error", "overloaded_error")) == (status >= 500)


def test_a_block_names_its_rule_and_its_exchange() -> None:
    """400, so that no client tries again."""
    error = Blocked("The request was blocked by the rule 'x'.")
    error.request_id = "abc"

    assert json.loads(envelope(error)) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "The request was blocked by the rule 'x'."},
        "request_id": "abc",
    }


def test_an_error_inside_an_answer_keeps_its_type() -> None:
    """If it is a word; nothing else of it is told."""
    told = in_band({"type": "overloaded_error", "message": "secret"})

    assert json.loads(envelope(told))["error"]["type"] == "overloaded_error"
    assert "secret" not in told.message
    assert isinstance(in_band({"type": "a secret"}), UpstreamError)
    assert in_band({"type": "a secret"}).code != "a secret"
    assert json.loads(envelope(ProxyError("x", code="strange")))["error"]["type"] == "api_error"


def test_an_error_of_another_vendors_shape_is_told_in_anthropics() -> None:
    """With the same message; one that is Anthropic's already stays as it is."""
    told = enveloped(b'{"error": {"message": "Slow down.", "type": "requests"}}', 429)

    assert json.loads(told)["type"] == "error"
    assert json.loads(told)["error"] == {"type": "rate_limit_error", "message": "Slow down."}
    assert enveloped(told, 429) is told
