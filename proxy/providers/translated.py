"""The Messages dialect for vendors that do not speak it: asked as a chat, and the answer told as a message."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace

import orjson

from proxy.config_deployments import Deployment
from proxy.dialects.reply_body import reply_object
from proxy.providers.base import Call, EventStream, Provider, Reply, ReplyStream
from proxy.providers.messages_answer import Events, error, message
from proxy.providers.messages_request import chat_request
from proxy.sse import Decoder


class Translated:
    """Reaches deployments through another provider's chat completions."""

    name = "translated"

    def __init__(self, inner: Provider) -> None:
        self._inner = inner

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The whole answer as a message; a refusal in Anthropic's envelope."""
        return _message(await self._inner.complete(deployment, _chat(deployment, call)), deployment)

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The answer as events, without an end when the provider gave no reason for its own."""
        answer = await self._inner.stream(deployment, _chat(deployment, call))
        if isinstance(answer, Reply):
            return _message(answer, deployment)
        return EventStream(_events(answer, deployment), answer.headers, answer.status)

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self._inner.aclose()


def _chat(deployment: Deployment, call: Call) -> Call:
    asked = chat_request(call.payload, deployment.vendor)
    return replace(call, payload=asked, path="/v1/chat/completions", body=None)


def _message(reply: Reply, deployment: Deployment) -> Reply:
    if reply.status >= 400:
        return replace(reply, body=error(reply.body, reply.status))
    told = reply_object(reply.body)
    if told.get("error"):
        return replace(reply, status=502, body=error(reply.body, 502))
    return replace(reply, body=orjson.dumps(message(told, deployment.model)))


async def _events(chunks: ReplyStream, deployment: Deployment) -> AsyncGenerator[bytes, None]:
    decoder, events = Decoder(), Events(deployment.model)
    try:
        async for data in chunks:
            if frames := b"".join(map(events.feed, decoder.feed(data))):
                yield frames
        if last := events.end():
            yield last
    finally:
        await chunks.aclose()
