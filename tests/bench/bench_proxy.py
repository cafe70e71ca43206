"""What our data path costs beside a bare pass-through, measured in turn in one run.

    python tests/bench/bench_proxy.py            about 40 seconds
    python tests/bench/bench_proxy.py --json     one JSON object

Both proxies stand in front of the same scripted provider, pinned to one core; provider and load client share
another. Ours runs with the default policy, keys and traces on; the pass-through is Starlette + aiohttp and does
nothing. Only the ratios mean anything: absolute figures are this machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).parents[2]
KEY = "gh-bench"
CONNECTIONS = 8
TICK = os.sysconf("SC_CLK_TCK")
ANSWER = "The committee met on Tuesday and agreed to look at the matter again in the spring. " * 2
PROMPT = "Please tell me in a few words what the committee decided on Tuesday, and why it matters to us. " * 2


def body(stream: bool) -> bytes:
    """A small chat."""
    request: dict[str, Any] = {"model": "gpt-bench", "messages": [{"role": "user", "content": PROMPT}]}
    return json.dumps({**request, "stream": True} if stream else request).encode()


def completion() -> bytes:
    """The provider's whole answer as an HTTP response."""
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 40, "completion_tokens": 30, "total_tokens": 70}
    payload = json.dumps(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }
    )
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n{payload}".encode()


