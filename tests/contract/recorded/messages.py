"""Anthropic's messages."""

from __future__ import annotations

from typing import Any

from tests.contract.recorded.shape import COUNT, EVENTS, JSON, MESSAGES, Recorded, asked, events, told, user

SENT = {
    "request-id": "req_018EeWyXxfu5pfWkrYcMdjWG",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
    "anthropic-ratelimit-requests-reset": "2026-01-01T00:00:00Z",
}
USAGE = {
    "input_tokens": 21,
    "cache_creation_input_tokens": 188086,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 188086, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 393,
    "service_tier": "standard",
    "inference_geo": "not_available",
}
MODEL = "claude-sonnet-4-5"


def message(*blocks: dict[str, Any], reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    """A whole message."""
    return {
        "model": "claude-sonnet-4-5-20250929",
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "content": list(blocks),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": USAGE,
        **more,
    }


def _asked(**request: Any) -> bytes:
    return asked(**{"model": MODEL, "max_tokens": 1024, "messages": user("Say hello."), **request})


def _whole(name: str, reply: dict[str, Any], **request: Any) -> Recorded:
    return Recorded(
        name, MESSAGES, _asked(**request), told(reply, None), headers={**JSON, **SENT}, vendor="anthropic"
    )


def _stream(name: str, parts: list[dict[str, Any]], **request: Any) -> Recorded:
    sent = _asked(stream=True, **request)
    return Recorded(
        name, MESSAGES, sent, events(parts, numbered=False), headers={**EVENTS, **SENT}, vendor="anthropic"
    )


TEXT = {"type": "text", "text": "Hello! The boats leave early."}
THINKING = {
    "type": "thinking",
    "thinking": "They greet me, so I greet back.",
    "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk=",
}
REDACTED = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIw"}
USE = {
    "type": "tool_use",
    "id": "toolu_01A09q90qw90lq917835lq9",
    "name": "get_weather",
    "input": {"city": "Paris", "days": 1.50},
}
TOOL = {
    "name": "get_weather",
    "description": "The weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
CITED = {
    "type": "text",
    "text": "The harbour opened in spring.",
    "citations": [
        {
            "type": "char_location",
            "cited_text": "It opened in spring.",
            "document_index": 0,
            "document_title": "News",
            "start_char_index": 0,
            "end_char_index": 20,
            "file_id": None,
        }
    ],
}
SEARCHED = [
    {
        "type": "server_tool_use",
        "id": "srvtoolu_01WYG3ziw53XMcoyKL4XcZmE",
        "name": "web_search",
        "input": {"query": "harbour"},
    },
    {
        "type": "web_search_tool_result",
        "tool_use_id": "srvtoolu_01WYG3ziw53XMcoyKL4XcZmE",
        "content": [
            {
                "type": "web_search_result",
                "title": "Harbour",
                "url": "https://example.org/harbour",
                "encrypted_content": "EqgfCioIARgBIiQ3YTAwMjY1Mi1mZjM5",
                "page_age": "April 30, 2025",
            }
        ],
    },
    {
        "type": "text",
        "text": "It opened in spring.",
        "citations": [
            {
                "type": "web_search_result_location",
                "url": "https://example.org/harbour",
                "title": "Harbour",
                "encrypted_index": "Eo8BCioIAhgBIiQyYjQ0OWJm",
                "cited_text": "The harbour opened in spring",
            }
        ],
    },
]
TURN = [
    *user("What is the weather in Paris?"),
    {"role": "assistant", "content": [THINKING, REDACTED, USE]},
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": USE["id"],
                "content": [{"type": "text", "text": "18 degrees"}],
            }
        ],
    },
]


def _block(index: int, opened: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": opened},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def _told(*blocks: list[dict[str, Any]], reason: str = "end_turn") -> list[dict[str, Any]]:
    start = {**message(reason=None), "usage": {**USAGE, "output_tokens": 1}}
    return [
        {"type": "message_start", "message": start},
        blocks[0][0],
        {"type": "ping"},
        *blocks[0][1:],
        *(event for block in blocks[1:] for event in block),
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": 15},
        },
        {"type": "message_stop"},
    ]


def _texts(text: str) -> list[dict[str, Any]]:
    return [{"type": "text_delta", "text": piece} for piece in text.replace(" ", "| ").split("|")]


