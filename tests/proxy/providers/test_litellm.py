"""litellm as a provider, against a local server that speaks Anthropic's wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import BadRequest, UpstreamError, UpstreamTimeout
from proxy.providers.base import Call, Reply
from proxy.providers.litellm import EMBEDDINGS, LiteLLM, keywords, part, vectors, whole
from proxy.sse import Decoder

KEY = "sk-ant-upstream-key"
PLACE = Deployment("d", "alias", "litellm", "anthropic", "anthropic/claude-3-5-sonnet-20240620", api_key=KEY)


def say(text: str, **more: Any) -> Call:
    """A chat call."""
    return Call({"model": "alias", "messages": [{"role": "user", "content": text}], **more})


def message(text: str) -> dict[str, Any]:
    """An answer in Anthropic's words."""
    usage = {"input_tokens": 3, "output_tokens": 2}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_sequence": None}
    return head | {"content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "usage": usage}


def events() -> list[dict[str, Any]]:
    """The same as a stream."""
    begin = message("") | {"content": [], "stop_reason": None}
    return [
        {"type": "message_start", "message": begin},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


async def answer(request: web.Request) -> web.StreamResponse:
    """What the text of the request asks for."""
    asked = await request.json()
    if "texts" in asked:
        return web.json_response(
            {"id": "e", "embeddings": {"float": [[0.5, -1.0] for _ in asked["texts"]]}, "meta": {}}
        )
    text = str(asked["messages"])
    if "limit" in text:
        error = {"type": "error", "error": {"type": "rate_limit_error", "message": f"slow down {KEY}"}}
        return web.json_response(error, status=429, headers={"retry-after": "7", "request-id": "req_1"})
    if "html" in text:
        return web.Response(text="<html>")
    if "wait" in text:
        await asyncio.sleep(1)
    if not asked.get("stream"):
        return web.json_response(message("Hello"), headers={"request-id": "req_2", "set-cookie": "a=b"})
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for item in events()[: 4 if "cut" in text else None]:
        await response.write(f"event: {item['type']}\ndata: {orjson.dumps(item).decode()}\n\n".encode())
        if "reset" in text and item["type"] == "content_block_delta":
            assert request.transport is not None
            request.transport.abort()
    return response


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[LiteLLM, Deployment]]:
    """litellm, and a deployment at the local server."""
    app = web.Application()
    app.router.add_post("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider = LiteLLM()
    try:
        yield provider, replace(PLACE, api_base=f"http://127.0.0.1:{runner.addresses[0][1]}")
    finally:
        await provider.aclose()
        await runner.cleanup()


async def payloads(provider: LiteLLM, place: Deployment, call: Call) -> list[bytes]:
    """The payloads of a streamed answer."""
    found = await provider.stream(place, replace(call, stream=True))
    assert not isinstance(found, Reply)
    decoder = Decoder()
    return [payload async for piece in found for payload in decoder.feed(piece)]


@pytest.mark.slow
async def test_speaks_openais_words_for_a_foreign_provider() -> None:
    """Whole, streamed, refused, broken: in one test, because importing litellm takes seconds."""
    async with serving() as (provider, place):
        reply = await provider.complete(place, say("hi"))
        found = orjson.loads(reply.body)
        assert (reply.status, dict(reply.headers)) == (200, {"x-request-id": "req_2"})
        assert found["choices"] == [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ]
        assert (found["model"], found["usage"]["total_tokens"]) == ("claude-x", 5)

        *chunks, done = await payloads(provider, place, say("hi", stream_options={"include_usage": True}))
        parsed = [orjson.loads(chunk) for chunk in chunks]
        assert done == b"[DONE]"
        deltas = [choice["delta"].get("content") or "" for item in parsed for choice in item["choices"]]
        assert "".join(deltas) == "Hello"
        assert parsed[-2]["choices"][0]["finish_reason"] == "stop"
        assert parsed[-1]["choices"] == [] and parsed[-1]["usage"]["completion_tokens"] == 2

        cut = await payloads(provider, place, say("cut"))
        assert b"[DONE]" not in cut and not any(
            orjson.loads(item)["choices"][0]["finish_reason"] for item in cut
        )
        with pytest.raises(UpstreamError):
            await payloads(provider, place, say("reset"))

        for run in (provider.complete, provider.stream):
            refused = await run(place, replace(say("limit"), stream=run == provider.stream))
            assert isinstance(refused, Reply)
            assert (refused.status, dict(refused.headers)) == (
                429,
                {"retry-after": "7", "x-request-id": "req_1"},
            )
            error = orjson.loads(refused.body)["error"]
            assert (error["type"], error["message"][:9]) == ("rate_limit_error", "slow down")
            assert KEY.encode() not in refused.body

        with pytest.raises(UpstreamError, match="no answer"):
            await provider.complete(place, say("html"))
        with pytest.raises(UpstreamError, match="cannot be reached"):
            await provider.complete(replace(place, api_base="http://127.0.0.1:1"), say("hi"))
        with pytest.raises(UpstreamTimeout):
            await provider.complete(place, replace(say("wait"), timeout=Timeouts(total=0.1)))


@pytest.mark.parametrize(
    "name", ["api_base", "api_key", "base_url", "extra_headers", "custom_llm_provider", "mock_response", "x"]
)
def test_a_caller_cannot_reach_litellms_own_options(name: str) -> None:
    """A request that names where to send our key is refused."""
    with pytest.raises(BadRequest) as caught:
        keywords(PLACE, say("hi", **{name: "http://evil"}), 1)
    assert (caught.value.code, caught.value.param) == ("unknown_parameter", name)


def test_the_deployment_decides_where_and_the_caller_what() -> None:
    """Defaults yield to the request; key, model and deadlines do not."""
    place = replace(
        PLACE, params={"temperature": 0.5, "max_tokens": 9}, api_base="http://h", headers={"x-a": "b"}
    )
    found = keywords(place, say("hi", temperature=1), 3)
    assert (found["temperature"], found["max_tokens"], found["timeout"], found["num_retries"]) == (1, 9, 3, 0)
    assert (found["model"], found["api_key"], found["api_base"]) == (PLACE.model, KEY, "http://h")
    assert found["extra_headers"] == {"x-a": "b"}


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/moderations", "/v1/responses"])
def test_other_routes_are_refused_clearly(path: str) -> None:
    """400 with a code of its own, and the routes that are served."""
    with pytest.raises(BadRequest, match="only /v1/chat/completions and /v1/embeddings") as raised:
        keywords(PLACE, Call({}, path=path), 1)

    assert raised.value.code == "unsupported_endpoint"


def test_embeddings_take_their_own_parameters() -> None:
    """No chat options, none of litellm's, and floats whatever the caller wants to read."""
    asked = {"model": "alias", "input": ["a"], "encoding_format": "base64", "dimensions": 8}

    found = keywords(PLACE, Call(asked, path=EMBEDDINGS), 1)

    assert (found["input"], found["dimensions"], found["model"]) == (["a"], 8, PLACE.model)
    assert "encoding_format" not in found and "stream" not in found
    for name in ("temperature", "api_base", "input_type"):
        with pytest.raises(BadRequest):
            keywords(PLACE, Call({"input": "a", name: "x"}, path=EMBEDDINGS), 1)


@pytest.mark.parametrize("packed", [True, False])
def test_vectors_are_packed_as_the_caller_asked(packed: bool) -> None:
    """Floats, or base64 of 32-bit floats; usage only where the vendor told it, nothing of litellm's own."""
    usage = {"prompt_tokens": 2, "completion_tokens": 0, "total_tokens": 2}
    answer = {
        "data": [{"embedding": [0.5, -1.0]}, {"index": 1, "embedding": "kept"}],
        "usage": usage,
        "x": "secret",
    }

    found = vectors(answer, packed)

    assert [item["index"] for item in found["data"]] == [0, 1]
    assert found["data"][0]["embedding"] == ("AAAAPwAAgL8=" if packed else [0.5, -1.0])
    assert found["data"][1]["embedding"] == "kept"
    assert found["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    assert "x" not in found
    assert "usage" not in vectors({"data": [], "usage": {"prompt_tokens": 0, "total_tokens": 0}}, packed)


@pytest.mark.slow
async def test_embeddings_of_a_foreign_provider() -> None:
    """Through Cohere's wire; a vendor without embeddings is told so."""
    async with serving() as (provider, place):
        call = Call({"model": "alias", "input": ["a", "b"], "encoding_format": "base64"}, path=EMBEDDINGS)
        cohere = replace(
            place, vendor="cohere", model="cohere/embed-english-v3.0", api_base=f"{place.api_base}/v1/embed"
        )

        found = orjson.loads((await provider.complete(cohere, call)).body)
        with pytest.raises(BadRequest) as raised:
            await provider.complete(place, call)

    assert [item["embedding"] for item in found["data"]] == ["AAAAPwAAgL8=", "AAAAPwAAgL8="]
    assert found["object"] == "list"
    assert raised.value.code == "unsupported_endpoint"


def test_litellms_own_fields_do_not_get_through() -> None:
    """They repeat the text where no rule looks."""
    own = {"provider_specific_fields": {"t": "secret"}, "thinking_blocks": [{"thinking": "secret"}]}
    choice = {"index": 0, "finish_reason": "stop", **own}
    shown = [
        whole(
            {"id": "1", "choices": [choice | {"message": {"role": "assistant", "content": "x"} | own}], **own}
        ),
        part({"id": "1", "choices": [choice | {"delta": {"content": "x"} | own}], **own}),
    ]
    assert b"secret" not in orjson.dumps(shown)
