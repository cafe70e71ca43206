"""kill -9 under load: it is up again at once, and every exchange that was answered is stored exactly once."""

from __future__ import annotations

import http.client
import json
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.test_leaving import wait_for
from tests.proxy.test_server import lines_until, start
from tests.servers import ADMIN_KEY

pytestmark = pytest.mark.long

CONFIG = """
model_list:
  - {model_name: echo, litellm_params: {model: fake/echo}}
guardhouse:
  policy: {name: p, rules: [{id: w, check: words, with: {deny: [xyzzy]}, stages: [input], action: block}]}
  shutdown: {notice_s: 0}
  spool: {mode: %s}
"""
SETTLES = {"strict": 0.0, "group": 0.5}
"""Seconds before the kill from which on an answer need not be stored. `group` promises 20 ms, on an idle machine."""


class Caller(threading.Thread):
    """Asks until nobody answers; notes which exchanges were answered whole, and when."""

    def __init__(self, port: int, stream: bool) -> None:
        super().__init__()
        self.port, self.stream = port, stream
        self.answered: list[tuple[float, str]] = []

    def run(self) -> None:
        """One request after another."""
        body = json.dumps(
            {"model": "echo", "stream": self.stream, "messages": [{"role": "user", "content": "hi there"}]}
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            while True:
                connection.request(
                    "POST", "/v1/chat/completions", body, {"authorization": f"Bearer {ADMIN_KEY}"}
                )
                answer = connection.getresponse()
                whole = answer.read()
                assert answer.status == 200 and (not self.stream or whole.endswith(b"[DONE]\n\n"))
                self.answered.append((time.monotonic(), answer.headers["x-guardhouse-trace-id"]))
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def up(folder: Path, mode: str, port: int = 0) -> tuple[subprocess.Popen[str], int, float]:
    """A server that is ready, its port, and how long that took."""
    began = time.monotonic()
    options = ("--port", str(port)) if port else ()
    process = start(folder, *options, config=CONFIG % mode, GUARDHOUSE_ADMIN_KEY=ADMIN_KEY)
    port = int(lines_until(process, "listens on").rpartition("127.0.0.1:")[2].split()[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/readyz")
    assert connection.getresponse().status == 200
    connection.close()
    return process, port, time.monotonic() - began


def stored(folder: Path) -> Counter[str]:
    """How often each exchange is stored."""
    with closing(sqlite3.connect(folder / "data" / "guardhouse.sqlite3", timeout=10)) as database:
        return Counter(id for (id,) in database.execute("select id from span"))


@pytest.mark.parametrize("mode", SETTLES)
def test_nothing_that_was_answered_is_lost(tmp_path: Path, mode: str) -> None:
    """Three times in a row, into the same port and the same database."""
    owed: set[str] = set()
    port = 0
    for _ in range(3):
        process, port, _ = up(tmp_path, mode, port)
        callers = [Caller(port, stream) for stream in (False, True) * 3]
        try:
            for caller in callers:
                caller.start()
            time.sleep(1)
            wait_for(lambda callers=callers: min(len(caller.answered) for caller in callers) > 5, 20)
        finally:
            process.send_signal(signal.SIGKILL)
            killed = time.monotonic()
            process.communicate()
            for caller in callers:
                caller.join()
        settled = killed - SETTLES[mode]
        owed |= {id for caller in callers for at, id in caller.answered if at < settled}

    process, port, _ = up(tmp_path, mode, port)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    kept = stored(tmp_path)
    assert len(owed) > 50
    assert owed - kept.keys() == set()
    assert set(kept.values()) == {1}
