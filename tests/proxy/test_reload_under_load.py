"""Reloads while requests go on: none fails, and each ends with the configuration that it began with."""

from __future__ import annotations

import asyncio
import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proxy.app import App
from tests.proxy.test_pipeline import ask, chat
from tests.proxy.test_reload import Files
from tests.servers import ADMIN_KEY, MemoryRecorder, Running, Upstream, said, served, whole

RULE = {"id": "no", "check": "words", "stages": ["input"], "action": "block"}


@pytest.fixture
def running(_upstream: Upstream, tmp_path: Path) -> Iterator[tuple[Files, Running]]:
    """A proxy that serves this configuration, and records in memory."""
    given = Files(tmp_path, f"http://127.0.0.1:{_upstream.port}/v1")
    app = given.app()
    recorder = MemoryRecorder()
    with served(App(replace(app.context, recorder=recorder), recorder, app._state)) as proxy:
        yield given, proxy


class Caller(threading.Thread):
    """Asks again and again, until it is told to stop."""

    def __init__(self, port: int, stream: bool) -> None:
        super().__init__(daemon=True)
        self.port, self.stream, self.stop = port, stream, False
        self.failed: list[str] = []
        self.asked = 0

    def run(self) -> None:
        """One request after another over one connection."""
        body = json.dumps(
            {"model": "m", "stream": self.stream, "messages": [{"role": "user", "content": "hello"}]}
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        head = {"authorization": f"Bearer {ADMIN_KEY}"}
        while not self.stop:
            try:
                connection.request("POST", "/v1/chat/completions", body, head)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                return
            self.asked += 1
            if answer.status != 200 or (self.stream and not text.endswith(b"[DONE]\n\n")):
                self.failed.append(f"{answer.status} {text[:200]!r}")
        connection.close()


@pytest.mark.long
def test_fifty_reloads_under_load_fail_no_request(running: tuple[Files, Running], upstream: Upstream) -> None:
    """Every exchange is stamped with a policy and a configuration that were in force together while it lasted."""
    given, proxy = running
    upstream.script = lambda body: (
        said("one two three", lambda text: text.split(), "content") if body.get("stream") else whole()
    )
    callers = [Caller(proxy.port, stream=bool(number % 2)) for number in range(32)]
    in_force: list[tuple[int, int, str, str]] = []
    """Revisions and policies, each with moments (microseconds) before and after it came into force."""
    app = proxy.app

    async def change(number: int) -> None:
        given.policy(f"word{number}") if number % 2 else None
        given.config["guardhouse"]["default_model"] = "m" if number % 3 else None
        given.config["guardhouse"]["max_body_bytes"] = 100_000 + number
        given.write()
        begun = time.time_ns() // 1000
        assert (await app.reloads.reload()).changed
        in_force.append(
            (begun, time.time_ns() // 1000, app.context.config.revision, app.context.policies.label)
        )

    in_force.append((0, 0, app.context.config.revision, app.context.policies.label))
    for caller in callers:
        caller.start()
    for number in range(50):
        asyncio.run_coroutine_threadsafe(change(number), proxy.loop).result(60)
        time.sleep(random.random() * 0.02)
    for caller in callers:
        caller.stop = True
    for caller in callers:
        caller.join(60)
    until_idle = time.monotonic() + 20
    while proxy.recorder.busy() and time.monotonic() < until_idle:
        time.sleep(0.01)

    assert [failure for caller in callers for failure in caller.failed] == []
    documents = list(proxy.recorder.documents)
    assert len(documents) == sum(caller.asked for caller in callers) > 100
    ends = [after for _, after, _, _ in in_force[1:]] + [time.time_ns() // 1000]
    moments = {(r, label): (before, end) for (before, _, r, label), end in zip(in_force, ends, strict=True)}
    for document in documents:
        before, end = moments[document["config"], document["policy"]]
        assert before <= document["started_us"] <= end
    assert len({document["config"] for document in documents}) > 5


def test_a_request_ends_with_the_configuration_it_began_with(
    running: tuple[Files, Running], upstream: Upstream
) -> None:
    """Its model may be gone from the file meanwhile; whoever comes later is told so."""
    given, proxy = running
    arrived = threading.Event()

    def slow(body: dict[str, Any]) -> Any:
        arrived.set()
        script = whole()
        script.first_delay = 0.5
        return script

    upstream.script = slow
    answers: list[Any] = []
    caller = threading.Thread(
        target=lambda: answers.append(ask(proxy, chat({"role": "user", "content": "hi"}, model="m")))
    )
    caller.start()
    assert arrived.wait(20)
    before = proxy.app.context
    given.config["model_list"] = [given.model("n", f"http://127.0.0.1:{upstream.port}/v1")]
    given.write()
    asyncio.run_coroutine_threadsafe(proxy.app.reloads.reload(), proxy.loop).result(20)
    caller.join(20)

    assert answers[0].status == 200
    assert proxy.recorder.last(10)["config"] == before.config.revision
    assert ask(proxy, chat({"role": "user", "content": "hi"}, model="m")).status == 404
    assert ask(proxy, chat({"role": "user", "content": "hi"}, model="n")).status == 200


def test_pages_follow_the_configuration_and_sessions_survive(running: tuple[Files, Running]) -> None:
    """Whoever is signed in to the review pages stays signed in, and sees what is in force."""
    given, proxy = running
    cookie = f"guardhouse_review={_signed_in(proxy)}"
    page = ask(proxy, method="GET", path="/review", headers={"cookie": cookie})
    assert page.status == 200 and b'"m"' in page.body
    # The page names the first model.
    given.config["model_list"].insert(0, given.model("novel", "http://127.0.0.1:9/v1"))
    given.policy("pear")
    given.write()

    answer = ask(proxy, b"{}", method="POST", path="/api/reload")
    told = json.loads(answer.body)
    assert answer.status == 200 and told["changed"] and told["revision"] == proxy.app.context.config.revision

    page = ask(proxy, method="GET", path="/review", headers={"cookie": cookie})
    assert page.status == 200
    assert b"novel" in page.body and proxy.app.context.policies.label.encode() in page.body
    assert json.loads(ask(proxy, method="GET", path="/readyz").body)["config"] == told["revision"]


def _signed_in(proxy: Running) -> str:
    from proxy.review.session import Sessions

    context = proxy.app.context
    return Sessions(context.key, context.keyring).sign_in(ADMIN_KEY)
