"""A provider for benchmarks, scripted and fast: `python -m tests.bench.mock_provider PORT`.

The model's name says what to answer (`tests/bench/chats.py` has them all): `bench` the same whole answer, or a stream when one is asked for;
`...-front` and `...-behind` 100 chunks whose words have their space in front or behind; `...-paced` the same, 10 ms apart; `...-short` the first 20 of
these. `GET /last` gives the last request's body, `GET /sent` when each chunk of each paced stream was sent since it was last asked.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from typing import Any, ClassVar

import uvloop

CHUNKS, SHORT = 100, 20
GAP = 0.01
"""Seconds between the chunks of a paced stream."""
ANSWER = "The committee met on Tuesday and agreed to look at the matter again in the spring. " * 2
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_MODEL = re.compile(rb'"model": ?"bench(-front|-behind)?(-paced|-short)?"')
_STREAM = re.compile(rb'"stream": ?true')
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


def completion() -> bytes:
    """The whole answer as an HTTP response."""
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 40, "completion_tokens": 30, "total_tokens": 70}
    made = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return _whole(json.dumps({**made, "choices": [choice], "usage": usage}).encode())


def _http(event: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(event), event)


def _event(delta: dict[str, str], finish: str | None = None, name: str = "c") -> bytes:
    made = {"id": name, "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _http(b"data: " + json.dumps({**made, "choices": [choice]}).encode() + b"\n\n")


def texts(behind: bool) -> list[str]:
    """The text of each chunk of a stream: one word with its space."""
    words = (ANSWER.split() * CHUNKS)[:CHUNKS]
    return [f"{each} " if behind else f" {each}" for each in words]


def script(behind: bool, name: str = "c") -> list[bytes]:
    """The pieces of a streamed answer of some id, each one HTTP chunk: the head, each text, the end."""
    return [
        _HEAD + _event({"role": "assistant", "content": ""}, name=name),
        *(_event({"content": each}, name=name) for each in texts(behind)),
        _event({}, "stop", name) + _http(b"data: [DONE]\n\n") + b"0\r\n\r\n",
    ]


class Provider(asyncio.Protocol):
    """Answers every request at once; a stream chunk by chunk, one write and one turn of the loop each."""

    whole = completion()
    scripts: ClassVar = {behind: script(behind) for behind in (False, True)}
    last = b""
    sent: ClassVar[dict[str, list[float]]] = {}

    def connection_made(self, transport: Any) -> None:
        self.transport, self.seen = transport, b""

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while (end := self.seen.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self.seen, 0, end)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self.seen) < size:
                return
            asked, self.seen = self.seen[:size], self.seen[size:]
            self.answer(asked, end + 4)

    def answer(self, asked: bytes, at: int) -> None:
        """Answer one request whose body begins at a place."""
        if asked.startswith(b"GET /sent"):
            told, Provider.sent = Provider.sent, {}
            self.transport.write(_whole(json.dumps(told).encode()))
            return
        if asked.startswith(b"GET"):
            self.transport.write(_whole(Provider.last))
            return
        Provider.last = asked[at:]
        if _STREAM.search(asked, at) is None:
            self.transport.write(self.whole)
            return
        model = _MODEL.search(asked, at)
        behind = model is not None and model[1] == b"-behind"
        if model is not None and model[2]:
            streamed = self.paced(behind, CHUNKS if model[2] == b"-paced" else SHORT)
        else:
            streamed = self.stream(behind)
        self.streaming = asyncio.ensure_future(streamed)

    async def stream(self, behind: bool) -> None:
        """As fast as it is read."""
        for piece in self.scripts[behind]:
            self.transport.write(piece)
            await asyncio.sleep(0)

    async def paced(self, behind: bool, count: int) -> None:
        """A chunk each 10 ms, the first at once."""
        begun = time.monotonic()
        name = f"c-{time.monotonic_ns()}"
        sent = Provider.sent[name] = []
        head, *said, last = script(behind, name)
        self.transport.write(head)
        for place, piece in enumerate(said[:count]):
            sent.append(time.monotonic())
            self.transport.write(piece)
            await asyncio.sleep(begun + (place + 1) * GAP - time.monotonic())
        self.transport.write(last)


def main() -> None:
    """Run on the port that is named."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", int(sys.argv[1]))
        await server.serve_forever()

    uvloop.run(run())


if __name__ == "__main__":
    main()