_THOUGHT = _block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "They greet me,"},
    {"type": "thinking_delta", "thinking": " so I greet back."},
    {"type": "signature_delta", "signature": THINKING["signature"]},
)
_SAID = _block(0, {"type": "text", "text": ""}, *_texts(TEXT["text"]))
_USED = _block(
    1,
    {**USE, "input": {}},
    *(
        {"type": "input_json_delta", "partial_json": piece}
        for piece in ("", '{"city', '": "Pa', 'ris"', ', "days": 1.50}')
    ),
)
WHOLE = [
    _whole("message", message(TEXT)),
    _whole(
        "message with tools", message(TEXT, USE, reason="tool_use"), tools=[TOOL], tool_choice={"type": "any"}
    ),
    _whole(
        "message after a tool",
        message(TEXT),
        messages=TURN,
        tools=[TOOL],
        thinking={"type": "enabled", "budget_tokens": 1024},
    ),
    _whole(
        "message with thinking",
        message(THINKING, REDACTED, TEXT),
        thinking={"type": "enabled", "budget_tokens": 1024},
    ),
    _whole(
        "message with citations",
        message(CITED),
        messages=user(
            [
                {
                    "type": "document",
                    "source": {"type": "text", "media_type": "text/plain", "data": "It opened in spring."},
                    "title": "News",
                    "citations": {"enabled": True},
                },
                {"type": "text", "text": "When?", "cache_control": {"type": "ephemeral"}},
            ]
        ),
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    ),
    _whole(
        "message with a search",
        message(*SEARCHED, usage={**USAGE, "server_tool_use": {"web_search_requests": 1}}),
        tools=[{"type": "web_search_20250305", "name": "web_search", "max_uses": 5}],
    ),
    _whole(
        "message that stops",
        message(TEXT, reason="stop_sequence", stop_sequence="END"),
        stop_sequences=["END"],
        top_k=5,
        temperature=1.0,
        metadata={"user_id": "u-harbour"},
    ),
    _whole("message that is refused", message(reason="refusal")),
    Recorded(
        "count of tokens",
        COUNT,
        asked(model=MODEL, messages=user("Say hello.")),
        told({"input_tokens": 2095}, None),
        headers={**JSON, **SENT},
        vendor="anthropic",
    ),
]
STREAMED = [
    _stream("stream of a message", _told(_SAID)),
    _stream("stream of a message with a tool", _told(_SAID, _USED, reason="tool_use"), tools=[TOOL]),
    _stream(
        "stream of a message with thinking",
        _told(_THOUGHT, _block(1, REDACTED), [{**one, "index": 2} for one in _SAID]),
        thinking={"type": "enabled", "budget_tokens": 1024},
    ),
    _stream(
        "stream of a message with a search",
        _told(
            _block(
                0,
                {**SEARCHED[0], "input": {}},
                {"type": "input_json_delta", "partial_json": ""},
                {"type": "input_json_delta", "partial_json": '{"query": "harbour"}'},
            ),
            _block(1, SEARCHED[1]),
            _block(
                2,
                {"type": "text", "text": "", "citations": []},
                {"type": "citations_delta", "citation": SEARCHED[2]["citations"][0]},
                *_texts("It opened in spring."),
            ),
        ),
        tools=[{"type": "web_search_20250305", "name": "web_search"}],
    ),
]
ERRORS = [
    Recorded(
        f"{kind} of Anthropic's",
        MESSAGES,
        _asked(),
        told(
            {
                "type": "error",
                "error": {"type": kind, "message": text},
                "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
            },
            None,
        ),
        status,
        {**JSON, **SENT, **more},
        "anthropic",
    )
    for status, kind, text, more in (
        (400, "invalid_request_error", "max_tokens: Field required", {"x-should-retry": "false"}),
        (404, "not_found_error", "model: claude-none", {"x-should-retry": "false"}),
        (413, "request_too_large", "Request exceeds the maximum size", {}),
        (
            429,
            "rate_limit_error",
            "This request would exceed your rate limit",
            {"retry-after": "11", "x-should-retry": "true"},
        ),
        (529, "overloaded_error", "Overloaded", {"x-should-retry": "true"}),
    )
]
ANTHROPIC = [*WHOLE, *STREAMED, *ERRORS]
