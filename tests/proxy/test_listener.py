"""A server that is told to stop: a real process, with requests under way."""

from __future__ import annotations

import http.client
import json
import re
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.test_server import lines_until, start

pytestmark = pytest.mark.long

WORKERS = ["1", "2"]
CONFIG = """
model_list:
  - {{model_name: quick, litellm_params: {{model: fake/echo, chunk_ms: 300, chunk_chars: 1}}}}
  - {{model_name: prompt, litellm_params: {{model: fake/echo}}}}
  - {{model_name: endless, litellm_params: {{model: fake/echo, chunk_ms: 1000, chunk_chars: 1}}}}
  - {{model_name: mute, litellm_params: {{model: fake/echo, first_ms: 50000}}}}
guardhouse:
  policy: {{name: p, rules: [{{id: w, check: words, with: {{deny: [xyzzy]}}, stages: [input], action: block}}]}}
  shutdown: {{notice_s: {notice}, drain_s: {drain}}}
"""
TEXT = "Twenty pieces, so it"


class Caller:
    """One connection to the server."""

    def __init__(self, port: int, wait: float = 60.0) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=wait)

    def ask(self, model: str, stream: bool = False) -> None:
        """Send a chat."""
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": TEXT}]}
        self.connection.request("POST", "/v1/chat/completions", json.dumps(body))

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        response = self.connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()

    def begun(self) -> http.client.HTTPResponse:
        """A stream whose first bytes came."""
        response = self.connection.getresponse()
        response.fp.peek(1)
        return response


@dataclass
class Server:
    """The process, its port, and who calls it."""

    process: subprocess.Popen[str]
    port: int
    callers: list[Caller] = field(default_factory=list)

    def caller(self) -> Caller:
        """One more connection."""
        self.callers.append(Caller(self.port))
        return self.callers[-1]

    def ready(self) -> tuple[int, dict[str, Any]]:
        """What /readyz says."""
        caller = self.caller()
        caller.connection.request("GET", "/readyz")
        status, _, body = caller.answer()
        return status, json.loads(body)

    def tell(self, number: int = signal.SIGTERM) -> float:
        """Send it a signal; when that was."""
        self.process.send_signal(number)
        return time.monotonic()


@contextmanager
def serving(folder: Path, workers: str, notice: float, drain: float) -> Iterator[Server]:
    """A server that is up."""
    config = CONFIG.format(notice=notice, drain=drain)
    process = start(folder, "--workers", workers, "--no-auth", config=config)
    server = Server(process, 0)
    try:
        said = lines_until(process, "listens on")
        server.port = int(re.search(r"http://127\.0\.0\.1:(\d+)", said)[1])  # type: ignore[index]
        for _ in range(int(workers)):
            assert server.ready()[0] == 200
        yield server
    finally:
        process.kill()
        process.communicate()
        for caller in server.callers:
            caller.connection.close()


def ended(server: Server, seconds: float) -> int:
    """Its exit status."""
    _, said = server.process.communicate(timeout=seconds)
    assert "Traceback" not in said
    return server.process.returncode


def traces(folder: Path) -> list[tuple[str, str | None]]:
    """Outcome and error code of each stored exchange."""
    with closing(sqlite3.connect(folder / "data" / "guardhouse.sqlite3")) as database:
        return database.execute("select outcome, error_code from span order by outcome").fetchall()


@pytest.mark.parametrize("workers", WORKERS)
def test_it_says_so_first_then_finishes_what_is_under_way(tmp_path: Path, workers: str) -> None:
    """/readyz is red while requests are taken; then none are; the stream ends whole; all is recorded."""
    with serving(tmp_path, workers, notice=4, drain=20) as server:
        stream = server.caller()
        stream.ask("quick", stream=True)
        under_way = stream.begun()
        told = server.tell()
        while (seen := server.ready())[0] == 200:
            assert time.monotonic() - told < 4
        assert seen[1]["reasons"] == {"app": "is stopping"}

        time.sleep(0.2)
        late = server.caller()
        late.ask("prompt")
        status, headers, _ = late.answer()
        assert (status, headers["connection"]) == (200, "close")

        whole = under_way.read()
        assert whole.endswith(b"data: [DONE]\n\n")
        assert b'"finish_reason":"stop"' in whole
        assert ended(server, 20) == 0
        assert time.monotonic() - told >= 4
        with pytest.raises(ConnectionRefusedError):
            server.ready()
    assert traces(tmp_path) == [("passed", None), ("passed", None)]


@pytest.mark.parametrize("again", [False, True], ids=["deadline", "second signal"])
@pytest.mark.parametrize("workers", WORKERS)
def test_what_does_not_finish_in_time_is_told_and_recorded(tmp_path: Path, workers: str, again: bool) -> None:
    """In band where a stream has begun, else as 503; a second signal does not wait."""
    with serving(tmp_path, workers, notice=0, drain=60 if again else 0.5) as server:
        stream, mute = server.caller(), server.caller()
        stream.ask("endless", stream=True)
        under_way = stream.begun()
        mute.ask("mute")
        time.sleep(0.3)
        told = server.tell()
        if again:
            time.sleep(0.8)
            assert server.process.poll() is None
            told = server.tell()

        events = under_way.read().split(b"\n\n")
        assert events[-2] == b"data: [DONE]"
        assert json.loads(events[-3].removeprefix(b"data: "))["error"]["code"] == "unavailable"
        status, headers, body = mute.answer()
        assert (status, json.loads(body)["error"]["code"]) == (503, "unavailable")
        assert headers["retry-after"] == "1"
        assert ended(server, 10) == 0
        assert time.monotonic() - told < 8
    assert traces(tmp_path) == [("cancelled", "unavailable"), ("cancelled", "unavailable")]


def test_an_interrupt_needs_no_notice(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C does not wait for a load balancer."""
    with serving(tmp_path, "1", notice=30, drain=30) as server:
        server.tell(signal.SIGINT)
        assert ended(server, 10) == 0
