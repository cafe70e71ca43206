"""Limiters for tests, and requests that ask them."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError

from proxy.exchange import new_id
from proxy.limiter import Answer, Demand, Limiter
from proxy.limits import Limits

SERVER = Path("/usr/bin/redis-server")


def demand(*scopes: tuple[str, Limits], tokens: int = 0, cost: int = 0, at_s: int | None = None) -> Demand:
    """A request that may use so much."""
    return Demand(new_id(), scopes, tokens, cost, int(time.time()) if at_s is None else at_s, tokens)


async def known(limiter: Limiter) -> None:
    """Returns when the limiter has told all that it knows."""
    waiting: Any = limiter
    while getattr(waiting, "_waiting", ()) or getattr(waiting, "_sending", ()):
        await asyncio.sleep(0.002)


async def entered(limiter: Limiter, asked: Demand) -> Answer:
    """What it says, once what was settled before is known."""
    await known(limiter)
    return await limiter.admit(asked)


class OwnRedis:
    """A Redis of one's own, to stop, to start and to empty."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> Redis:
        """A client that waits for nobody."""
        return Redis.from_url(self.url, socket_timeout=5)

    def start(self) -> None:
        """Start it, empty; returns when it answers."""
        command = [
            str(SERVER),
            "--port",
            str(self.port),
            "--save",
            "",
            "--appendonly",
            "no",
            "--bind",
            "127.0.0.1",
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 20
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except (RedisError, OSError):
                assert time.monotonic() < until
                time.sleep(0.02)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """A Redis that runs; skips where none is installed, unless services are required."""
    if not SERVER.exists():
        if os.environ.get("GUARDHOUSE_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{SERVER} must be there")
        pytest.skip(f"{SERVER} is not there")
    server = OwnRedis()
    server.start()
    try:
        yield server
    finally:
        server.stop()
