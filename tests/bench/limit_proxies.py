"""Proxies of one installation for contests about limits: started, asked over HTTP, and read from their database."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, select, text
from sqlalchemy.engine import make_url

from proxy.exchange import new_id
from proxy.store.tables import SPAN
from tests.bench.processes import ROOT, Process, cores, free_port, wait_for
from tests.proxy.store.schemas import DEFAULT_POSTGRES

ADMIN = "gh-bench-9f2d7c31"
LATE_SECONDS = 20
"""How long what comes after a reply (traces, settlements, new keys at the other proxy) is waited for."""
CHAT = "/v1/chat/completions"
FAKE = {
    "model": "fake/say",
    "text": "These are eight words of a short answer.",
    "first_ms": 10,
    "chunk_ms": 15,
}
MODEL = {
    "model_name": "priced",
    "litellm_params": FAKE,
    "model_info": {"input_cost_per_token": 0.001, "output_cost_per_token": 0.0005},
}
ASKED = {
    "model": "priced",
    "max_tokens": 16,
    "messages": [{"role": "user", "content": "Say something short to me."}],
}
TOKENS, COST = 13, 9_000_000
"""What the scripted provider says that this used, and what that costs in billionths of a US dollar."""
TEAM = {"rpm": 10**9, "tpm": 10**9, "max_parallel_requests": 10**6, "budgets": {"day": 10**6, "month": 10**6}}


@dataclass(frozen=True, slots=True)
class Span:
    """The trace of one answered request, in microseconds, tokens and billionths of a US dollar."""

    started_us: int
    first_us: int
    duration_us: int
    tokens: int
    cost: int


class Caller:
    """One connection that is kept."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}

    def begun(self, method: str, path: str, body: Any = None) -> http.client.HTTPResponse:
        """The head of a reply, its body still to be read."""
        self._connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        return self._connection.getresponse()

    def asked(self, method: str, path: str, body: Any = None) -> tuple[int, Mapping[str, str], Any]:
        """(status, headers, document); of a stream the document is None."""
        reply = self.begun(method, path, body)
        told = reply.read()
        plain = (reply.getheader("content-type") or "").startswith("application/json")
        return reply.status, dict(reply.headers.items()), json.loads(told) if plain else None

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Proxies:
    """Proxies that run, and the database that they share."""

    def __init__(self, ports: Sequence[int], database: str) -> None:
        self.ports = ports
        self._database = create_engine(database)

    def asked(self, method: str, path: str, body: Any, key: str = ADMIN, place: int = 0) -> Any:
        """(status, headers, document) of one request at one of them."""
        with contextlib.closing(Caller(self.ports[place], key)) as caller:
            return caller.asked(method, path, body)

    def key(self, **terms: Any) -> tuple[str, str]:
        """(id, secret) of a new key that all of them know. Raises RuntimeError when one does not."""
        status, _, made = self.asked("POST", "/api/keys", {"name": "contest", **terms})
        if status != 201:
            raise RuntimeError(f"no key: {made}")
        for place in range(len(self.ports)):
            if within(lambda at=place: self.asked("GET", "/v1/models", None, made["key"], at)[0], 200) != 200:
                raise RuntimeError("the key is not known to all proxies")
        return made["key_id"], made["key"]

    def bound(self, key_id: str, limits: Mapping[str, Any]) -> None:
        """Give a key other limits; they hold at the first proxy when this returns."""
        status, _, told = self.asked("PATCH", f"/api/keys/{key_id}", {"limits": limits})
        if status != 200:
            raise RuntimeError(f"no other limits: {told}")

    def spans(self, key_id: str) -> list[Span]:
        """The chats of a key that were answered, as far as the database has them. What it does not know of one is 0."""
        used = SPAN.c.tokens_in + SPAN.c.tokens_out
        query = select(
            SPAN.c.started_us, SPAN.c.first_token_us, SPAN.c.duration_us, used, SPAN.c.cost_nanousd
        ).where(SPAN.c.key_id == key_id, SPAN.c.path == CHAT, SPAN.c.http_status == 200)
        with self._database.connect() as connection:
            return [Span(*(value or 0 for value in row)) for row in connection.execute(query)]

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()


def within(read: Callable[[], Any], wanted: Any) -> Any:
    """What is read, as soon as it is what is wanted, or after LATE_SECONDS whatever it is."""
    until = time.monotonic() + LATE_SECONDS
    while (found := read()) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def running(folder: Path, count: int, database: str, redis_url: str | None = None) -> Iterator[Proxies]:
    """So many processes of `guardhouse serve`, each on a core of its own where there are two."""
    config = folder / "guardhouse.yaml"
    ours = {"policy": "default", "shutdown": {"notice_s": 0}, "teams": {"contest": TEAM}}
    config.write_text(json.dumps({"model_list": [MODEL], "guardhouse": ours}))
    environment = {
        "GUARDHOUSE_ADMIN_KEY": ADMIN,
        "GUARDHOUSE_DATA_KEY": secrets.token_hex(32),
        "GUARDHOUSE_DATABASE_URL": database,
        "GUARDHOUSE_REDIS_URL": redis_url or "",
    }
    ports = [free_port() for _ in range(count)]
    processes = []
    try:
        for place, port in enumerate(ports):
            run = [sys.executable, str(ROOT / "guardhouse.py"), "serve", "--config", str(config)]
            run += ["--port", str(port), "--data-dir", str(folder / f"data{place}")]
            processes.append(Process(run, cores()[place % 2], environment))
        for port, process in zip(ports, processes, strict=True):
            wait_for(port, process)
        with contextlib.closing(Proxies(ports, database)) as proxies:
            yield proxies
    finally:
        for process in processes:
            process.stop()


@contextlib.contextmanager
def own_database() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, gone afterwards. Raises SQLAlchemy's error where there is none."""
    url = make_url(os.environ.get("GUARDHOUSE_TEST_POSTGRES_URL", DEFAULT_POSTGRES))
    name = f"guardhouse_bench_{new_id()}"
    server = create_engine(url, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield url.set(database=name).render_as_string(hide_password=False)
        finally:
            with server.connect() as connection:
                connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        server.dispose()
