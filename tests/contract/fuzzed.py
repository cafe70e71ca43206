"""One fuzzed exchange through the whole proxy, in this process, and what must hold of it however it was spoiled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from proxy.app import App
from proxy.config_deployments import Deployment
from proxy.providers.base import Call, EventStream, Reply, ReplyStream
from proxy.providers.openai_wire import body_bytes
from proxy.routing import Router
from proxy.sse import Decoder
from tests.contract.claude import models
from tests.contract.fuzzing import Fuzzed
from tests.contract.passage import SECRET, key_policy
from tests.servers import ADMIN_KEY, make_app

PATIENCE = 20.0
"""Seconds after which an exchange hangs."""
ACTIONS = ("redact", "block", "judge")
JUDGE = {
    "id": "tools",
    "check": "tools",
    "with": {"declared": False, "deny": ["never"]},
    "stages": ["tool_call"],
    "action": "flag",
}
OURS = frozenset({502, 504})
"""The only statuses from 500 on that the proxy itself may answer with: the provider was at fault."""


@dataclass
class Spoiler:
    """A provider that keeps what it would have been sent, and answers with bytes as they are."""

    sent: list[bytes] = field(default_factory=list)
    status: int = 200
    answer: bytes | list[bytes] = b""
    name: str = "openai_wire"

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """All of the answer."""
        self.sent.append(body_bytes(deployment, call))
        body = self.answer if isinstance(self.answer, bytes) else b"".join(self.answer)
        return Reply(self.status, {}, body)

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The answer in its pieces."""
        if isinstance(self.answer, bytes) or self.status >= 400:
            return await self.complete(deployment, call)
        self.sent.append(body_bytes(deployment, call))
        return EventStream(self._pieces(self.answer), {})

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _pieces(self, pieces: list[bytes]) -> AsyncGenerator[bytes, None]:
        for piece in pieces:
            yield piece


@dataclass
class Fuzz:
    """A proxy whose only rule knows the secret, in front of such a provider."""

    app: App
    provider: Spoiler
    told: bytes = b""
    """What the caller got last."""

    async def check(self, fuzzed: Fuzzed) -> int:
        """The status it is answered with. Raises AssertionError for what must not be."""
        self.provider.sent.clear()
        self.provider.status, self.provider.answer = fuzzed.status, fuzzed.answer
        recorder: Any = self.app.context.recorder
        recorder.forget()
        async with asyncio.timeout(PATIENCE):
            status, told = await ask(self.app, fuzzed.path, fuzzed.body)
        [trace] = recorder.documents
        assert all(SECRET not in seen(sent, fuzzed.path) for sent in self.provider.sent), (
            "the provider got the secret"
        )
        self.told = told
        assert SECRET not in seen(told, fuzzed.path), "the caller got the secret"
        assert SECRET not in json.dumps(trace), "the trace has the secret"
        if status >= 500 and status not in OURS:
            assert trace["upstream_called"] and fuzzed.status == status, "a fault of ours"
        if status >= 400:
            assert is_error(json.loads(told)), "no error as the API tells it"
        return status


def fuzz(folder: Path, action: str, block_style: str = "error", **keys: Any) -> Fuzz:
    """A proxy whose rule takes that action; `judge` redacts, and another rule looks at calls as a whole.

    `keys` are members of the configuration's `guardhouse`.
    """
    text = key_policy("redact", JUDGE) if action == "judge" else key_policy(action)
    styled = json.dumps({**json.loads(text), "block_style": block_style})
    app = make_app(folder, "http://127.0.0.1:9/v1", styled, models(9), **keys)
    provider = Spoiler()
    names = ("openai_wire", "anthropic_wire", "litellm", "fake")
    router = Router(app.context.config, dict.fromkeys(names, provider))
    return Fuzz(App(replace(app.context, router=router), app.context.recorder, app._state), provider)


def is_error(document: Any) -> bool:
    """Whether a document is an error in OpenAI's envelope or Anthropic's."""
    return isinstance(document, dict) and isinstance(document["error"]["message"], str)


async def ask(app: App, path: str, body: bytes, method: str = "POST") -> tuple[int, bytes]:
    """Status and body that a request is answered with."""
    pieces: list[bytes] = []
    statuses: list[int] = []
    asked = [{"type": "http.request", "body": body}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await asyncio.sleep(2 * PATIENCE)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])
        pieces.append(message.get("body", b""))

    headers = [(b"authorization", f"Bearer {ADMIN_KEY}".encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    await app(scope, receive, send)
    [status] = statuses
    return status, b"".join(pieces)


# --- what somebody can read


def seen(data: bytes, path: str) -> str:
    """All that a client of a route may read in some bytes: as they stand, unescaped, a stream's texts put together."""
    texts = [data.decode("utf-8", "replace")]
    if data.startswith((b"data:", b"event:", b":")):
        payloads = [payload for payload in Decoder().feed(data) if payload != b"[DONE]"]
        told = [json.loads(payload, object_pairs_hook=_members) for payload in payloads]
        texts += [text for document in told for text in _strings(document)]
        texts += _joined(map(json.loads, payloads), path)
    elif data:
        texts += _strings(json.loads(data, object_pairs_hook=_members))
    return "\n".join(texts)


def _members(pairs: list[tuple[str, Any]]) -> list[Any]:
    """An object as a list, so that a member given twice is not lost."""
    names = [name for name, _ in pairs]
    assert len(names) == len(set(names)), "a member is given twice"
    return [part for pair in pairs for part in pair]


def _strings(value: Any) -> list[str]:
    found: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
            if item[:1] in ("{", "[", '"'):
                try:
                    stack.append(
                        json.loads(item, object_pairs_hook=lambda pairs: [p for pair in pairs for p in pair])
                    )
                except (ValueError, RecursionError):
                    pass
        elif isinstance(item, list | tuple):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend([*item, *item.values()])
    return found


def _joined(events: Any, path: str) -> list[str]:
    """The texts that a client puts together from the events of a stream, by where they belong."""
    lanes: dict[tuple[Any, ...], list[str]] = {}
    for event in events:
        if not isinstance(event, dict):
            continue
        if path.endswith("/completions"):
            for choice in event.get("choices") or ():
                if isinstance(choice, dict):
                    _collect(
                        lanes,
                        (json.dumps(choice.get("index")),),
                        {k: v for k, v in choice.items() if k != "index"},
                    )
        else:
            at = tuple(
                json.dumps(event.get(name))
                for name in ("type", "index", "item_id", "output_index", "content_index", "summary_index")
            )
            _collect(lanes, at, event.get("delta"))
    return ["".join(parts) for parts in lanes.values()]


def _collect(lanes: dict[tuple[Any, ...], list[str]], at: tuple[Any, ...], value: Any) -> None:
    if isinstance(value, str):
        lanes.setdefault(at, []).append(value)
    elif isinstance(value, dict):
        for name, inner in value.items():
            _collect(lanes, (*at, name), inner)
    elif isinstance(value, list):
        for inner in value:
            own = inner.get("index") if isinstance(inner, dict) else None
            _collect(lanes, (*at, json.dumps(own)), inner)
