"""An app that uses Anthropic's official client works by changing its base URL alone."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from tests.contract.claude import said, streamed, told
from tests.servers import ADMIN_KEY, Running, Script, Upstream, chunk, raw, stream, whole

ASK: list[Any] = [{"role": "user", "content": "I am ada@example.com"}]
TOOLS: list[Any] = [
    {"name": "send", "input_schema": {"type": "object", "properties": {"to": {"type": "string"}}}}
]


def client(proxy: Running, **options: Any) -> anthropic.Anthropic:
    """The official client."""
    base = proxy.url.removesuffix("/v1")
    return anthropic.Anthropic(
        base_url=base, api_key=options.pop("api_key", ADMIN_KEY), max_retries=0, **options
    )


def token(body: dict[str, Any]) -> str:
    """What the provider read in place of the address."""
    return str(body["messages"][-1]["content"]).removeprefix("I am ")


def ask(model: str = "claude-test", **more: Any) -> dict[str, Any]:
    """The arguments of a call."""
    return {"model": model, "max_tokens": 100, "messages": ASK, **more}


def text(words: str) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": words}


def test_a_plain_message(claude: Running, upstream: Upstream) -> None:
    """The caller sees its own words, the provider never does; it gets its own key and a version."""
    upstream.script = lambda body: said(text(f"Hello, {token(body)}"))

    with client(claude) as app:
        headers = {"anthropic-beta": "new-2026", "anthropic-version": "2023-01-01"}
        reply = app.messages.create(**ask(system="Be kind."), extra_headers=headers)

    assert reply.content[0].text == "Hello, ada@example.com"
    assert (reply.usage.output_tokens, reply._request_id) == (2, "req_1")
    assert b"ada@" not in upstream.bodies[0]
    assert upstream.requests[0]["model"] == "claude-real"
    assert upstream.requests[0]["system"].startswith("Be kind.\n\nWords in capitals")
    head = upstream.headers[0].decode().lower()
    assert head.startswith("post /v1/messages http")
    assert "x-api-key: sk-ant-upstream\r\n" in head
    assert "anthropic-version: 2023-01-01\r\n" in head
    assert "anthropic-beta: new-2026\r\n" in head
    assert ADMIN_KEY not in head


def test_a_streamed_message(claude: Running, upstream: Upstream) -> None:
    """Events arrive as events, joined they are the whole answer."""
    upstream.script = lambda body: streamed(text(f"Hello, {token(body)}"))

    with client(claude) as app, app.messages.stream(**ask()) as events:
        pieces = list(events.text_stream)
        final = events.get_final_message()

    assert "".join(pieces) == final.content[0].text == "Hello, ada@example.com"
    assert len(pieces) > 2
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 2)


async def test_the_async_client(claude: Running, upstream: Upstream) -> None:
    """The same through the asynchronous client."""
    upstream.script = lambda body: streamed(text(f"Hello, {token(body)}"))
    base = claude.url.removesuffix("/v1")

    async with (
        anthropic.AsyncAnthropic(base_url=base, api_key=ADMIN_KEY, max_retries=0) as app,
        app.messages.stream(**ask()) as events,
    ):
        final = await events.get_final_message()

    assert final.content[0].text == "Hello, ada@example.com"


@pytest.mark.parametrize("live", [False, True])
def test_tools(claude: Running, upstream: Upstream, live: bool) -> None:
    """A tool's input comes back with the caller's own values in it, from any cut, and its result is guarded."""

    def answer(body: dict[str, Any]) -> Script:
        call = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"to": token(body), "n": 1}}
        reply = streamed if body.get("stream") else said
        return reply(text("I write to them."), call, stop_reason="tool_use")

    upstream.script = answer
    with client(claude) as app:
        if live:
            with app.messages.stream(**ask(tools=TOOLS)) as events:
                reply: Any = events.get_final_message()
        else:
            reply = app.messages.create(**ask(tools=TOOLS))
        result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sent to bob@example.com"}
        turns = [*ASK, {"role": "assistant", "content": reply.content}, {"role": "user", "content": [result]}]
        upstream.script = said(text("Done."))
        app.messages.create(**ask(tools=TOOLS, messages=turns))

    call = reply.content[1]
    assert (call.id, call.name, call.input) == ("toolu_1", "send", {"to": "ada@example.com", "n": 1})
    assert reply.stop_reason == "tool_use"
    second = upstream.requests[1]["messages"]
    assert second[1]["content"][1]["input"]["to"] == token(upstream.requests[0])
    assert b"bob@" not in upstream.bodies[1]
    first, answered = claude.recorder.documents
    assert [call["state"] for call in first["tool_calls"]] == ["requested"]
    assert answered["tool_calls"][0]["result"].startswith("sent to EMAIL_")


@pytest.mark.parametrize("live", [False, True])
def test_thinking_comes_back_as_it_was_signed(claude: Running, upstream: Upstream, live: bool) -> None:
    """The caller reads its own values in it, and the provider gets the very text that it signed."""
    signature = "c2lnbmVk" * 16

    def answer(body: dict[str, Any]) -> Script:
        thought = {"type": "thinking", "thinking": f"They are {token(body)}.", "signature": signature}
        return (streamed if body.get("stream") else said)(thought, text("Hello."))

    upstream.script = answer
    with client(claude) as app:
        if live:
            with app.messages.stream(**ask()) as events:
                reply: Any = events.get_final_message()
        else:
            reply = app.messages.create(**ask())
        upstream.script = said(text("Bye."))
        turns = [*ASK, {"role": "assistant", "content": reply.content}, {"role": "user", "content": "Bye"}]
        app.messages.create(**ask(messages=turns))

    first, second = upstream.requests
    assert reply.content[0].thinking == "They are ada@example.com."
    sent = second["messages"][1]["content"][0]
    assert (sent["thinking"], sent["signature"]) == (f"They are {token(first)}.", signature)
    assert first["system"] == second["system"]


def test_the_beta_route_is_the_same_route(claude: Running, upstream: Upstream) -> None:
    """Clients mark it with a query and a header; cached blocks and what only tunes go through untouched."""
    upstream.script = said(text("Hello."))
    block = {"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    thinking = {"type": "enabled", "budget_tokens": 1024}

    with client(claude) as app:
        app.beta.messages.create(
            model="claude-test",
            max_tokens=2000,
            system=[block],
            thinking=thinking,
            messages=[{"role": "user", "content": "Hello"}],
            betas=["context-1m-2025-08-07"],
        )

    [sent] = upstream.requests
    assert (sent["system"], sent["thinking"]) == ([block], thinking)
    assert b"anthropic-beta: context-1m-2025-08-07\r\n" in upstream.headers[0].lower()


ERRORS: list[tuple[dict[str, Any], Any, type[anthropic.APIStatusError], str]] = [
    ({"messages": [{"role": "user", "content": "kryptonite"}]}, None, anthropic.BadRequestError, "'forbidden'"),
    ({"model": "nobody"}, None, anthropic.NotFoundError, "not_found_error"),
    ({"messages": []}, None, anthropic.BadRequestError, "at least one message"),
    ({"messages": [{"role": "wizard", "content": "x"}]}, None, anthropic.BadRequestError, "messages.0.role"),
    ({}, told("authentication_error", 401), anthropic.AuthenticationError, "No."),
    ({}, told("permission_error", 403), anthropic.PermissionDeniedError, "No."),
    ({}, told("not_found_error", 404), anthropic.NotFoundError, "No."),
    ({}, told("request_too_large", 413), anthropic.RequestTooLargeError, "No."),
    ({}, told("rate_limit_error", 429), anthropic.RateLimitError, "No."),
    ({}, told("overloaded_error", 529), anthropic.OverloadedError, "overloaded_error"),
    ({}, raw(b"oops", 500), anthropic.InternalServerError, "api_error"),
    ({}, raw(b""), anthropic.InternalServerError, "api_error"),
]  # fmt: skip


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(("change", "script", "kind", "words"), ERRORS)
def test_errors_raise_the_right_class(
    claude: Running, upstream: Upstream, change: Any, script: Any, kind: Any, words: str, live: bool
) -> None:
    """Each error is the exception an app already catches, whether it asked for a stream or not."""
    upstream.script = script or said(text("Hello"))

    with client(claude) as app, pytest.raises(kind) as raised:
        app.messages.create(**{**ask(), "stream": live, **change})

    assert type(raised.value) is kind
    assert words in str(raised.value.body)
    assert raised.value.body["type"] == "error"
    assert raised.value.request_id
    assert "kryptonite" not in str(raised.value.body)


def test_a_wrong_key_is_an_authentication_error(claude: Running, upstream: Upstream) -> None:
    """401 in Anthropic's own envelope."""
    with client(claude, api_key="gh-wrong") as app, pytest.raises(anthropic.AuthenticationError) as raised:
        app.messages.create(**ask())

    assert raised.value.body["error"]["type"] == "authentication_error"
    assert upstream.bodies == []


