"""Deadlines against sockets that really are slow: what the caller is told, and that the connection is let go."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proxy.policies import policy
from tests.proxy.test_pipeline import Answer, ask, chat
from tests.proxy.test_relay import payloads, text, wait_for
from tests.servers import Running, Script, Upstream, chunk, make_app, served, stream

SOON = 0.3
"""Seconds of the deadline under test; every other one is far away."""
HELLO = chunk({"role": "assistant", "content": "Hello "})


@pytest.fixture(scope="module")
def deaf() -> Iterator[int]:
    """The port of a server that takes connections and never says a word: no TLS comes about."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def running_with(folder: Path, base: str, timeouts: dict[str, float] | None = None, **params: float) -> Any:
    """A proxy in front of one deployment with these deadlines."""
    model = {
        "model_name": "gpt-test",
        "litellm_params": {"model": "openai/x", "api_base": base, "api_key": "sk-upstream-secret", **params},
    }
    return served(make_app(folder, "", policy(), models=[model], timeouts=timeouts or {}))


def timed(proxy: Running, **more: Any) -> tuple[Answer, float]:
    """An answer and the seconds that it took."""
    began = time.monotonic()
    answer = ask(proxy, chat(**more))
    return answer, time.monotonic() - began


def is_late(answer: Answer, words: str) -> bool:
    """Whether an answer is a 504 that says what was late."""
    return (answer.status, answer.error["code"]) == (504, "upstream_timeout") and words in answer.error[
        "message"
    ]


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_connecting(deaf: int, tmp_path: Path, streamed: bool) -> None:
    """`guardhouse.timeouts.connect` bounds name lookup, TCP and TLS."""
    with running_with(tmp_path, f"https://127.0.0.1:{deaf}/v1", {"connect": SOON}) as running:
        answer, took = timed(running, stream=streamed)
        assert is_late(answer, "connected to in time")
        assert SOON <= took < 5
        assert running.recorder.last()["error"]["code"] == "upstream_timeout"


def test_nobody_there(tmp_path: Path) -> None:
    """A refused connection is 502 at once."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with running_with(tmp_path, f"http://127.0.0.1:{port}/v1") as running:
        answer, _ = timed(running)
        assert (answer.status, answer.error["code"]) == (502, "upstream_unreachable")
        assert running.recorder.last()["deployment"] == "openai/x"


@pytest.mark.parametrize(
    "script",
    [
        Script([b"{}"], first_delay=30),
        stream([HELLO], delay=30),
        Script([b": wait\n\n"] * 100, headers={"content-type": "text/event-stream"}, delay=0.05),
    ],
    ids=["no status", "no event", "comments only"],
)
def test_the_first_byte_of_a_stream(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path, script: Script
) -> None:
    """`stream_timeout` runs from the start to the first event, whatever comes before that."""
    upstream.script = script
    base = f"http://127.0.0.1:{_upstream.port}/v1"
    with running_with(tmp_path, base, stream_timeout=SOON) as running:
        answer, took = timed(running, stream=True)
    assert is_late(answer, "did not begin to answer in time")
    assert SOON <= took < 5
    wait_for(lambda: bool(upstream.closed))


def test_headers_late_and_event_late_are_late_together(
    _upstream: Upstream, upstream: Upstream, tmp_path: Path
) -> None:
    """Each for itself would be in time."""
    upstream.script = stream([HELLO], first_delay=0.7, delay=0.7)
    with running_with(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", stream_timeout=1) as running:
        answer, took = timed(running, stream=True)
    assert is_late(answer, "did not begin to answer in time")
    assert 1 <= took < 5


def cut_short(running: Running, took: float, answer: Answer) -> None:
    """What was said stays, then an error in the stream; the trace says why."""
    assert (answer.status, text(answer)[:6]) == (200, "Hello ")
    assert payloads(answer)[-2]["error"]["code"] == "upstream_timeout"
    assert payloads(answer)[-1] == b"[DONE]"
    assert SOON <= took < 5
    kept = running.recorder.last()
    assert (kept["outcome"], kept["error"]["code"]) == ("failed", "upstream_timeout")


def test_silence_within_a_stream(_upstream: Upstream, upstream: Upstream, tmp_path: Path) -> None:
    """`guardhouse.timeouts.idle` runs anew with each piece."""
    upstream.script = stream([HELLO] * 8, delay=SOON / 4, stall=30)
    with running_with(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", {"idle": SOON}) as running:
        answer, took = timed(running, stream=True)
        assert text(answer) == "Hello " * 8
        cut_short(running, took, answer)
    wait_for(lambda: bool(upstream.closed))


def test_a_stream_that_never_ends(_upstream: Upstream, upstream: Upstream, tmp_path: Path) -> None:
    """`guardhouse.timeouts.stream_total` bounds also what never falls silent; without it there is no such bound."""
    upstream.script = stream([HELLO] * 2000, delay=0.02)
    with running_with(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", {"stream_total": SOON}) as running:
        answer, took = timed(running, stream=True)
        cut_short(running, took, answer)
    wait_for(lambda: bool(upstream.closed))


@pytest.mark.parametrize(
    "script",
    [
        Script([b"{}"], first_delay=30),
        Script([b'{"id": "x", ', b'"choices": []}'], stall=30, headers={"content-type": "application/json"}),
        Script([b" "] * 2000, delay=0.02, headers={"content-type": "application/json"}),
    ],
    ids=["silent", "half", "drip"],
)
def test_a_whole_answer(_upstream: Upstream, upstream: Upstream, tmp_path: Path, script: Script) -> None:
    """`timeout` bounds all of it, wherever the time went."""
    upstream.script = script
    with running_with(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", timeout=SOON) as running:
        answer, took = timed(running)
        assert is_late(answer, "did not finish its answer in time")
        assert SOON <= took < 5
        assert running.recorder.last()["http_status"] == 504
    wait_for(lambda: bool(upstream.closed))


def test_silence_within_a_whole_answer(_upstream: Upstream, upstream: Upstream, tmp_path: Path) -> None:
    """`guardhouse.timeouts.idle` holds for these too."""
    upstream.script = Script([b"{"], stall=30, headers={"content-type": "application/json"})
    with running_with(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1", {"idle": SOON}) as running:
        answer, took = timed(running)
    assert is_late(answer, "stopped in the middle")
    assert SOON <= took < 5
