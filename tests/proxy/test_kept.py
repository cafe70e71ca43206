"""What is kept of an exchange, and when."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.exchange import Exchange
from proxy.kept import record
from proxy.recorder import NotRecorded
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_relay import HELLO, STOP, payloads
from tests.servers import App, MemoryRecorder, Running, Upstream, make_app, served, stream


class SlowRecorder(MemoryRecorder):
    """Takes its time to write, or cannot."""

    def __init__(self, fails: bool) -> None:
        super().__init__()
        self.fails, self.written_at = fails, 0.0

    async def written(self, id: str) -> None:
        """After a while, or never."""
        if self.fails:
            raise NotRecorded("disk full")
        self.written_at = time.monotonic()


@pytest.fixture
def strict(tmp_path: Path, _upstream: Upstream) -> Any:
    """A proxy in strict mode whose recorder works, or not."""
    managers = []

    def start(fails: bool) -> Running:
        app = make_app(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", policy(), spool={"mode": "strict"})
        recorder: Any = SlowRecorder(fails)
        manager = served(App(replace(app.context, recorder=recorder), recorder, app._state))
        managers.append(manager)
        return manager.__enter__()

    yield start
    for manager in managers:
        manager.__exit__(None, None, None)


@pytest.mark.parametrize("streamed", [False, True])
def test_strict_mode_keeps_the_trace_before_the_last_byte(
    strict: Any, upstream: Upstream, streamed: bool
) -> None:
    """When the caller has its answer, the trace is on disk: complete, once."""
    proxy = strict(fails=False)
    upstream.script = stream([HELLO, STOP, b"data: [DONE]\n\n"]) if streamed else upstream.script

    answer = ask(proxy, chat(stream=streamed))
    answered = time.monotonic()

    assert answer.status == 200
    assert 0 < proxy.recorder.written_at <= answered
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["http_status"], kept["finish_reasons"]) == ("passed", 200, ["stop"])


@pytest.mark.parametrize("streamed", [False, True])
def test_strict_mode_gives_no_answer_it_cannot_keep(strict: Any, upstream: Upstream, streamed: bool) -> None:
    """Where the trace cannot be written the caller is told so: 503, or an error in the stream."""
    proxy = strict(fails=True)
    upstream.script = stream([HELLO, STOP, b"data: [DONE]\n\n"]) if streamed else upstream.script

    answer = ask(proxy, chat(stream=streamed))

    error = payloads(answer)[-2]["error"] if streamed else answer.error
    assert error["code"] == "unavailable"
    assert answer.status == (200 if streamed else 503)


def test_an_exchange_is_recorded_once(proxy: Running) -> None:
    """A second call for the same exchange does nothing."""
    exchange = Exchange("/v1/chat/completions", "chat")

    record(proxy.app.context, exchange)
    record(proxy.app.context, exchange)

    assert len(proxy.recorder.documents) == 1