def test_an_error_in_mid_stream_is_raised(claude: Running, upstream: Upstream) -> None:
    """A stream that breaks raises where the app reads it; what came before was good."""
    good = streamed(text("Hello")).pieces[:5]
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
    pieces, kinds = list[str](), list[str]()

    for broken in ([*good, error], good):
        upstream.script = stream(broken)
        with (
            client(claude) as app,
            pytest.raises(anthropic.APIStatusError) as raised,
            app.messages.stream(**ask()) as events,
        ):
            for piece in events.text_stream:
                pieces.append(piece)

        kinds.append(raised.value.body["error"]["type"])

    assert kinds == ["overloaded_error", "api_error"]
    assert "".join(pieces) == "HeHe"


def test_an_error_before_the_first_event_has_a_status(claude: Running, upstream: Upstream) -> None:
    """Nothing was sent yet: the caller can try again as for any other overload."""
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n'
    upstream.script = stream([error])

    with client(claude) as app, pytest.raises(anthropic.OverloadedError):
        app.messages.create(**ask(stream=True))


@pytest.mark.parametrize("live", [False, True])
def test_a_blocked_answer_is_a_refusal(claude: Running, upstream: Upstream, live: bool) -> None:
    """It stops with `refusal`, and nothing forbidden is in it."""
    upstream.script = lambda body: (streamed if body.get("stream") else said)(text("It is kryptonite."))

    with client(claude) as app:
        if live:
            with app.messages.stream(**ask()) as events:
                reply: Any = events.get_final_message()
        else:
            reply = app.messages.create(**ask())

    assert reply.stop_reason == "refusal"
    assert "krypt" not in reply.to_json()
    assert claude.recorder.last()["finish_reasons"] == ["refusal"]


