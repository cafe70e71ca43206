"""An app that uses the official client works by changing its base URL alone."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.servers import ADMIN_KEY, Running, Upstream, chunk, raw, said, stream, whole

ASK: list[Any] = [{"role": "user", "content": "I am ada@example.com"}]
TOOLS: list[Any] = [{"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}]


def echo(body: dict[str, Any]) -> str:
    """What a model says that repeats the last message."""
    return "Hello, " + str(body["messages"][-1]["content"]).removeprefix("I am ")


def sync(proxy: Running, **options: Any) -> openai.OpenAI:
    """The official client."""
    return openai.OpenAI(
        base_url=proxy.url, api_key=options.pop("api_key", ADMIN_KEY), max_retries=0, **options
    )


def test_a_plain_chat(proxy: Running, upstream: Upstream) -> None:
    """The caller sees its own words, the provider never does."""
    upstream.script = lambda body: whole({"content": echo(body)})

    with sync(proxy) as client:
        reply = client.chat.completions.create(model="gpt-test", messages=ASK)

    assert reply.choices[0].message.content == "Hello, ada@example.com"
    assert reply.usage is not None
    assert reply.usage.total_tokens == 3
    assert b"ada@" not in upstream.bodies[0]


def test_a_streamed_chat(proxy: Running, upstream: Upstream) -> None:
    """Chunks arrive as chunks, joined they are the whole answer."""
    upstream.script = lambda body: said(echo(body))

    with sync(proxy) as client:
        pieces = [
            part.choices[0].delta.content or ""
            for part in client.chat.completions.create(model="gpt-test", messages=ASK, stream=True)
        ]

    assert "".join(pieces) == "Hello, ada@example.com"
    assert sum(map(bool, pieces)) > 2


async def test_the_async_client(proxy: Running, upstream: Upstream) -> None:
    """Both ways, through the asynchronous client and its stream helper."""
    upstream.script = lambda body: said(echo(body)) if body.get("stream") else whole({"content": echo(body)})

    async with openai.AsyncOpenAI(base_url=proxy.url, api_key=ADMIN_KEY, max_retries=0) as client:
        reply = await client.chat.completions.create(model="gpt-test", messages=ASK)
        async with client.chat.completions.stream(model="gpt-test", messages=ASK) as events:
            final = await events.get_final_completion()

    assert reply.choices[0].message.content == final.choices[0].message.content == "Hello, ada@example.com"
    assert final.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("streamed", [False, True])
def test_tools(proxy: Running, upstream: Upstream, streamed: bool) -> None:
    """Arguments come back as valid JSON with the caller's own values in them, from any cut."""

    def answer(body: dict[str, Any]) -> Any:
        arguments = json.dumps({"to": echo(body).removeprefix("Hello, "), "n": 1})
        call = {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": arguments}}
        if not body.get("stream"):
            return whole({"content": None, "tool_calls": [call]})
        head = {"index": 0, **call, "function": {"name": "send", "arguments": ""}}
        deltas = [{"tool_calls": [head]}] + [
            {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in arguments
        ]
        return stream([*map(chunk, deltas), chunk({}, "tool_calls"), b"data: [DONE]\n\n"])

    upstream.script = answer
    with sync(proxy) as client:
        if streamed:
            with client.chat.completions.stream(model="gpt-test", messages=ASK, tools=TOOLS) as events:
                reply: Any = events.get_final_completion()
        else:
            reply = client.chat.completions.create(model="gpt-test", messages=ASK, tools=TOOLS)

    [call] = reply.choices[0].message.tool_calls
    assert (call.id, call.function.name) == ("call_1", "send")
    assert json.loads(call.function.arguments) == {"to": "ada@example.com", "n": 1}


def test_retrieval_goes_along_in_extra_body(proxy: Running, upstream: Upstream) -> None:
    """Hits are reported through the client's own `extra_body`."""
    hits = [{"doc_id": "d1", "score": 0.9, "text": "A fact."}]

    with sync(proxy) as client:
        client.chat.completions.create(
            model="gpt-test", messages=ASK, extra_body={"guardhouse": {"retrieval": hits}}
        )

    assert proxy.recorder.last()["retrieval"][0]["doc_id"] == "d1"
    assert "guardhouse" not in upstream.requests[0]


ERRORS: list[tuple[dict[str, Any], Any, type[openai.APIStatusError], str | None]] = [
    ({"messages": [{"role": "user", "content": "kryptonite"}]}, None, openai.BadRequestError, "content_filter"),
    ({"model": "nobody"}, None, openai.NotFoundError, "model_not_found"),
    ({"messages": []}, None, openai.BadRequestError, "empty_array"),
    ({}, raw(b'{"error": {"message": "slow", "code": "rate_limit_exceeded"}}', 429), openai.RateLimitError, "rate_limit_exceeded"),
    ({}, raw(b'{"error": {"message": "no", "code": "model_not_found"}}', 404), openai.NotFoundError, "model_not_found"),
    ({}, raw(b"oops", 500), openai.InternalServerError, "upstream_error"),
    ({}, raw(b""), openai.InternalServerError, "upstream_error"),
]  # fmt: skip


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("change", "script", "kind", "code"), ERRORS)
def test_errors_raise_the_right_class(
    proxy: Running, upstream: Upstream, change: Any, script: Any, kind: Any, code: str, streamed: bool
) -> None:
    """Each error is the exception an app already catches, with its code, whether it asked for a stream or not."""
    upstream.script = script or whole()

    with sync(proxy) as client, pytest.raises(kind) as raised:
        client.chat.completions.create(**{"model": "gpt-test", "messages": ASK, "stream": streamed, **change})

    assert type(raised.value) is kind
    assert raised.value.code == code
    assert raised.value.request_id


def test_a_wrong_key_is_an_authentication_error(proxy: Running, upstream: Upstream) -> None:
    """401 with OpenAI's own code."""
    with sync(proxy, api_key="gh-wrong") as client, pytest.raises(openai.AuthenticationError) as raised:
        client.chat.completions.create(model="gpt-test", messages=ASK)

    assert raised.value.code == "invalid_api_key"


def test_an_error_in_mid_stream_is_raised(proxy: Running, upstream: Upstream) -> None:
    """A stream that breaks raises where the app reads it; what came before was good."""
    upstream.script = stream([chunk({"content": "Hello"}), b"data: {oops\n\n"])
    pieces = []

    with sync(proxy) as client, pytest.raises(openai.APIError):
        for part in client.chat.completions.create(model="gpt-test", messages=ASK, stream=True):
            pieces.append(part.choices[0].delta.content)

    assert pieces == ["Hello"]


def test_models(proxy: Running) -> None:
    """The configured aliases, one by one and as a list, slashes and all."""
    with sync(proxy) as client:
        names = [model.id for model in client.models.list()]
        one = client.models.retrieve("org/model")
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("nobody")

    assert names == ["gpt-test", "gpt-real", "org/model"]
    assert one.id == "org/model"
