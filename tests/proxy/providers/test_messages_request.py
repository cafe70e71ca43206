"""A message asked as a chat: what it says, and what it refuses to say."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.errors import BadRequest
from proxy.providers.messages_request import LEFT_OUT, chat_request

ASK: dict[str, Any] = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
PNG = {"type": "base64", "media_type": "image/png", "data": "QUFB"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUFB"}}


def asked(vendor: str = "groq", **more: Any) -> dict[str, Any]:
    """The chat request of a request with these members."""
    return chat_request({**ASK, **more}, vendor)


def text(words: str) -> dict[str, Any]:
    """A text block, and a text part: the same in both."""
    return {"type": "text", "text": words}


def test_a_whole_conversation() -> None:
    """System prompt, pictures, documents, calls and their results keep their order."""
    told = asked(
        system=[text("Be"), text("kind.")],
        messages=[
            {"role": "user", "content": [text("Look:"), {"type": "image", "source": PNG}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    text("I send."),
                    {"type": "tool_use", "id": "t1", "name": "send", "input": {"to": "a"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "content": [text("ok"), {"type": "image", "source": PNG}],
                    },
                    {"type": "document", "title": "Doc", "source": {"type": "text", "data": "words"}},
                ],
            },
            {"role": "system", "content": "Now."},
        ],
    )

    assert told["messages"] == [
        {"role": "system", "content": "Be\n\nkind."},
        {"role": "user", "content": [text("Look:"), IMAGE]},
        {
            "role": "assistant",
            "content": "I send.",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "send", "arguments": '{"to":"a"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "ok"},
        {"role": "user", "content": [IMAGE, text("Doc\nwords")]},
        {"role": "system", "content": "Now."},
    ]


MEMBERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"max_tokens": 5}),
    ({"temperature": 0.5, "top_p": 1, "stop_sequences": ["X"]}, {"temperature": 0.5, "top_p": 1, "stop": ["X"]}),
    ({"metadata": {"user_id": "u"}}, {"user": "u"}),
    ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
    ({"tool_choice": {"type": "any", "disable_parallel_tool_use": True}}, {"tool_choice": "required", "parallel_tool_calls": False}),
    ({"tool_choice": {"type": "tool", "name": "send"}}, {"tool_choice": {"type": "function", "function": {"name": "send"}}}),
    ({"tools": [{"name": "send", "description": "D", "input_schema": {"a": 1}}]}, {"tools": [{"type": "function", "function": {"name": "send", "parameters": {"a": 1}, "description": "D"}}]}),
    ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {}, "strict": True}}}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), MEMBERS)
def test_members_have_another_name(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """And say the same; nothing else is added."""
    told = asked(**given)

    assert {name: told[name] for name in told if name in expected} == expected
    assert told.keys() <= {"model", "messages", "max_tokens", *expected}


def test_openai_calls_the_limit_otherwise() -> None:
    """Its newer models refuse the old name."""
    told = asked("openai")

    assert told["max_completion_tokens"] == 5
    assert "max_tokens" not in told


def test_what_only_tunes_the_answer_is_left_out() -> None:
    """Another vendor's model has no such thing."""
    assert asked(**{name: {} for name in LEFT_OUT}) == asked()


REFUSED: list[dict[str, Any]] = [
    {"mcp_servers": []},
    {"container": "c"},
    {"member_of_tomorrow": "secret"},
    {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
    {"system": [{"type": "image", "source": PNG}]},
    {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "secret"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "secret"}]}]},
    {"messages": [{"role": "assistant", "content": [{"type": "server_tool_use", "name": "secret"}]}]},
    {"messages": [{"role": "assistant", "content": [{"type": "text", "text": {"a": "secret"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
    {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": 1}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": {"a": "secret"}}]}]},
    {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": ["secret"]}]}]},
    {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": 1}]}]},
    {"tool_choice": {"type": {"secret": 1}}},
    {"tool_choice": {"type": "of_tomorrow"}},
    {"tool_choice": "auto"},
]  # fmt: skip


@pytest.mark.parametrize("change", REFUSED)
def test_what_a_chat_cannot_say_is_refused(change: dict[str, Any]) -> None:
    """Nothing is left out in silence, and the error repeats nothing of the request."""
    with pytest.raises(BadRequest, match="cannot be translated") as raised:
        asked(**change)

    assert raised.value.code == "unsupported_endpoint"
    assert "secret" not in raised.value.message