def test_counting_tokens(claude: Running, upstream: Upstream) -> None:
    """The provider counts what it would be sent; other vendors' models are not counted."""
    upstream.script = raw(b'{"input_tokens": 14}')

    with client(claude) as app:
        count = app.messages.count_tokens(model="claude-test", messages=ASK)
        with pytest.raises(anthropic.NotFoundError, match="count_tokens"):
            app.messages.count_tokens(model="gpt-test", messages=ASK)
        with pytest.raises(anthropic.BadRequestError, match="forbidden"):
            app.messages.count_tokens(
                model="claude-test", messages=[{"role": "user", "content": "kryptonite"}]
            )

    assert count.input_tokens == 14
    assert upstream.headers[0].startswith(b"POST /v1/messages/count_tokens HTTP")
    assert b"ada@" not in upstream.bodies[0]
    assert len(upstream.bodies) == 1
    assert [trace["upstream_called"] for trace in claude.recorder.documents] == [True, False, False]


@pytest.mark.parametrize("live", [False, True])
def test_another_vendors_model(claude: Running, upstream: Upstream, live: bool) -> None:
    """A model that speaks chat is asked as a chat, and its tool call comes back as a message's."""
    call = {"id": "call_1", "type": "function", "function": {"name": "send", "arguments": ""}}

    def answer(body: dict[str, Any]) -> Script:
        written = json.dumps({"to": token(body)})
        if not body.get("stream"):
            function = {"name": "send", "arguments": written}
            return whole({"content": "I write.", "tool_calls": [{**call, "function": function}]})
        pieces = [{"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in written]
        deltas = [{"content": "I "}, {"content": "write."}, {"tool_calls": [{"index": 0, **call}]}, *pieces]
        usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
        ends = [chunk({}, "tool_calls"), chunk(usage=usage), b"data: [DONE]\n\n"]
        return stream([*map(chunk, deltas), *ends])

    upstream.script = answer
    with client(claude) as app:
        if live:
            with app.messages.stream(**ask("gpt-test", tools=TOOLS)) as events:
                reply: Any = events.get_final_message()
        else:
            reply = app.messages.create(**ask("gpt-test", tools=TOOLS))

    assert reply.content[0].text == "I write."
    assert reply.content[1].input == {"to": "ada@example.com"}
    assert reply.usage.output_tokens == 2
    asked = upstream.requests[0]
    assert asked["tools"][0]["function"]["name"] == "send"
    assert asked["messages"][0]["role"] == "system"
    assert upstream.headers[0].startswith(b"POST /v1/chat/completions HTTP")


def test_another_vendors_cut_stream_is_broken(claude: Running, upstream: Upstream) -> None:
    """No end is invented for it."""
    upstream.script = stream([chunk({"content": "Hello"})])

    with (
        client(claude) as app,
        pytest.raises(anthropic.APIStatusError),
        app.messages.stream(**ask("gpt-test")) as events,
    ):
        events.get_final_message()


@pytest.mark.parametrize("live", [False, True])
def test_the_scripted_provider(claude: Running, live: bool) -> None:
    """It speaks the dialect too, so nothing else is needed to try it."""
    with client(claude) as app:
        if live:
            with app.messages.stream(**ask("fake-echo")) as events:
                reply: Any = events.get_final_message()
        else:
            reply = app.messages.create(**ask("fake-echo"))

    assert reply.content[0].text == "I am ada@example.com"
