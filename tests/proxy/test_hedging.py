"""Hedging over real sockets: a second deployment for a silent first one, and no connection left behind."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_relay import text, wait_for
from tests.servers import ADMIN_KEY, Running, Script, Upstream, make_app, raw, said, served, stream, whole

AFTER = 0.3


@pytest.fixture(scope="module")
def _other() -> Iterator[Upstream]:
    provider = Upstream()
    yield provider
    provider.stop()


@pytest.fixture
def other(_other: Upstream) -> Upstream:
    """A second provider."""
    _other.reset()
    return _other


@pytest.fixture(scope="module")
def hedging(
    _upstream: Upstream, _other: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A proxy that asks the second provider when the first, which is asked first, says nothing."""
    models = [
        {
            "model_name": name,
            "litellm_params": {
                "model": f"openai/{one}",
                "api_base": f"http://127.0.0.1:{provider.port}/v1",
                "api_key": "sk-upstream-secret",
                "weight": weight,
            },
        }
        for name, one, provider, weight in (
            ("gpt-test", "first", _upstream, 1),
            ("gpt-test", "second", _other, 0),
            ("alone", "only", _upstream, 1),
        )
    ]
    app = make_app(tmp_path_factory.mktemp("hedge"), "", policy(), models=models, hedge_after_s=AFTER)
    with served(app) as running:
        yield running


@pytest.fixture
def proxy(hedging: Running) -> Running:
    """The same, with nothing recorded."""
    hedging.recorder.forget()
    return hedging


def silent(**more: Any) -> Script:
    """An answer that does not come."""
    return Script([b"{}"], first_delay=30, **more)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_silent_deployment_is_overtaken(
    proxy: Running, upstream: Upstream, other: Upstream, streamed: bool
) -> None:
    """The caller reads the second one's answer, the first is let go at once, and the trace counts both attempts."""
    upstream.script = silent()
    other.script = said("second") if streamed else whole({"content": "second"})
    began = time.monotonic()
    answer = ask(proxy, chat(stream=streamed))
    assert time.monotonic() - began >= AFTER
    assert (text(answer) if streamed else answer.body.decode()).count("second") == 1
    kept = proxy.recorder.last()
    assert (kept["attempts"], kept["deployment"], kept["outcome"]) == (2, "openai/second", "passed")
    wait_for(lambda: len(upstream.closed) == 1)
    assert not proxy.app.context.router._health._lately["openai/first"].failures


def test_a_deployment_that_answers_in_time_is_alone(
    proxy: Running, upstream: Upstream, other: Upstream
) -> None:
    """Also when its answer then takes long: a byte had come."""
    slow = whole({"content": "first"})
    upstream.script = Script(
        [slow.pieces[0][:5], slow.pieces[0][5:]], headers=slow.headers, delay=AFTER, chunked=True
    )
    assert b"first" in ask(proxy, chat()).body
    upstream.script = stream(said("first").pieces, delay=AFTER / 4)
    assert text(ask(proxy, chat(stream=True))) == "first"
    assert other.bodies == []
    assert [kept["attempts"] for kept in proxy.recorder.documents] == [1, 1]


def test_the_first_may_still_win_and_the_errors_of_the_second_are_nobodys(
    proxy: Running, upstream: Upstream, other: Upstream
) -> None:
    """A failure is no answer as long as another one may come."""
    good = whole({"content": "first"})
    upstream.script = Script(good.pieces, headers=good.headers, chunked=False, first_delay=AFTER * 2)
    other.script = raw(b"{}", 500)
    answer = ask(proxy, chat())
    assert (answer.status, b"first" in answer.body, len(other.bodies)) == (200, True, 1)
    assert proxy.recorder.last()["attempts"] == 2


def test_when_both_fail_the_caller_hears_of_the_first(
    proxy: Running, upstream: Upstream, other: Upstream
) -> None:
    """Once."""
    error = raw(b'{"error":{"message":"first","type":"server_error","param":null,"code":"mine"}}', 503)
    upstream.script = Script(error.pieces, 503, error.headers, chunked=False, first_delay=AFTER * 2)
    other.script = raw(b"{}", 500)
    answer = ask(proxy, chat())
    assert (answer.status, answer.error["code"]) == (503, "mine")
    assert proxy.recorder.last()["attempts"] == 2


def test_one_that_is_alone_is_asked_twice(proxy: Running, upstream: Upstream, other: Upstream) -> None:
    """Over a second connection."""
    answers = [silent(), whole({"content": "again"})]
    upstream.script = lambda body: answers.pop(0)
    assert b"again" in ask(proxy, chat(model="alone")).body
    assert len(upstream.bodies) == 2
    wait_for(lambda: len(upstream.closed) == 1)


def test_what_must_not_be_done_twice_is_asked_for_once(
    proxy: Running, upstream: Upstream, other: Upstream
) -> None:
    """A conversation that the provider keeps would get two answers."""
    late = raw(b'{"id":"r","object":"response","status":"completed","output":[]}')
    upstream.script = Script(late.pieces, headers=late.headers, chunked=False, first_delay=AFTER * 2)
    body = {"model": "gpt-test", "input": "hi", "conversation": "conv_1"}
    assert ask(proxy, body, path="/v1/responses").status == 200
    assert (len(upstream.bodies), other.bodies) == (1, [])


def test_a_caller_who_leaves_takes_both_along(proxy: Running, upstream: Upstream, other: Upstream) -> None:
    """Both connections are closed."""
    upstream.script = other.script = silent()
    with pytest.raises(TimeoutError):
        _ask_and_leave(proxy, AFTER * 3)
    wait_for(lambda: bool(upstream.closed) and bool(other.closed))
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["attempts"]) == ("cancelled", 2)


def _ask_and_leave(proxy: Running, seconds: float) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=seconds)
    try:
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        connection.request("POST", "/v1/chat/completions", orjson.dumps(chat()), headers)
        connection.getresponse()
    finally:
        connection.close()
