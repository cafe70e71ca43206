"""A load client: a few connections that each ask again as soon as they have their answer."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import uvloop

from tests.bench.chats import Chat

_TEXT = re.compile(rb'"content": ?"((?:[^"\\]|\\.)*)"')
_NAME = re.compile(rb'"id": ?"([^"]+)"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)


class Refused(RuntimeError):
    """An answer that is not 200, or a connection that ended without one."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go, and what a certain proxy wants in them."""

    port: int
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def head(self, length: int) -> bytes:
        """The head of a request whose body has some bytes."""
        lines = {
            "host": "bench",
            "content-type": "application/json",
            "content-length": length,
            **self.headers,
        }
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST /v1/chat/completions HTTP/1.1\r\n{told}\r\n".encode()


@dataclass(slots=True)
class Load:
    """What came of some load. All times are seconds."""

    count: int = 0
    elapsed: float = 0.0
    waits: list[float] = field(default_factory=list)
    """From a request to the end of its answer."""
    first: list[float] = field(default_factory=list)
    """From a request to the first text of its stream."""
    arrived: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    """Of each paced stream, by its id: how many characters of text were here by when (`time.monotonic`)."""
    delays: list[float] = field(default_factory=list)
    """From the provider's sending of a chunk to its whole text being here (`late`)."""
    sent: int = 0
    """Chunks that the provider sent in these streams."""
    whole: int = 0
    """Paced streams whose first text came with the end."""


class Caller(asyncio.Protocol):
    """One connection. Asks until a moment has passed or nothing is left to ask."""

    def __init__(self, requests: Iterator[bytes], until: float, told: Load, timed: bool) -> None:
        self.requests, self.until, self.told, self.timed = requests, until, told, timed
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """The next request, or the end."""
        request = next(self.requests, None) if time.perf_counter() < self.until else None
        if request is None:
            self.finish(None)
            return
        self.seen, self.body, self.size = b"", 0, -1
        self.text, self.read, self.began = 0, 0, 0.0
        self.asked = time.perf_counter()
        self.transport.write(request)

    def finish(self, problem: Refused | None) -> None:
        """Nothing more is asked."""
        if not self.end.done():
            if problem:
                self.end.set_exception(problem)
            else:
                self.end.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.finish(Refused("the connection ended"))

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self.seen += data
        if not self.body and not self.headed():
            return
        if self.size < 0:
            self.listen(now)
            complete = self.seen.endswith(b"0\r\n\r\n")
        else:
            complete = len(self.seen) >= self.body + self.size
        if complete:
            told = self.told
            told.count += 1
            told.waits.append(now - self.asked)
            told.whole += self.timed and self.began == now
            self.ask()

    def headed(self) -> bool:
        """Whether the head of the answer is here."""
        end = self.seen.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self.seen.startswith(b"HTTP/1.1 200"):
            self.finish(Refused(self.seen[:400].decode(errors="replace")))
            return False
        found = _LENGTH.search(self.seen, 0, end)
        self.body, self.size = end + 4, int(found[1]) if found else -1
        self.read = self.body
        return True

    def listen(self, now: float) -> None:
        """The first text of a stream, and when the text of a paced one came."""
        if self.began and not self.timed:
            return
        before = self.text
        for found in _TEXT.finditer(self.seen, self.read):
            self.read = found.end()
            self.text += len(found[1])
        if self.text == before:
            return
        if not self.began:
            self.began = now
            self.told.first.append(now - self.asked)
            name = _NAME.search(self.seen, self.body)
            self.came = self.told.arrived.setdefault(name[1].decode(), []) if self.timed and name else []
        self.came.append((self.text, time.monotonic()))


def late(came: Sequence[tuple[int, float]], sent: Sequence[float], texts: Sequence[str]) -> list[float]:
    """Seconds from a chunk's sending to the last letter of its word being here, of each chunk that came."""
    delays, end, steps = [], 0, iter(came)
    size, when = 0, 0.0
    for text, begun in zip(texts, sent, strict=False):
        letters, end = end + len(text.rstrip()), end + len(text)
        while size < letters:
            if (step := next(steps, None)) is None:
                return delays
            size, when = step
        delays.append(when - begun)
    return delays


def load(address: Address, chat: Chat, connections: int, seconds: float, most: int | None = None) -> Load:
    """Asks the same kind of chat from a few connections for some seconds, or until `most` requests were sent.

    Raises:
        Refused: an answer is not 200.
    """
    bodies = chat.bodies(dict(address.extra), time.monotonic_ns() // 1000)
    head = address.head(len(next(bodies)))
    requests = (head + body for body in islice(bodies, most))
    told = Load()

    async def run() -> None:
        loop, callers, begun = asyncio.get_running_loop(), [], time.perf_counter()

        def caller() -> Caller:
            return Caller(requests, begun + seconds, told, chat.paced)

        for _ in range(connections):
            callers.append((await loop.create_connection(caller, "127.0.0.1", address.port))[1])
            await asyncio.sleep(
                0.01 / connections
            )  # or all chunks of all streams would come at the same moment
        await asyncio.gather(*(each.end for each in callers))
        told.elapsed = time.perf_counter() - begun

    uvloop.run(run())
    return told
