"""What the proxy does when something it needs is stopped under load, and started again: real servers, no restart."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from proxy.store.db import open_store
from proxy.store.keys import active_keys, create_key, revoke_key
from tests.acceptance.services import Postgres, Redis, free_port, wait_for_port
from tests.proxy.test_server import lines_until, start
from tests.relay import Relay
from tests.servers import ADMIN_KEY, Upstream

pytestmark = [pytest.mark.long, pytest.mark.services]

CONFIG = """
model_list:
  - model_name: m
    litellm_params: {model: openai/bench, api_base: "http://127.0.0.1:%d/v1", api_key: sk-upstream-secret}
router_settings: {num_retries: 0, timeout: 20, cooldown_time: 1}
guardhouse:
  policy: {name: p, rules: [{id: w, check: words, with: {deny: [xyzzy]}, stages: [input], action: block}]}
  shutdown: {notice_s: 0}
"""


class Caller(threading.Thread):
    """Asks again and again with a key of an app's, until it is told to stop."""

    def __init__(self, port: int, key: str, session: str = "") -> None:
        super().__init__(daemon=True)
        self.port, self.stop = port, False
        self.statuses: Counter[int] = Counter()
        self._head = {"authorization": f"Bearer {key}", "connection": "close"}
        self._head |= {"x-guardhouse-session": session} if session else {}

    def run(self) -> None:
        """One request after another."""
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]})
        while not self.stop:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("POST", "/v1/chat/completions", body, self._head)
            answer = connection.getresponse()
            answer.read()
            self.statuses[answer.status] += 1
            connection.close()
            time.sleep(0.01)


def readyz(port: int) -> tuple[int, dict[str, Any]]:
    """Its status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/readyz")
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def until(reached: Callable[[], bool], limit: float = 90.0) -> None:
    """Returns when that holds."""
    end = time.monotonic() + limit
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.1)


@contextmanager
def under_load(
    folder: Path, upstream: int, session: str = "", **variables: str
) -> Iterator[tuple[int, list[Caller]]]:
    """A proxy with four callers that hold a key of the database."""
    store = open_store(variables["GUARDHOUSE_DATABASE_URL"], b"k" * 32)
    key = create_key(store, "app").secret
    store.close()
    known = {"GUARDHOUSE_ADMIN_KEY": ADMIN_KEY, "GUARDHOUSE_DATA_KEY": (b"k" * 32).hex()}
    process = start(folder, config=CONFIG % upstream, **known, **variables)
    callers: list[Caller] = []
    try:
        port = int(lines_until(process, "listens on").rpartition("127.0.0.1:")[2].split()[0])
        until(lambda: readyz(port)[0] == 200)
        callers += [Caller(port, key, session) for _ in range(4)]
        for caller in callers:
            caller.start()
        served(callers, 20)
        yield port, callers
    finally:
        for caller in callers:
            caller.stop = True
        for caller in callers:
            caller.join(60)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=180)
    assert process.returncode == 0


def served(callers: list[Caller], more: int) -> None:
    """Returns when so many more requests were answered with 200."""
    target = sum(caller.statuses[200] for caller in callers) + more
    until(lambda: sum(caller.statuses[200] for caller in callers) >= target)


def total(callers: list[Caller]) -> Counter[int]:
    """Answers by status."""
    return sum((caller.statuses for caller in callers), Counter())


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A database of its own, running."""
    made = Postgres(tmp_path / "postgres")
    made.start()
    yield made
    made.stop("fast")


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """A provider that answers."""
    made = Upstream()
    yield made
    made.stop()


@pytest.mark.timeout(300)
def test_a_database_that_crashes_costs_no_caller_anything(
    tmp_path: Path, postgres: Postgres, upstream: Upstream
) -> None:
    """Valid keys are served throughout, readiness says no and then yes again, and every trace arrives."""
    folder = tmp_path / "proxy"
    folder.mkdir()
    with under_load(folder, upstream.port, GUARDHOUSE_DATABASE_URL=postgres.url) as (port, callers):
        postgres.stop()
        until(lambda: readyz(port)[0] == 503)
        assert "store" in readyz(port)[1]["reasons"]
        time.sleep(4)  # longer than keys are read apart: the next read fails
        served(callers, 50)
        assert "keys" in readyz(port)[1]["degraded"]
        postgres.start()
        until(lambda: readyz(port)[0] == 200 and "keys" not in readyz(port)[1]["degraded"])
        served(callers, 20)
    answers = total(callers)
    assert set(answers) == {200}
    engine = create_engine(postgres.url)
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT count(*) FROM span")).scalar_one()
    engine.dispose()
    assert stored == answers[200]


