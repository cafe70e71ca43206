"""The direct wire, against real servers that behave and misbehave."""

import asyncio
import gzip
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import Redirected, UpstreamError, UpstreamTimeout
from proxy.providers import openai_wire
from proxy.providers.base import Call, Reply, ReplyStream
from proxy.providers.openai_wire import OpenAIWire, body_bytes, request_headers, target

KEY = "sk-upstream-key"
FAST = Timeouts(connect=0.5, first_byte=0.15, idle=0.15, total=2)
Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def wire() -> AsyncIterator[OpenAIWire]:
    """A provider, closed after the test."""
    provider = OpenAIWire()
    yield provider
    await provider.aclose()


@asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[Deployment]:
    """A deployment at a local server that answers every request with handle."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield Deployment("d", "alias", "openai_wire", "openai", "real", api_base=base, api_key=KEY)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def talking(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Deployment]:
    """A deployment at a bare socket: after each request, talk decides every byte."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield Deployment(
            "d", "alias", "openai_wire", "openai", "real", api_base=f"http://127.0.0.1:{port}/v1", api_key=KEY
        )


def call(stream: bool = False, **more: Any) -> Call:
    """A chat call under short deadlines."""
    payload = {"model": "alias", "messages": [], **more}
    return Call(payload, stream=stream, timeout=FAST)


async def gathered(answer: ReplyStream | Reply) -> bytes:
    """All bytes of a stream."""
    assert not isinstance(answer, Reply)
    return b"".join([piece async for piece in answer])


async def test_sends_our_request_and_nothing_of_the_callers(wire: OpenAIWire) -> None:
    """The model's real name, our key, no header of the caller but openai-beta."""
    seen: dict[str, Any] = {}

    async def handle(request: web.Request) -> web.Response:
        seen.update(path=request.path, headers=dict(request.headers), body=await request.read())
        return web.json_response({"ok": True}, headers={"x-request-id": "r1", "set-cookie": "a=b"})

    async with serving(handle) as deployment:
        caller = {"authorization": "Bearer callers", "cookie": "c", "openai-beta": "x=1", "x-secret": "s"}
        reply = await wire.complete(deployment, replace(call(), headers=caller))
    assert reply == Reply(200, {"x-request-id": "r1"}, b'{"ok": true}')
    assert seen["path"] == "/v1/chat/completions"
    assert orjson.loads(seen["body"]) == {"model": "real", "messages": []}
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["openai-beta"] == "x=1" and headers["accept-encoding"] == "identity"
    assert "cookie" not in headers and "x-secret" not in headers


async def test_a_large_body_travels_whole(wire: OpenAIWire) -> None:
    """Two megabytes, with a length."""
    sizes = []

    async def handle(request: web.Request) -> web.Response:
        sizes.append((request.content_length, len(await request.read())))
        return web.json_response({})

    async with serving(handle) as deployment:
        await wire.complete(deployment, call(text="x" * 2_000_000))
    assert sizes[0][0] == sizes[0][1] > 2_000_000


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_status_is_a_reply_without_our_key(wire: OpenAIWire, stream: bool) -> None:
    """Status, body and retry hints as the provider gave them."""

    async def handle(request: web.Request) -> web.Response:
        body = {"error": {"message": f"slow down {KEY}", "code": "rate_limit_exceeded"}}
        return web.json_response(
            body, status=429, headers={"retry-after": "7", "x-ratelimit-limit-requests": "1"}
        )

    async with serving(handle) as deployment:
        reply = await (wire.stream if stream else wire.complete)(deployment, call(stream))
    assert isinstance(reply, Reply)
    assert (reply.status, dict(reply.headers)) == (
        429,
        {"retry-after": "7", "x-ratelimit-limit-requests": "1"},
    )
    assert KEY.encode() not in reply.body and b"rate_limit_exceeded" in reply.body


async def test_a_stream_yields_the_bytes_as_they_come(wire: OpenAIWire) -> None:
    """The first event is there before the second was sent."""
    go_on = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await go_on.wait()
        await response.write(b"data: [DONE]\n\n")
        return response

    async with serving(handle) as deployment:
        answer = await wire.stream(deployment, call(True))
        assert not isinstance(answer, Reply)
        pieces = aiter(answer)
        assert await anext(pieces) == b"data: 1\n\n"
        go_on.set()
        assert b"".join([piece async for piece in pieces]) == b"data: [DONE]\n\n"
        await answer.aclose()


async def test_closing_a_stream_drops_the_connection(wire: OpenAIWire) -> None:
    """The provider notices within a quarter of a second."""
    gone = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"data: 1\n\n")
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.CancelledError):
            gone.set()
            raise

    async with serving(handle) as deployment:
        answer = await wire.stream(deployment, call(True))
        assert not isinstance(answer, Reply)
        await anext(aiter(answer))
        await answer.aclose()
        await asyncio.wait_for(gone.wait(), 0.25)


