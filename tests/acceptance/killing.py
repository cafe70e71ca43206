"""Callers of a real server that is killed: they know which exchanges they were answered whole."""

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

from tests.proxy.test_server import lines_until, start
from tests.servers import ADMIN_KEY

CONFIG = """
model_list:
  - {model_name: echo, litellm_params: {model: fake/echo}}
guardhouse:
  policy: {name: p, rules: [{id: mail, check: pii, with: {entities: [EMAIL_ADDRESS]}, stages: [input], action: redact}]}
  shutdown: {notice_s: 0}
  spool: {mode: %s}
"""


class Caller(threading.Thread):
    """Asks until nobody answers; notes which exchanges were answered whole."""

    def __init__(self, port: int, stream: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.stream = port, stream
        self.answered: list[str] = []

    def run(self) -> None:
        """One request after another, each with an address that is masked."""
        asked = {"role": "user", "content": "write to ada.lovelace@example.com"}
        body = json.dumps({"model": "echo", "stream": self.stream, "messages": [asked]})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            while True:
                connection.request(
                    "POST", "/v1/chat/completions", body, {"authorization": f"Bearer {ADMIN_KEY}"}
                )
                answer = connection.getresponse()
                whole = answer.read()
                assert answer.status == 200 and (not self.stream or whole.endswith(b"[DONE]\n\n"))
                self.answered.append(answer.headers["x-guardhouse-trace-id"])
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def up(folder: Path, mode: str, port: int = 0) -> tuple[subprocess.Popen[str], int]:
    """A server that is ready, and its port."""
    options = ("--port", str(port)) if port else ()
    process = start(folder, *options, config=CONFIG % mode, GUARDHOUSE_ADMIN_KEY=ADMIN_KEY)
    port = int(lines_until(process, "listens on").rpartition("127.0.0.1:")[2].split()[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/readyz")
    assert connection.getresponse().status == 200
    connection.close()
    return process, port


def killed(folder: Path, mode: str, port: int, seconds: float) -> tuple[list[str], int]:
    """What was answered by a server that is killed so long after its first answers, and the port it had."""
    process, port = up(folder, mode, port)
    callers = [Caller(port, stream) for stream in (False, True) * 3]
    try:
        for caller in callers:
            caller.start()
        end = time.monotonic() + 20
        while not all(caller.answered for caller in callers) and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(seconds)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        for caller in callers:
            caller.join()
    return [id for caller in callers for id in caller.answered], port


def settle(folder: Path, mode: str, port: int) -> None:
    """Start it once more, and stop it as one does: then everything is in the database."""
    process, _ = up(folder, mode, port)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0


def stored(folder: Path) -> tuple[Counter[str], Counter[str]]:
    """How often each exchange is stored, and how many findings of it."""
    with closing(sqlite3.connect(folder / "data" / "guardhouse.sqlite3", timeout=10)) as database:
        spans = Counter(id for (id,) in database.execute("select id from span"))
        return spans, Counter(id for (id,) in database.execute("select span_id from finding"))
