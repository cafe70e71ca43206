"""Memory over many requests: `python -m tests.bench.bench_soak [--quick] [--json]`.

The real server in a process of its own, in front of the scripted provider of tests/bench/mock_provider.py: whole chats,
streams, callers who leave in mid-stream, and bodies that are refused, in turn. Its resident memory is read at equal
distances; the slope is that of a line through the second half, when caches are full. Its traces go to its database.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.report import Row, command

ROOT = Path(__file__).parents[2]
KEY = "gh-bench"
CALLERS = 8
SAMPLES = 20
CONFIG = {
    "router_settings": {"num_retries": 0},
    "guardhouse": {"policy": "default", "max_body_bytes": 1_000_000},
}
MOST_PER_THOUSAND = 64.0
"""KiB by which a thousand requests may let it grow: what is stored of one is more than a hundred times that."""


def measure(quick: bool) -> Sequence[Row]:
    """Memory at the start, in the middle and at the end, and how fast it grows."""
    requests = 4_000 if quick else 40_000
    with tempfile.TemporaryDirectory() as folder:
        upstream, port = _free(), _free()
        provider = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.mock_provider", str(upstream)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        server = _server(Path(folder), upstream, port)
        try:
            sizes = asyncio.run(_load(server.pid, port, requests))
        finally:
            server.terminate()
            server.wait(60)
            provider.terminate()
            provider.wait(10)
    half = sizes[len(sizes) // 2 :]
    each = requests / SAMPLES
    slope = _slope(half) / each * 1000
    rows = [Row(f"after {round(place * each):,}", size / 1024, "MiB") for place, size in enumerate(sizes)]
    bar = None if quick else MOST_PER_THOUSAND
    note = f"{requests:,} requests; the second half"
    return [*rows, Row("growth per 1,000 requests", slope, "KiB", bar, note=note)]


def _free() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _server(folder: Path, upstream: int, port: int) -> subprocess.Popen[bytes]:
    """The proxy as an operator starts it."""
    params = {"model": "openai/bench", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-x"}
    config = {**CONFIG, "model_list": [{"model_name": "gpt-bench", "litellm_params": params}]}
    config["guardhouse"] = {
        **CONFIG["guardhouse"],
        "data_dir": str(folder / "data"),
        "shutdown": {"notice_s": 0},
    }
    file = folder / "guardhouse.yaml"
    file.write_text(json.dumps(config))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GUARDHOUSE_ADMIN_KEY": KEY}
    run = [sys.executable, str(ROOT / "guardhouse.py"), "serve", "--config", str(file), "--port", str(port)]
    return subprocess.Popen(run, env=environment, stderr=subprocess.DEVNULL)


async def _load(pid: int, port: int, requests: int) -> list[int]:
    """Resident KiB before the load, and after each part of it."""
    for _ in range(600):
        try:
            assert (await _ask(port, 0)).startswith(b"HTTP/1.1 200")
            break
        except OSError:
            await asyncio.sleep(0.1)
    sizes = [_resident(pid)]
    for part in range(SAMPLES):
        numbers = iter(range(part * requests // SAMPLES, (part + 1) * requests // SAMPLES))

        async def caller() -> None:
            for number in numbers:
                await _ask(port, number)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        sizes.append(_resident(pid))
    return sizes


async def _ask(port: int, number: int) -> bytes:
    """One exchange; every fourth is a stream, every eighth of them is left, every fiftieth request is refused."""
    stream = number % 4 == 1
    prompt = f"Question {number}: write to person{number}@example.com about the meeting of Tuesday."
    body = json.dumps(
        {"model": "gpt-bench", "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    ).encode()
    if number % 50 == 49:
        body = body[:-5]
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"{head}connection: close\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        if number % 32 == 1:
            return await reader.read(500)
        return await reader.read()
    finally:
        writer.close()


def _resident(pid: int) -> int:
    told = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(told[1]) if told else 0


def _slope(values: Sequence[int]) -> float:
    """Of the line through equally distant values, by least squares."""
    middle, mean = (len(values) - 1) / 2, sum(values) / len(values)
    above = sum((place - middle) * (value - mean) for place, value in enumerate(values))
    return above / sum((place - middle) ** 2 for place in range(len(values)))


if __name__ == "__main__":
    command(__doc__, measure)
