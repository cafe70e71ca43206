"""What is kept of an exchange, and when."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from guardrails.check import BUILT_IN
from proxy.dialects.chat_dialect import CHAT
from proxy.exchange import Exchange
from proxy.kept import record
from proxy.recorder import NotRecorded
from tests.proxy.exchanges import JUDGE
from tests.proxy.policies import policy
from tests.proxy.probe import GATE
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_relay import HELLO, STOP, payloads
from tests.servers import App, MemoryRecorder, Running, Upstream, make_app, served, stream

CHANGED = ("findings", "action", "decided", "outcome", "duration_us", "timings")
"""What a draft may tell otherwise than the whole document."""


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
    # The first is the one that the disk did not take: what is recorded in the end is what the caller was told.
    _, kept = proxy.recorder.documents
    assert (kept["outcome"], kept["http_status"]) == ("failed", answer.status)
    assert kept["error"]["code"] == "unavailable"


class LateRecorder(MemoryRecorder):
    """Takes long to hand over, and notes when it has."""

    handed_at = 0.0

    def record(self, exchange: Exchange, waits: bool = False) -> None:
        """After a while."""
        time.sleep(0.2)
        super().record(exchange, waits)
        self.handed_at = time.monotonic()


@pytest.mark.parametrize("mode", ["group", "strict"])
@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("text", ["hello", "xyzzy"])
def test_what_is_answered_is_handed_over_before_the_last_byte(
    tmp_path: Path, upstream: Upstream, mode: str, streamed: bool, text: str
) -> None:
    """Passed or blocked, streamed or whole, in both modes: whoever has the reply has a record."""
    words = {"id": "w", "check": "words", "with": {"deny": ["xyzzy"]}, "stages": ["input"], "action": "block"}
    url = f"http://127.0.0.1:{upstream.port}/v1"
    app = make_app(tmp_path, url, policy([words]), spool={"mode": mode})
    recorder: Any = LateRecorder()
    upstream.script = stream([HELLO, STOP, b"data: [DONE]\n\n"]) if streamed else upstream.script
    with served(App(replace(app.context, recorder=recorder), recorder, app._state)) as proxy:
        answer = ask(proxy, chat({"role": "user", "content": text}, stream=streamed))
        answered = time.monotonic()

    assert answer.status == (400 if text == "xyzzy" else 200)
    assert 0 < recorder.handed_at <= answered


def test_an_exchange_is_recorded_once(proxy: Running) -> None:
    """A second call for the same exchange does nothing."""
    exchange = Exchange("/v1/chat/completions", CHAT, JUDGE)

    record(proxy.app.context, exchange)
    record(proxy.app.context, exchange)

    assert len(proxy.recorder.documents) == 1


@pytest.fixture
def probed(tmp_path: Path, _upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Proxies with a rule whose check answers when the test says so."""
    monkeypatch.setitem(BUILT_IN, "probe", "tests.proxy.probe:probe")
    GATE.clear()
    managers = []

    def start(spool: str = "group", **rule: Any) -> Running:
        slow = {"id": "slow", "check": "probe", "stages": ["input"], "timeout_ms": 10_000, **rule}
        told = policy([slow])
        app = make_app(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", told, spool={"mode": spool})
        managers.append(served(app))
        return managers[-1].__enter__()

    yield start
    GATE.set()
    for manager in managers:
        manager.__exit__(None, None, None)


@pytest.mark.parametrize(
    "rule", [{"action": "flag", "on_error": "allow"}, {"action": "block", "mode": "shadow"}]
)
def test_what_can_only_flag_keeps_nobody_waiting_and_is_in_the_trace(
    probed: Any, upstream: Upstream, rule: dict[str, Any]
) -> None:
    """The reply is there before the check has answered; the trace waits for its answer."""
    proxy = probed(**rule)

    answer = ask(proxy, chat())

    assert (answer.status, len(upstream.bodies), proxy.recorder.documents) == (200, 1, [])
    # In case the proxy ends now: all that is known yet.
    (draft,) = proxy.recorder.drafts
    assert (draft["outcome"], draft["http_status"], draft["findings"]) == ("passed", 200, [])
    assert draft["duration_us"] is not None and draft["run_id"] is not None
    GATE.set()
    kept = proxy.recorder.last()
    assert [found["entity"] for found in kept["findings"]] == ["PROBED"]
    assert {**kept, **{name: draft[name] for name in CHANGED}} == draft


@pytest.mark.parametrize("rule", [{"action": "flag"}, {"action": "block", "on_error": "allow"}])
def test_what_may_stop_a_request_is_asked_before_the_provider(
    probed: Any, upstream: Upstream, rule: dict[str, Any]
) -> None:
    """A rule that may block, be it only because it fails, holds every byte back until it has answered."""
    proxy = probed(**rule)
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(ask(proxy, chat())))
    caller.start()
    time.sleep(0.2)

    assert upstream.bodies == []
    GATE.set()
    caller.join(10)
    assert answers[0].status == (200 if rule["action"] == "flag" else 400)


def test_in_strict_mode_the_answer_waits_for_the_whole_trace(probed: Any, upstream: Upstream) -> None:
    """The trace is on disk before the last byte, with all that was found."""
    proxy = probed("strict", action="flag", on_error="allow")
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(ask(proxy, chat())))
    caller.start()
    time.sleep(0.2)

    assert answers == []
    GATE.set()
    caller.join(10)
    assert [found["entity"] for found in proxy.recorder.last()["findings"]] == ["PROBED"]