async def test_cancelling_a_call_drops_the_connection(wire: OpenAIWire) -> None:
    """Also before the provider's first byte."""
    begun, gone = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        while await reader.read(1000):
            pass
        gone.set()

    async with talking(talk) as deployment:
        task = asyncio.ensure_future(wire.complete(deployment, replace(call(), timeout=Timeouts())))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 0.25)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"choices": ['])
@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_no_event_stream_comes_back_as_it_is(
    wire: OpenAIWire, body: bytes, stream: bool
) -> None:
    """Empty, HTML, half a JSON: the pipeline judges."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async with serving(handle) as deployment:
        reply = await (wire.stream if stream else wire.complete)(deployment, call(stream))
    assert isinstance(reply, Reply) and (reply.status, reply.body) == (200, body)


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_a_compressed_answer_is_unpacked(
    wire: OpenAIWire, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    """Although we asked for none; whole and streamed."""
    packed = pack(b"data: " + b"x" * 5000 + b"\n\n")

    async def handle(request: web.Request) -> web.StreamResponse:
        kind = "text/event-stream" if b"events" in await request.read() else "application/json"
        response = web.StreamResponse(headers={"content-encoding": encoding, "content-type": kind})
        await response.prepare(request)
        for at in range(0, len(packed), 7):
            await response.write(packed[at : at + 7])
        return response

    async with serving(handle) as deployment:
        assert (await wire.complete(deployment, call())).body.endswith(b"x\n\n")
        assert len(await gathered(await wire.stream(deployment, call(True, user="events")))) == 5008


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("br", b"x"), ("gzip", b"not gzip"), ("gzip", gzip.compress(b"x" * 100, mtime=0)[:-20])],
)
async def test_an_answer_that_cannot_be_unpacked_is_an_error(
    wire: OpenAIWire, encoding: str, body: bytes
) -> None:
    """Another encoding, a false one, a cut one."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={"content-encoding": encoding})

    async with serving(handle) as deployment:
        with pytest.raises(UpstreamError):
            await wire.complete(deployment, call())


async def test_an_empty_answer_needs_no_unpacking(wire: OpenAIWire) -> None:
    """Whatever its headers say."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(status=503, body=b"", headers={"content-encoding": "gzip"})

    async with serving(handle) as deployment:
        assert (await wire.complete(deployment, call())).status == 503


async def test_an_answer_that_is_too_long_is_refused(
    wire: OpenAIWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed or not, memory stays bounded."""
    monkeypatch.setattr(openai_wire, "MAX_REPLY_BYTES", 10_000)

    async def handle(request: web.Request) -> web.Response:
        if b"packed" in await request.read():
            return web.Response(body=gzip.compress(b"x" * 20_000), headers={"content-encoding": "gzip"})
        return web.Response(body=b"x" * 20_000)

    async with serving(handle) as deployment:
        for more in ({}, {"packed": True}):
            with pytest.raises(UpstreamError, match="too long"):
                await wire.complete(deployment, call(**more))


async def test_a_redirect_is_not_followed(wire: OpenAIWire) -> None:
    """A prompt must not travel to a place that nobody configured."""
    hits = []

    async def handle(request: web.Request) -> web.Response:
        hits.append(request.path)
        return web.Response(status=307, headers={"location": "/v1/elsewhere"})

    async with serving(handle) as deployment:
        with pytest.raises(Redirected, match="redirect"):
            await wire.complete(deployment, call())
    assert len(hits) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_a_refused_connection_is_unreachable(wire: OpenAIWire, stream: bool) -> None:
    """502 with its own code, and no address in the message."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    deployment = Deployment(
        "d", "alias", "openai_wire", "openai", "real", api_base=f"http://127.0.0.1:{port}/v1"
    )
    with pytest.raises(UpstreamError) as caught:
        await (wire.stream if stream else wire.complete)(deployment, call(stream))
    assert (caught.value.status, caught.value.code) == (502, "upstream_unreachable")
    assert str(port) not in caught.value.message


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"
PIECE = b"9\r\ndata: 1\n\n\r\n"


@pytest.mark.parametrize(
    ("stream", "said", "then", "error"),
    [
        (False, b"", "close", UpstreamError),
        (False, b"", "hang", UpstreamTimeout),
        (True, b"", "hang", UpstreamTimeout),
        (False, b"SMTP ready\r\n\r\n", "close", UpstreamError),
        (True, b"\x00\xff\x00\xff\r\n\r\n", "close", UpstreamError),
        (False, b"HTTP/1.1 200 OK\r\ncontent-le", "close", UpstreamError),
        (False, LENGTH + b'{"a":', "close", UpstreamError),
        (False, LENGTH + b'{"a":', "reset", UpstreamError),
        (False, LENGTH + b'{"a":', "hang", UpstreamTimeout),
        (True, HEAD + PIECE, "close", UpstreamError),
        (True, HEAD + PIECE, "reset", UpstreamError),
        (True, HEAD + PIECE, "hang", UpstreamTimeout),
        (True, HEAD + b"zz\r\n", "close", UpstreamError),
    ],
)
async def test_every_way_to_break_off_is_one_of_our_errors(
    wire: OpenAIWire, stream: bool, said: bytes, then: str, error: type[UpstreamError]
) -> None:
    """Closed, reset, silent, not HTTP: before the headers, within them, in the body."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await asyncio.sleep(0.02)
        if then == "reset":
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif then == "hang":
            while await reader.read(1000):
                pass

    async with talking(talk) as deployment:
        with pytest.raises(UpstreamError) as caught:
            if stream:
                await gathered(await wire.stream(deployment, call(True)))
            else:
                await wire.complete(deployment, call())
    assert type(caught.value) is error


async def test_a_stream_may_last_longer_than_its_idle_deadline(wire: OpenAIWire) -> None:
    """Only silence counts: ours while we wait, not the reader's pauses."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(6):
            await asyncio.sleep(0.05)
            await response.write(b"data: 1\n\n")
        return response

    async with serving(handle) as deployment:
        answer = await wire.stream(deployment, replace(call(True), timeout=replace(FAST, total=None)))
        assert not isinstance(answer, Reply)
        pieces = aiter(answer)
        await anext(pieces)
        await asyncio.sleep(0.2)
        assert b"".join([piece async for piece in pieces]) == b"data: 1\n\n" * 5


async def test_the_total_deadline_ends_a_stream_that_goes_on(wire: OpenAIWire) -> None:
    """When one is set."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await asyncio.sleep(0.02)
            await response.write(b"data: 1\n\n")

    async with serving(handle) as deployment:
        with pytest.raises(UpstreamTimeout):
            await gathered(
                await wire.stream(deployment, replace(call(True), timeout=replace(FAST, total=0.2)))
            )


PLACE = Deployment("d", "alias", "openai_wire", "openai", "real", api_base="https://h/v1", api_key=KEY)
AZURE = replace(PLACE, vendor="azure", api_base="https://h")


@pytest.mark.parametrize(
    ("deployment", "url"),
    [
        (PLACE, "https://h/v1/chat/completions"),
        (AZURE, "https://h/openai/deployments/real/chat/completions?api-version=2024-10-21"),
        (
            replace(AZURE, api_version="2025-01-01", model="a b"),
            "https://h/openai/deployments/a%20b/chat/completions?api-version=2025-01-01",
        ),
        (replace(AZURE, api_version="preview"), "https://h/openai/v1/chat/completions"),
        (replace(AZURE, api_base="https://h/openai/v1"), "https://h/openai/v1/chat/completions"),
        (
            replace(AZURE, api_base="https://h/openai"),
            "https://h/openai/deployments/real/chat/completions?api-version=2024-10-21",
        ),
    ],
)
def test_the_route_at_each_vendor(deployment: Deployment, url: str) -> None:
    """Azure has its own paths."""
    assert target(deployment, "/v1/chat/completions") == url


@pytest.mark.parametrize(
    ("deployment", "url"),
    [
        (PLACE, "responses"),
        (AZURE, "https://h/openai/v1/responses"),
        (replace(AZURE, api_base="https://h/openai/v1"), "https://h/openai/v1/responses"),
        (
            replace(AZURE, api_version="2025-04-01-preview"),
            "https://h/openai/responses?api-version=2025-04-01-preview",
        ),
    ],
)
def test_where_responses_are(deployment: Deployment, url: str) -> None:
    """Azure has them beside its deployments."""
    assert target(deployment, "/v1/responses").endswith(url)


@pytest.mark.parametrize(
    ("deployment", "headers"),
    [
        (PLACE, {"authorization": f"Bearer {KEY}"}),
        (AZURE, {"api-key": KEY}),
        (replace(AZURE, params={"azure_ad_token": "t"}), {"authorization": "Bearer t"}),
        (replace(PLACE, api_key=""), {}),
        (
            replace(PLACE, organization="o", headers={"x-a": "b"}),
            {"authorization": f"Bearer {KEY}", "openai-organization": "o", "x-a": "b"},
        ),
    ],
)
def test_the_key_stands_where_the_vendor_wants_it(deployment: Deployment, headers: dict[str, str]) -> None:
    """And nowhere else."""
    always = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "guardhouse"}
    assert request_headers(deployment, {}) == always | headers


RAW = b'{"model":  "real","messages":[ ]}'


@pytest.mark.parametrize(
    ("deployment", "payload", "body", "sent"),
    [
        (PLACE, {"model": "real", "messages": []}, RAW, RAW),
        (PLACE, {"model": "alias", "messages": []}, RAW, b'{"model":"real","messages":[]}'),
        (PLACE, {"model": "real"}, None, b'{"model":"real"}'),
        (replace(PLACE, defaults={"top_p": 1}), {"model": "real"}, RAW, b'{"model":"real","top_p":1}'),
        (replace(PLACE, defaults={"top_p": 1}), {"model": "real", "top_p": 0}, RAW, RAW),
    ],
)
def test_the_callers_bytes_go_untouched_when_they_can(
    deployment: Deployment, payload: dict[str, Any], body: bytes | None, sent: bytes
) -> None:
    """Written anew only for another model name, or a default that the caller left out."""
    assert body_bytes(deployment, Call(payload, body=body)) == sent
