"""Requests that leave something behind."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.lasting import acts, is_stored, unstored

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"


@pytest.mark.parametrize(
    ("path", "request_", "expected"),
    [
        (RESPONSES, {"input": "x"}, False),
        (RESPONSES, {"previous_response_id": "r"}, False),
        (RESPONSES, {"conversation": "c"}, True),
        (RESPONSES, {"conversation": {"id": "c"}}, True),
        (RESPONSES, {"background": True}, True),
        (RESPONSES, {"tools": [{"type": "web_search"}, {"type": "mcp"}]}, True),
        (RESPONSES, {"tools": "mcp"}, False),
        (MESSAGES, {"mcp_servers": [{"url": "x"}]}, True),
        (MESSAGES, {"container": "c"}, True),
        (CHAT, {"conversation": "of nobody"}, False),
        (CHAT, {"tools": [{"type": "function"}, None]}, False),
    ],
)
def test_what_changes_something_each_time(path: str, request_: dict[str, Any], expected: bool) -> None:
    """Conversations, containers, work in the background, and servers of tools."""
    assert acts(path, request_) is expected


@pytest.mark.parametrize(
    ("path", "request_", "expected"),
    [
        (RESPONSES, {}, True),
        (RESPONSES, {"store": None}, True),
        (RESPONSES, {"store": False}, False),
        (CHAT, {}, False),
        (CHAT, {"store": True}, True),
        (CHAT, {"store": False}, False),
    ],
)
def test_what_a_provider_keeps(path: str, request_: dict[str, Any], expected: bool) -> None:
    """Responses unless told not to, chats when told to; asked otherwise, nothing, and nothing else changes."""
    assert is_stored(path, request_) is expected
    asked = unstored(path, {**request_, "seed": 1})
    assert not is_stored(path, asked)
    assert asked == {**request_, "seed": 1, **({"store": False} if expected else {})}