def chunks() -> list[bytes]:
    """The provider's streamed answer: 100 chunks, each one HTTP chunk."""

    def frame(delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        event = (
            b"data: "
            + json.dumps(
                {
                    "id": "c",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [choice],
                }
            ).encode()
            + b"\n\n"
        )
        return b"%x\r\n%s\r\n" % (len(event), event)

    words = (ANSWER.split() * 10)[:98]
    done = b"data: [DONE]\n\n"
    return [
        frame({"role": "assistant"}),
        *(frame({"content": word + " "}) for word in words),
        frame({}, "stop"),
        b"%x\r\n%s\r\n0\r\n\r\n" % (len(done), done),
    ]


# --- the provider


class Provider(asyncio.Protocol):
    """Answers every request at once; a stream chunk by chunk, one write and one turn of the loop each."""

    whole, pieces = completion(), chunks()

    def connection_made(self, transport: Any) -> None:
        self.transport, self.seen = transport, b""

    def data_received(self, data: bytes) -> None:
        self.seen += data
        while b"\r\n\r\n" in self.seen:
            head, _, rest = self.seen.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            if len(rest) < length:
                return
            self.seen = rest[length:]
            if b'"stream": true' in rest or b'"stream":true' in rest:
                self.streaming = asyncio.ensure_future(self.stream())
            else:
                self.transport.write(self.whole)

    async def stream(self) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for piece in self.pieces:
            self.transport.write(piece)
            await asyncio.sleep(0)


def provide(port: int) -> None:
    """Run the provider."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port)
        await server.serve_forever()

    uvloop.run(run())


# --- the pass-through


def passthrough(port: int, upstream: int) -> None:
    """Run Starlette + aiohttp: bytes in, bytes out."""
    import aiohttp
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response, StreamingResponse
    from starlette.routing import Route

    session: list[aiohttp.ClientSession] = []

    async def chat(request: Request) -> Response:
        if not session:
            session.append(
                aiohttp.ClientSession(
                    connector=aiohttp.TCPConnector(limit=0),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                )
            )
        sent = await request.body()
        answer = await session[0].post(
            f"http://127.0.0.1:{upstream}/v1/chat/completions",
            data=sent,
            headers={"content-type": "application/json"},
        )
        kind = answer.headers["content-type"]
        if kind == "application/json":
            return Response(await answer.read(), media_type=kind)
        return StreamingResponse(answer.content.iter_any(), media_type=kind)

    app = Starlette(routes=[Route("/v1/chat/completions", chat, methods=["POST"])])
    uvicorn.run(app, port=port, loop="uvloop", http="httptools", log_config=None, access_log=False)


# --- the load


class Caller(asyncio.Protocol):
    """One connection that asks again as soon as it has its answer."""

    def __init__(self, request: bytes, until: float, end: asyncio.Future[int]) -> None:
        self.request, self.until, self.end, self.count, self.seen = request, until, end, 0, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.seen += data
        head, found, rest = self.seen.partition(b"\r\n\r\n")
        if not found:
            return
        if b"content-length" in head:
            complete = len(rest) >= int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        else:
            complete = rest.endswith(b"0\r\n\r\n")
        if not complete:
            return
        assert head.startswith(b"HTTP/1.1 200"), head
        self.count, self.seen = self.count + 1, b""
        if time.perf_counter() < self.until:
            self.transport.write(self.request)
        elif not self.end.done():
            self.end.set_result(self.count)
            self.transport.close()


async def load(port: int, payload: bytes, seconds: float) -> int:
    """How many requests a few connections get answered in some seconds."""
    loop = asyncio.get_running_loop()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {len(payload)}\r\n\r\n"
    ends = [loop.create_future() for _ in range(CONNECTIONS)]
    until = time.perf_counter() + seconds
    for end in ends:
        await loop.create_connection(
            lambda end=end: Caller(head.encode() + payload, until, end), "127.0.0.1", port
        )
    return sum(await asyncio.gather(*ends))


def cpu_seconds(pid: int) -> float:
    """User and system time a process has used, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


# --- one run


def free_port() -> int:
    """A port nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@contextlib.contextmanager
def process(core: int, *command: str, **environment: str) -> Iterator[int]:
    """A pinned process of this Python; its pid."""
    running = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stderr=subprocess.DEVNULL,
    )
    os.sched_setaffinity(running.pid, {core})
    try:
        yield running.pid
    finally:
        running.terminate()
        running.wait(20)


def wait_for(port: int) -> None:
    """Until somebody listens."""
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nobody listens on {port}")


def measure(seconds: float, rounds: int) -> dict[str, Any]:
    """Medians over the rounds: requests a second and CPU microseconds a request, by case and proxy."""
    cores = sorted(os.sched_getaffinity(0))
    ours_core, other_core = cores[0], cores[-1]
    os.sched_setaffinity(0, {other_core})
    provider, bare, ours = free_port(), free_port(), free_port()
    here = str(Path(__file__))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        config = Path(folder) / "guardhouse.yaml"
        params = {"model": "openai/gpt-bench", "api_base": f"http://127.0.0.1:{provider}/v1", "api_key": "k"}
        config.write_text(json.dumps({"model_list": [{"model_name": "gpt-bench", "litellm_params": params}]}))
        stack.enter_context(process(other_core, here, "--provider", str(provider)))
        pids = {
            "pass-through": stack.enter_context(
                process(ours_core, here, "--passthrough", str(bare), str(provider))
            ),
            "guardhouse": stack.enter_context(
                process(
                    ours_core,
                    "-c",
                    "import typer; from proxy.cli import register; a = typer.Typer(); register(a); a()",
                    *("serve", "--port", str(ours), "--config", str(config), "--data-dir", folder),
                    GUARDHOUSE_ADMIN_KEY=KEY,
                )
            ),
        }
        ports = {"pass-through": bare, "guardhouse": ours}
        for port in (provider, bare, ours):
            wait_for(port)
        cases = {"small": body(False), "stream of 100": body(True)}
        seen: dict[str, dict[str, list[tuple[float, float]]]] = {c: {p: [] for p in ports} for c in cases}
        for _ in range(rounds + 1):
            for case, payload in cases.items():
                for name, port in ports.items():
                    before, begun = cpu_seconds(pids[name]), time.perf_counter()
                    count = uvloop.run(load(port, payload, seconds))
                    spent = cpu_seconds(pids[name]) - before
                    seen[case][name].append((count / (time.perf_counter() - begun), spent / count * 1e6))
    return {case: _medians(by_name) for case, by_name in seen.items()}


def _medians(by_name: dict[str, list[tuple[float, float]]]) -> dict[str, Any]:
    found: dict[str, Any] = {
        # The first round warms up.
        name: {
            "req_s": round(statistics.median(rate for rate, _ in rounds[1:])),
            "cpu_us": round(statistics.median(cost for _, cost in rounds[1:])),
        }
        for name, rounds in by_name.items()
    }
    ours, bare = found["guardhouse"], found["pass-through"]
    found["ratio"] = {key: round(ours[key] / bare[key], 2) for key in ("req_s", "cpu_us")}
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="length of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--provider", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--passthrough", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.provider:
        provide(options.provider)
    elif options.passthrough:
        passthrough(*options.passthrough)
    else:
        found = measure(options.seconds, options.rounds)
        if options.json:
            print(json.dumps(found))
            return
        for case, by_name in found.items():
            for name, values in by_name.items():
                print(f"{case:14} {name:13} {values['req_s']:>9} req/s {values['cpu_us']:>9} us CPU/request")


if __name__ == "__main__":
    main()
