"""The direct wire and stored objects: where they are, and how they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from proxy.config_deployments import Deployment
from proxy.errors import UpstreamTimeout
from proxy.providers.base import Call, Fetch, Reply
from proxy.providers.openai_wire import OpenAIWire, body_bytes, object_target
from tests.proxy.providers.test_openai_wire import AZURE, FAST, KEY, PLACE, serving


@pytest.fixture
async def wire() -> AsyncIterator[OpenAIWire]:
    """A provider, closed after the test."""
    provider = OpenAIWire()
    yield provider
    await provider.aclose()


@pytest.mark.parametrize(
    ("deployment", "path", "url"),
    [
        (PLACE, "/v1/responses/r", "https://h/v1/responses/r?limit=1"),
        (PLACE, "/v1/chat/completions", "https://h/v1/chat/completions?limit=1"),
        (AZURE, "/v1/responses/r/cancel", "https://h/openai/v1/responses/r/cancel?limit=1"),
        (
            replace(AZURE, api_version="2025-03-01"),
            "/v1/responses/r",
            "https://h/openai/responses/r?api-version=2025-03-01&limit=1",
        ),
        (replace(AZURE, api_version="2025-03-01"), "/v1/chat/completions/c", "https://h/openai/v1/chat/completions/c?limit=1"),
        (replace(AZURE, api_base="https://h/openai/v1"), "/v1/chat/completions/c", "https://h/openai/v1/chat/completions/c?limit=1"),
        (replace(AZURE, api_base="https://h/openai"), "/v1/chat/completions/c", "https://h/openai/v1/chat/completions/c?limit=1"),
    ],
)  # fmt: skip
def test_where_objects_are_kept(deployment: Deployment, path: str, url: str) -> None:
    """Azure keeps them beside its deployments."""
    assert object_target(deployment, path, "limit=1") == url
    assert object_target(deployment, path, "") == url.replace("?limit=1", "").replace("&limit=1", "")


def test_a_count_of_tokens_gets_no_fields_of_the_deployment() -> None:
    """It would refuse them."""
    place = replace(PLACE, defaults={"temperature": 0})
    call = Call({"model": "real", "input": "Hi"}, "/v1/responses/input_tokens")

    assert orjson.loads(body_bytes(place, call)) == {"model": "real", "input": "Hi"}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        (Fetch("GET", "/v1/responses/r", "a=b", headers={"cookie": "c", "openai-beta": "x"}), b""),
        (Fetch("DELETE", "/v1/responses/r"), b""),
        (Fetch("POST", "/v1/responses/r/cancel"), b""),
        (Fetch("POST", "/v1/chat/completions/c", body=b'{"metadata":{}}'), b'{"metadata":{}}'),
    ],
)
async def test_an_object_is_asked_for_as_told(wire: OpenAIWire, asked: Fetch, sent: bytes) -> None:
    """Method, path, query and body; of the caller's headers those alone that choose features."""
    came: list[Any] = []

    async def handle(request: web.Request) -> web.Response:
        came.append((request.method, request.path_qs, await request.read(), request.headers.copy()))
        return web.Response(status=409, text=f'{{"error": "{KEY}"}}')

    async with serving(handle) as deployment:
        answer = await wire.fetch(deployment, asked)

    assert isinstance(answer, Reply)
    assert (answer.status, KEY.encode() in answer.body) == (409, False)
    [(method, target, body, headers)] = came
    assert (method, target) == (asked.method, asked.path + (f"?{asked.query}" if asked.query else ""))
    assert body == sent
    assert "cookie" not in headers
    assert ("openai-beta" in headers) is ("openai-beta" in asked.headers)
    assert ("content-type" in headers) is bool(sent)
    assert headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("stream", [False, True])
async def test_events_are_a_stream_only_where_one_was_asked_for(wire: OpenAIWire, stream: bool) -> None:
    """Else they are a whole body, which no dialect takes for an answer."""

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=b"data: {}\n\n", content_type="text/event-stream")

    async with serving(handle) as deployment:
        answer = await wire.fetch(deployment, Fetch("GET", "/v1/responses/r", stream=stream))
        assert isinstance(answer, Reply) is not stream
        body = answer.body if isinstance(answer, Reply) else b"".join([piece async for piece in answer])

    assert body == b"data: {}\n\n"


async def test_an_object_that_is_late_is_a_timeout(wire: OpenAIWire) -> None:
    """By the deadlines of the deployment."""

    async def handle(request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    async with serving(handle) as deployment:
        with pytest.raises(UpstreamTimeout):
            await wire.fetch(replace(deployment, whole=FAST), Fetch("GET", "/v1/responses/r"))
