"""One exchange through the whole proxy, in this process: what its provider, its caller and its trace got to see."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from proxy.app import App
from proxy.config_deployments import Deployment
from proxy.providers.base import Call, EventStream, Reply, ReplyStream
from proxy.providers.openai_wire import body_bytes
from proxy.routing import Router
from tests.contract.shapes import strings
from tests.proxy.policies import INPUTS, policy
from tests.servers import ADMIN_KEY, make_app

SECRET = "AKIA" + "QX7ZLM2W" * 2
"""A value of the shape of an access key, that the policy knows; in this repository it stands in two parts."""
SAID = {"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}
HELLO = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-real",
    "choices": [SAID],
}


@dataclass
class Scripted:
    """A provider that keeps the bytes it would have been sent, and answers with what it was given."""

    name: str = "openai_wire"
    answer: bytes | Sequence[bytes] = b""
    """A whole body, or the payloads of a stream's events."""
    status: int = 200
    sent: list[bytes] = field(default_factory=list)

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The whole answer."""
        self.sent.append(body_bytes(deployment, call))
        assert isinstance(self.answer, bytes)
        return Reply(self.status, {}, self.answer)

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The answer as events, when it is one of several payloads."""
        if isinstance(self.answer, bytes):
            return await self.complete(deployment, call)
        self.sent.append(body_bytes(deployment, call))
        return EventStream(self._events(self.answer), {})

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _events(self, payloads: Sequence[bytes]) -> AsyncGenerator[bytes, None]:
        for payload in payloads:
            yield b"data: " + payload + b"\n\n"


@dataclass
class Passage:
    """A proxy with one rule, which knows SECRET and acts in every stage."""

    app: App
    provider: Scripted
    path: str = "/v1/chat/completions"

    async def send(
        self,
        request: dict[str, Any],
        answer: Any = None,
        status: int = 200,
        path: str | None = None,
    ) -> Seen:
        """What everybody saw of one exchange. `answer` is a reply, or a list of stream chunks."""
        whole = answer is None or isinstance(answer, dict)
        self.provider.answer = (
            orjson.dumps(answer or HELLO) if whole else [*map(orjson.dumps, answer), b"[DONE]"]
        )
        self.provider.status = status
        self.provider.sent.clear()
        recorder: Any = self.app.context.recorder
        recorder.forget()
        told = await _ask(self.app, orjson.dumps(request), path or self.path)
        [trace] = recorder.documents
        return Seen(b"".join(self.provider.sent).decode(), told, json.dumps(trace))


@dataclass(frozen=True)
class Seen:
    """What the provider, the caller (body, pieces of a stream joined) and the trace hold."""

    provider: str
    caller: str
    trace: str


def key_policy(action: str, *more: dict[str, Any]) -> str:
    """A policy whose first rule knows SECRET and takes that action in every stage; `more` come after it."""
    rule = {
        "id": "key",
        "check": "words",
        "with": {"patterns": [{"name": "KEY", "regex": "AKIA[A-Z0-9]{16}"}]},
        "stages": [*INPUTS, "tool_call", "output"],
        "action": action,
    }
    return policy([rule, *more], unscannable="allow")


def passage(folder: Path, action: str, path: str = "/v1/chat/completions") -> Passage:
    """A proxy whose only rule takes that action."""
    app = make_app(folder, "http://127.0.0.1:9/v1", key_policy(action))
    provider = Scripted()
    router = Router(app.context.config, {provider.name: provider})
    app = App(replace(app.context, router=router), app.context.recorder, app._state)
    return Passage(app, provider, path)


async def _ask(app: App, body: bytes, path: str) -> str:
    """The body of the reply to one request; a stream's with its texts joined again."""
    pieces: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: Any) -> None:
        pieces.append(message.get("body", b""))

    headers = [(b"authorization", f"Bearer {ADMIN_KEY}".encode())]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    await app(scope, receive, send)
    told = b"".join(pieces).decode()
    return f"{told}\n{_joined(told)}" if told.startswith(("data: ", "event: ")) else told


def _joined(events: str) -> str:
    """The strings of a stream's events, those of one place after each other."""
    texts: dict[str, list[str]] = {}
    for event in events.split("\n\n"):
        payload = (
            event.rpartition("data: ")[2] if event.startswith("event: ") else event.removeprefix("data: ")
        )
        if payload and payload != "[DONE]":
            for path, text in strings(json.loads(payload)):
                texts.setdefault(path, []).append(text)
    return "\n".join("".join(parts) for parts in texts.values())
