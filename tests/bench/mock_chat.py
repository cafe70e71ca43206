"""A chat endpoint for benchmarks of the eval runner: `python -m tests.bench.mock_chat PORT [JSON]`.

It answers after a while, fails as often as it is told, and counts what it did. The JSON may set `delay_s`, `throttled`, `broken` and
`hanging` (shares of the calls, 0 to 1), `retry_after` (the header's text) and `seed`. An answer is made from the last message alone,
so that equal questions get equal answers. `GET /counts` tells calls by what became of them, and the tokens it has put on the bill.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_REASONS = {200: b"OK", 429: b"Too Many Requests", 500: b"Internal Server Error"}


class Bench:
    """What all connections share: how to behave, by chance from one seed, and the counts."""

    def __init__(
        self,
        delay_s: float = 0.05,
        throttled: float = 0.0,
        broken: float = 0.0,
        hanging: float = 0.0,
        retry_after: str = "1",
        seed: int = 9,
    ) -> None:
        self.delay_s, self.retry_after = delay_s, retry_after
        self._shares = (("throttled", throttled), ("broken", broken), ("hanging", hanging))
        self._chance = Random(seed)
        self.counts: Counter[str] = Counter()

    def fate(self) -> str:
        """What becomes of the next call."""
        drawn = self._chance.random()
        for name, part in self._shares:
            if drawn < part:
                return name
            drawn -= part
        return "answered"


def answer(asked: dict[str, Any]) -> tuple[bytes, int, int]:
    """The completion for a request, and its prompt and completion tokens."""
    said = str(asked["messages"][-1]["content"])
    text = f"{hashlib.sha256(said.encode()).hexdigest()[:12]} is what is said about {said[-40:]}"
    prompt, completion = 1 + len(said) // 4, 1 + len(text) // 4
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    made = {"id": "c", "object": "chat.completion", "created": 1, "model": "mock-1"}
    return json.dumps({**made, "choices": [choice], "usage": usage}).encode(), prompt, completion


def http(status: int, body: bytes, header: str = "") -> bytes:
    """A whole HTTP response."""
    return b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s" % (
        status,
        _REASONS[status],
        header.encode(),
        len(body),
        body,
    )


class Connection(asyncio.Protocol):
    """One caller's connection; one call at a time."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._seen = bench, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._seen, 0, end)
            size = end + 4 + (int(found[1]) if found else 0)
            if len(self._seen) < size:
                return
            asked, self._seen = self._seen[:size], self._seen[size:]
            self._reply(asked, asked[end + 4 :])

    def _reply(self, asked: bytes, body: bytes) -> None:
        if asked.startswith(b"GET /counts"):
            self._transport.write(http(200, json.dumps(self._bench.counts).encode()))
        elif asked.startswith(b"GET"):
            self._transport.write(http(200, b'{"object":"list","data":[]}'))
        else:
            self._later(self._bench.fate(), body)

    def _later(self, fate: str, body: bytes) -> None:
        """What becomes of a call is counted when it comes in; its tokens when the answer leaves."""
        counts = self._bench.counts
        counts["calls"] += 1
        counts[fate] += 1
        counts["open"] += 1
        counts["most_open"] = max(counts["most_open"], counts["open"])
        act: Callable[[], None] = {
            "throttled": lambda: self._send(http(429, b"{}", f"retry-after: {self._bench.retry_after}\r\n")),
            "broken": lambda: self._send(http(500, b"{}")),
            "hanging": lambda: None,
            "answered": lambda: self._answer(body),
        }[fate]
        asyncio.get_running_loop().call_later(self._bench.delay_s, act)
        if fate == "hanging":
            counts["open"] -= 1

    def _answer(self, body: bytes) -> None:
        made, prompt, completion = answer(json.loads(body))
        self._bench.counts["prompt_tokens"] += prompt
        self._bench.counts["completion_tokens"] += completion
        self._send(http(200, made))

    def _send(self, response: bytes) -> None:
        self._bench.counts["open"] -= 1
        with contextlib.suppress(RuntimeError):
            self._transport.write(response)


def main() -> None:
    """Run on the port that is named, as it is told to behave."""

    async def run() -> None:
        bench = Bench(**(json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}))
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(bench), "127.0.0.1", int(sys.argv[1]))
        await server.serve_forever()

    uvloop.run(run())


if __name__ == "__main__":
    main()
