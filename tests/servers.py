"""Real servers for tests: a provider that does what it is told, and the proxy in front of it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from proxy.app import App, create_app
from proxy.document import document
from proxy.exchange import Exchange
from proxy.listener import Listener
from proxy.server import uvicorn_config
from proxy.settings import Settings
from tests.proxy.store.databases import prepared

ADMIN_KEY = "gh-test-admin-key"


@dataclass
class Script:
    """One answer of the provider."""

    pieces: list[bytes]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before each piece."""
    first_delay: float = 0.0
    """Seconds before the status line."""
    stall: float = 0.0
    """Seconds after the last piece, before the end."""
    chunked: bool = True
    cut: bool = False
    """Close the connection without a proper end."""


def whole(message: dict[str, Any] | None = None, /, **more: Any) -> Script:
    """A completion with these messages (or one message) as its choices."""
    messages = more.pop("messages", None) or [message or {"role": "assistant", "content": "Hello!"}]
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-real",
        "choices": [
            {"index": n, "message": {"role": "assistant", **m}, "finish_reason": "stop"}
            for n, m in enumerate(messages)
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        **more,
    }
    return raw(orjson.dumps(body))


def raw(body: bytes, status: int = 200, **headers: str) -> Script:
    """Any body, as JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script([body], status, {"content-type": "application/json", **named}, chunked=False)


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any
) -> bytes:
    """One stream event."""
    choices = [{"index": index, "delta": delta or {}, "finish_reason": finish}]
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-real",
        "choices": choices,
    }
    return b"data: " + orjson.dumps({**body, **more}) + b"\n\n"


def stream(pieces: list[bytes], **options: Any) -> Script:
    """Stream events as they stand."""
    return Script(pieces, headers={"content-type": "text/event-stream"}, **options)


def said(text: str, cut: Callable[[str], list[str]] = list, field: str = "content") -> Script:
    """A text streamed in pieces, properly ended."""
    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({field: piece}) for piece in cut(text)]
    return stream([*events, chunk({}, "stop"), b"data: [DONE]\n\n"])


class Upstream:
    """A provider on a real socket, in its own thread."""

    def __init__(self) -> None:
        self.script: Script | Callable[[dict[str, Any]], Script] = whole()
        self.bodies: list[bytes] = []
        self.headers: list[bytes] = []
        self.closed: list[float] = []
        """When a client closed while an answer was under way (time.monotonic)."""
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(5)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The request bodies that came, parsed."""
        return [json.loads(body) for body in self.bodies]

    def reset(self) -> None:
        """Forget what came."""
        self.bodies.clear()
        self.headers.clear()
        self.closed.clear()
        self.script = whole()

    def stop(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length")
                ]
                length = lengths[0] if lengths else 0
                body = await reader.readexactly(length)
                self.headers.append(head)
                self.bodies.append(body)
                script = self.script(json.loads(body or b"{}")) if callable(self.script) else self.script
                if not await self._answer(reader, writer, script):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, script: Script
    ) -> bool:
        left = asyncio.ensure_future(reader.read(1))
        telling = asyncio.ensure_future(self._tell(writer, script))
        await asyncio.wait({left, telling}, return_when=asyncio.FIRST_COMPLETED)
        if left.done() and not telling.done():
            self.closed.append(time.monotonic())
            telling.cancel()
            return False
        left.cancel()
        await asyncio.wait({left})
        await telling
        return not script.cut

    async def _tell(self, writer: asyncio.StreamWriter, script: Script) -> None:
        await asyncio.sleep(script.first_delay)
        head = f"HTTP/1.1 {script.status} X\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in script.headers.items())
        if script.chunked:
            head += "transfer-encoding: chunked\r\n"
        else:
            head += f"content-length: {sum(map(len, script.pieces))}\r\n"
        writer.write(head.encode() + b"\r\n")
        for piece in script.pieces:
            if script.delay:
                await asyncio.sleep(script.delay)
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if script.chunked else piece)
            await writer.drain()
            await asyncio.sleep(0)
        await asyncio.sleep(script.stall)
        if script.chunked and not script.cut:
            writer.write(b"0\r\n\r\n")
        await writer.drain()


class MemoryRecorder:
    """Keeps documents of exchanges in a list."""

    accepting = True

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.drafts: list[dict[str, Any]] = []
        self.busy: Callable[[], bool] = bool
        """Whether an exchange is under way whose document is still to come."""

    def start(self) -> None:
        """Nothing to start."""

    def close(self) -> None:
        """Nothing to close."""

    def record(self, exchange: Exchange, waits: bool = False) -> None:
        """Keep the exchange's document."""
        self.documents.append(document(exchange))

    def draft(self, exchange: Exchange) -> None:
        """Keep it apart: the whole follows."""
        self.drafts.append(document(exchange))

    def take(self, documents: Sequence[dict[str, Any]]) -> None:
        """Keep them as they are."""
        self.documents.extend(documents)

    async def written(self, id: str) -> None:
        """At once."""

    def last(self, wait: float = 20.0) -> dict[str, Any]:
        """The only document since the last call, however late it comes."""
        until = time.monotonic() + wait
        while not self.documents and time.monotonic() < until:
            time.sleep(0.005)
        [found] = self.documents
        self.documents.clear()
        return found

    def forget(self, wait: float = 10.0) -> None:
        """Begins anew, once what is under way has left its documents: they come after the reply."""
        until = time.monotonic() + wait
        while self.busy() and time.monotonic() < until:
            time.sleep(0.002)
        self.documents.clear()


@dataclass
class Running:
    """A proxy that serves, and what it recorded."""

    port: int
    app: App
    recorder: MemoryRecorder
    loop: asyncio.AbstractEventLoop
    """The event loop that it serves on, in a thread of its own."""

    @property
    def url(self) -> str:
        """Base URL for clients."""
        return f"http://127.0.0.1:{self.port}/v1"


def make_app(
    folder: Path, api_base: str, policy: str, models: list[dict[str, Any]] | None = None, **keys: Any
) -> App:
    """The proxy's app for one provider, with an inline policy and a recorder in memory."""
    models = models or [
        {
            "model_name": name,
            "litellm_params": {
                "model": "openai/gpt-real",
                "api_base": api_base,
                "api_key": "sk-upstream-secret",
            },
        }
        for name in ("gpt-test", "gpt-real", "org/model")
    ]
    config = {
        "model_list": models,
        "router_settings": {"num_retries": 0, "timeout": 10},
        "guardhouse": {"data_dir": str(folder / "data"), "policy": json.loads(policy), **keys},
    }
    file = folder / "guardhouse.yaml"
    file.write_text(json.dumps(config))
    prepared(folder / "data" / "guardhouse.sqlite3")
    app = create_app(Settings(config=file, admin_key=ADMIN_KEY))
    recorder = MemoryRecorder()
    return App(replace(app.context, recorder=recorder), recorder, app._state)


@contextmanager
def served(app: App) -> Iterator[Running]:
    """The app on a real port, served as `guardhouse serve` does it."""
    config = uvicorn_config(app)
    config.host, config.port = "127.0.0.1", 0
    server = Listener(config, app)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.005)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        recorder = app.context.recorder
        if isinstance(recorder, MemoryRecorder):
            recorder.busy = lambda: bool(server.server_state.tasks)
        yield Running(port, app, recorder, server.servers[0].get_loop())
    finally:
        server.should_exit = True
        thread.join(10)
