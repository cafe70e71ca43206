"""Reload under load: `python -m tests.bench.bench_reload [--quick] [--json]`.

The real server in a process of its own, in front of the scripted provider of the other benchmarks. Callers ask for
chats, half of them streamed, without a pause, while the configuration or its policy is changed and read again through
`POST /api/reload`. What fails, and how long a reload takes, is told; so is how long requests take with and without.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.processes import free_port
from tests.bench.report import Row, command

ROOT = Path(__file__).parents[2]
KEY = "gh-bench"
CALLERS = 32
RULE = {"id": "no", "check": "words", "stages": ["input"], "action": "block"}


class Files:
    """The configuration and its policy."""

    def __init__(self, folder: Path, upstream: int) -> None:
        self.folder, self.upstream = folder, upstream

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "guardhouse.yaml"

    def change(self, number: int) -> None:
        """Another configuration each time, another policy each second time."""
        params = {
            "model": "openai/bench",
            "api_base": f"http://127.0.0.1:{self.upstream}/v1",
            "api_key": "sk-x",
        }
        config = {
            "model_list": [{"model_name": "gpt-bench", "litellm_params": params}],
            "router_settings": {"num_retries": 0},
            "guardhouse": {
                "policy": "./policy.yaml",
                "max_body_bytes": 1_000_000 + number,
                "shutdown": {"notice_s": 0},
            },
        }
        rules = [{**RULE, "with": {"deny": [f"forbidden{number // 2}"]}}]
        rules += [{"id": "pii", "check": "pii", "stages": ["input", "output"], "action": "redact"}]
        for name, told in (("policy.yaml", {"name": "p", "rules": rules}), ("guardhouse.yaml", config)):
            fresh = self.folder / f"{name}.new"
            fresh.write_text(json.dumps(told))
            fresh.replace(self.folder / name)


def measure(quick: bool) -> Sequence[Row]:
    """What fails under reloads, and what they cost."""
    reloads = 20 if quick else 100
    with tempfile.TemporaryDirectory() as folder:
        upstream, port = free_port(), free_port()
        files = Files(Path(folder), upstream)
        files.change(0)
        scripted = [sys.executable, "-m", "tests.bench.mock_provider", str(upstream)]
        provider = subprocess.Popen(scripted, cwd=ROOT)
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "GUARDHOUSE_ADMIN_KEY": KEY}
        run = [sys.executable, str(ROOT / "guardhouse.py"), "serve", "--config", str(files.config)]
        server = subprocess.Popen(
            [*run, "--port", str(port)], env=environment, stderr=subprocess.DEVNULL, cwd=folder
        )
        try:
            return asyncio.run(_measured(files, port, reloads))
        finally:
            server.terminate()
            server.wait(60)
            provider.terminate()


async def _measured(files: Files, port: int, reloads: int) -> Sequence[Row]:
    for _ in range(600):
        try:
            await _ask(port, "GET", "/readyz")
            break
        except OSError:
            await asyncio.sleep(0.1)
    quiet, _ = await _load(port, asyncio.sleep(3))
    took: list[float] = []

    async def change() -> None:
        for number in range(1, reloads + 1):
            files.change(number)
            began = time.perf_counter()
            status, told = await _ask(port, "POST", "/api/reload")
            assert status == 200 and json.loads(told)["changed"], told
            took.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(0.05)

    waits, failed = await _load(port, change())
    return [
        Row("failed requests", failed, "", 0, must=True, note=f"of {len(waits):,}, {reloads} reloads"),
        Row("reload, median", statistics.median(took), "ms", note=f"under {CALLERS} callers"),
        Row("reload, longest", max(took), "ms"),
        Row("request, p99, no reloads", _part(quiet, 0.99), "ms"),
        Row("request, p99, reloads", _part(waits, 0.99), "ms"),
    ]


def _part(values: Sequence[float], part: float) -> float:
    return sorted(values)[int(part * (len(values) - 1))]


async def _load(port: int, until: object) -> tuple[list[float], int]:
    """Milliseconds of each request that was made meanwhile, and how many failed."""
    waits: list[float] = []
    failed = 0
    done = asyncio.ensure_future(until)  # type: ignore[call-overload]

    async def caller(number: int) -> None:
        nonlocal failed
        stream = bool(number % 2)
        body = {"model": "gpt-bench", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
        while not done.done():
            began = time.perf_counter()
            try:
                status, told = await _ask(port, "POST", "/v1/chat/completions", json.dumps(body).encode())
                good = status == 200 and (b"[DONE]" in told or not stream)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                good = False
            waits.append((time.perf_counter() - began) * 1e3)
            failed += not good

    await asyncio.gather(done, *(caller(number) for number in range(CALLERS)))
    return waits, failed


async def _ask(port: int, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n"
    try:
        writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
    top, _, rest = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), rest


if __name__ == "__main__":
    command(__doc__, measure)