@pytest.mark.timeout(300)
def test_connections_that_hang_keep_no_revoked_key_alive(
    tmp_path: Path, postgres: Postgres, upstream: Upstream
) -> None:
    """Open connections fall silent, new ones work: revoked keys are refused, every trace arrives, all is well again."""
    folder, relay = tmp_path / "proxy", Relay("127.0.0.1", postgres.port)
    folder.mkdir()
    through = postgres.url.replace(f":{postgres.port}/", f":{relay.port}/")
    direct = open_store(postgres.url, b"k" * 32)

    def stored() -> int:
        with direct.read() as connection:
            return int(
                connection.execute(text("SELECT count(*) FROM span WHERE http_status = 200")).scalar_one()
            )

    with under_load(folder, upstream.port, GUARDHOUSE_DATABASE_URL=through) as (port, callers):
        relay.freeze()
        for row in active_keys(direct):
            revoke_key(direct, row["key_id"])
        until(lambda: total(callers)[401] > 20)
        until(lambda: readyz(port)[1]["degraded"] == {} and readyz(port)[0] == 200)
        for caller in callers:
            caller.stop = True
        until(lambda: stored() == total(callers)[200])
    direct.close()
    relay.close()
    assert set(total(callers)) == {200, 401}


@pytest.mark.timeout(300)
def test_a_redis_that_dies_costs_no_caller_anything(
    tmp_path: Path, postgres: Postgres, upstream: Upstream
) -> None:
    """It is told as degraded; it is in use again when it is back."""
    redis, folder = Redis(), tmp_path / "proxy"
    folder.mkdir()
    redis.start()
    given = {"GUARDHOUSE_DATABASE_URL": postgres.url, "GUARDHOUSE_REDIS_URL": redis.url}
    try:
        with under_load(folder, upstream.port, "conversation-1", **given) as (port, callers):
            redis.stop()
            until(lambda: "redis" in readyz(port)[1]["degraded"])
            assert readyz(port)[0] == 200
            served(callers, 20)
            redis.start()
            until(lambda: "redis" not in readyz(port)[1]["degraded"])
            served(callers, 20)
    finally:
        redis.stop()
    assert set(total(callers)) == {200}


@pytest.mark.timeout(300)
def test_a_provider_that_dies_is_told_as_that(tmp_path: Path, postgres: Postgres) -> None:
    """Callers get 502, never 401; readiness stays green and says which model; then it goes on by itself."""
    folder, place = tmp_path / "proxy", free_port()
    folder.mkdir()
    provider = _provider(place)
    try:
        with under_load(folder, place, GUARDHOUSE_DATABASE_URL=postgres.url) as (port, callers):
            provider.kill()
            provider.wait(30)
            until(lambda: total(callers)[502] > 20)
            until(lambda: "models" in readyz(port)[1]["degraded"])
            assert readyz(port)[0] == 200
            provider = _provider(place)
            served(callers, 50)
            until(lambda: "models" not in readyz(port)[1]["degraded"])
    finally:
        provider.kill()
        provider.wait(30)
    assert set(total(callers)) <= {200, 502}


def _provider(port: int) -> subprocess.Popen[bytes]:
    """The scripted provider of the benchmarks, in a process of its own."""
    run = [sys.executable, "-m", "tests.bench.mock_provider", str(port)]
    process = subprocess.Popen(run, cwd=Path(__file__).parents[2])
    wait_for_port(port)
    return process


@pytest.mark.timeout(120)
def test_a_start_without_its_database_ends_with_one_line(tmp_path: Path) -> None:
    """Exit code 2 and what is wrong, without the password: whoever supervises it starts it again."""
    url = f"postgresql+psycopg://u:s3cret@127.0.0.1:{free_port()}/d"
    process = start(tmp_path, config=CONFIG % 9, GUARDHOUSE_ADMIN_KEY=ADMIN_KEY, GUARDHOUSE_DATABASE_URL=url)
    _, said = process.communicate(timeout=90)

    assert process.returncode == 2
    assert said.startswith("guardhouse: ") and said.count("\n") == 1
    assert "database cannot be opened" in said and "s3cret" not in said
