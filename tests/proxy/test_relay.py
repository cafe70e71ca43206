"""Answers on their way back: streams over a real wire, broken answers, and callers who leave."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from proxy import wire
from tests.beats import beating
from tests.proxy.test_pipeline import CARD, Answer, ask, chat
from tests.servers import ADMIN_KEY, Running, Script, Upstream, chunk, raw, said, stream, whole

STOP = chunk({}, "stop")
DONE = b"data: [DONE]\n\n"
USER = {"role": "user", "content": "write to ada@example.com"}


def payloads(answer: Answer) -> list[Any]:
    """The events of a streamed answer, parsed; [DONE] as it is."""
    found = [
        block.removeprefix(b"data: ") for block in answer.body.split(b"\n\n") if not block.startswith(b":")
    ]
    return [data if data == b"[DONE]" else orjson.loads(data) for data in found if data]


def text(answer: Answer) -> str:
    """The content of a streamed answer."""
    events = [event for event in payloads(answer) if isinstance(event, dict) and "choices" in event]
    return "".join(part["delta"].get("content") or "" for event in events for part in event["choices"])


def test_a_stream_is_relayed_as_the_provider_wrote_it(proxy: Running, upstream: Upstream) -> None:
    """Clean chunks leave byte for byte, in order, with our headers in front."""
    upstream.script = said("All is well. ", lambda text: re.findall(r"\w+\W+", text))

    answer = ask(proxy, chat(stream=True))

    assert answer.body == b"".join(upstream.script.pieces)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-guardhouse-verdict"] == "allow"
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["stream"], kept["finish_reasons"]) == ("passed", True, ["stop"])
    assert kept["response"]["choices"][0]["message"]["content"] == "All is well. "
    assert 0 < kept["first_token_us"] <= kept["duration_us"]


def test_bytes_may_be_cut_anywhere(proxy: Running, upstream: Upstream) -> None:
    """Reads that end inside characters, lines or events change nothing."""
    whole_stream = b"".join(said(f"Grüße an {CARD} ✓", list).pieces).replace(b"\n", b"\r\n")
    upstream.script = stream([whole_stream[n : n + 7] for n in range(0, len(whole_stream), 7)])

    assert text(ask(proxy, chat(stream=True))) == "Grüße an [CARD] ✓"


def test_pseudonyms_come_back_in_a_stream(proxy: Running, upstream: Upstream) -> None:
    """The caller reads its own value although the token came letter by letter; the record keeps the token."""
    upstream.script = lambda body: said("Done: " + body["messages"][-1]["content"])

    answer = ask(proxy, chat(USER, stream=True))

    assert text(answer) == "Done: write to ada@example.com"
    assert b"EMAIL_" not in answer.body
    assert "ada@example.com" not in json.dumps(proxy.recorder.last())


def test_a_blocked_stream_ends_at_once(proxy: Running, upstream: Upstream) -> None:
    """A final chunk with `content_filter`, then [DONE]; the provider's connection is closed, the rest never read."""
    events = [chunk({"content": piece}) for piece in ("So ", "krypton", "ite ", "never")]
    upstream.script = stream([*events, *[chunk({"content": "x"})] * 100], delay=0.02)

    answer = ask(proxy, chat(stream=True))

    assert text(answer) == "So "
    assert payloads(answer)[-2]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]
    assert payloads(answer)[-1] == b"[DONE]"
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["finish_reasons"]) == ("blocked", ["content_filter"])
    assert kept["response"]["choices"][0]["message"]["content"] == "So "
    wait_for(lambda: bool(upstream.closed))


def test_a_blocked_reply_holds_nothing_of_the_model(proxy: Running, upstream: Upstream) -> None:
    """Unstreamed: every choice is emptied and ends with `content_filter`; its tool calls are gone."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    upstream.script = whole(
        messages=[{"content": "Take kryptonite"}, {"content": "fine", "tool_calls": [call]}]
    )

    answer = ask(proxy, chat(n=2))

    choices = json.loads(answer.body)["choices"]
    assert [choice["message"] for choice in choices] == [
        {"role": "assistant", "content": "", "refusal": None}
    ] * 2
    assert {choice["finish_reason"] for choice in choices} == {"content_filter"}
    assert (answer.status, answer.headers["x-guardhouse-verdict"]) == (200, "block")
    assert proxy.recorder.last()["outcome"] == "blocked"


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (raw(b""), 502, "upstream_error"),
        (raw(b"not json"), 502, "upstream_error"),
        (raw(b'{"id": "x", "choices": [{"index"'), 502, "upstream_error"),
        (raw(b"[]"), 502, "upstream_error"),
        (raw(b"{}"), 502, "upstream_error"),
        (raw(b'{"choices": []}'), 502, "upstream_error"),
        (raw(b'{"choices": [{"index": 0}]}'), 502, "upstream_error"),
        (raw(b'{"error": {"message": "x", "code": "overloaded"}}'), 502, "overloaded"),
        (raw(b"<html>oops", 503), 503, "upstream_error"),
        (raw(b'{"detail": "Not Found"}', 404), 404, "upstream_error"),
        (raw(b'{"error": "flat"}', 400), 400, "upstream_error"),
        (raw(b'{"error": {"message": "a", "message": "b"}}', 400), 400, "upstream_error"),
        (
            raw(b'{"error": {"message": "a"}, "x": ' + b"[" * 300 + b"]" * 300 + b"}", 400),
            400,
            "upstream_error",
        ),
        (raw(b"{}", 600), 502, "upstream_error"),
        (raw(b"{}", 999), 502, "upstream_error"),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_broken_answer_is_told_as_broken(
    proxy: Running, upstream: Upstream, script: Script, status: int, code: str, streamed: bool
) -> None:
    """No answer is ever made up: half a body, no choices or an error in a 200 are errors, streamed or not."""
    upstream.script = script

    answer = ask(proxy, chat(stream=streamed))

    assert (answer.status, answer.error["code"]) == (status, code)
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["http_status"], kept["upstream_called"]) == ("failed", status, True)
    assert kept["error"]["code"] == code


def test_a_providers_own_error_is_passed_on(proxy: Running, upstream: Upstream) -> None:
    """Status, body, `retry-after` and `x-request-id` are the provider's; cookies are not."""
    body = b'{"error": {"message": "Slow down.", "type": "requests", "param": null, "code": "rate_limit_exceeded", "x": 1}}'
    upstream.script = raw(body, 429, retry_after="7", x_request_id="req_1", set_cookie="a=b", x_secret="s")

    answer = ask(proxy, chat())

    assert (answer.status, answer.body) == (429, body)
    assert (answer.headers["retry-after"], answer.headers["x-request-id"]) == ("7", "req_1")
    assert "set-cookie" not in answer.headers
    assert "x-secret" not in answer.headers
    assert proxy.recorder.last()["error"]["code"] == "rate_limit_exceeded"


@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_in_another_shape_keeps_its_words(
    proxy: Running, upstream: Upstream, streamed: bool
) -> None:
    """Told as OpenAI's errors are, inspected like a reply, and not stored."""
    upstream.script = raw(
        b'{"object": "error", "message": "4111 1111 1111 1111 is too long", "code": 400}', 400
    )

    answer = ask(proxy, chat(stream=streamed))

    assert (answer.status, json.loads(answer.body)["error"]) == (
        400,
        {
            "message": "[CARD] is too long",
            "type": "invalid_request_error",
            "param": None,
            "code": "upstream_error",
        },
    )
    assert "too long" not in proxy.recorder.last()["error"]["message"]


HELLO = chunk({"role": "assistant", "content": "Hello "})


@pytest.mark.parametrize(
    ("pieces", "cut", "said_before"),
    [
        ([HELLO], False, "Hello "),
        ([HELLO, DONE], False, "Hello "),
        ([HELLO, b"data: {broken\n\n", chunk({"content": "never"})], False, "Hello "),
        ([HELLO, b'data: {"error": {"message": "boom", "code": "server_error"}}\n\n'], False, "Hello "),
        ([HELLO, chunk({"content": "4111"})], True, "Hello 4111"),
        ([HELLO, b'data: {"choices": [{"ind'], False, "Hello "),
        (
            [HELLO, b'data: {"choices": [{"delta": {"content": "no", "content": "b"}}]}\n\n'],
            False,
            "Hello ",
        ),
        ([b"data:\n\n", HELLO, b"data: \n\n"], False, "Hello "),
    ],
)
def test_a_stream_that_breaks_says_so(
    proxy: Running, upstream: Upstream, pieces: list[bytes], cut: bool, said_before: str
) -> None:
    """What was said stays, then an error event and [DONE]; never a made-up `stop`; the trace says failed."""
    upstream.script = stream(pieces, cut=cut)

    answer = ask(proxy, chat(stream=True))

    assert answer.status == 200
    assert text(answer) == said_before
    events = payloads(answer)
    assert events[-1] == b"[DONE]"
    assert events[-2]["error"].keys() == {"message", "type", "param", "code"}
    assert b"boom" not in answer.body
    assert b'"stop"' not in answer.body
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["http_status"]) == ("failed", 200)
    assert kept["response"]["choices"][0]["message"]["content"] == said_before


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [DONE],
        [b"data: {broken\n\n"],
        [b"data: []\n\n", STOP],
        [b'data: {"error": {"message": "x", "type": "server_error", "param": null, "code": null}}\n\n'],
    ],
)
def test_a_stream_that_never_begins_is_an_http_error(
    proxy: Running, upstream: Upstream, pieces: list[bytes]
) -> None:
    """Before the first good event nothing is promised: the fault has a status of its own."""
    upstream.script = stream(pieces)

    answer = ask(proxy, chat(stream=True))

    assert (answer.status, answer.error["type"]) == (502, "server_error")
    assert proxy.recorder.last()["outcome"] == "failed"


def test_a_provider_that_does_not_stream_is_streamed_for(proxy: Running, upstream: Upstream) -> None:
    """A whole answer to a streaming caller arrives as events, after the same guardrails."""
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    upstream.script = whole({"content": f"Card {CARD}", "tool_calls": [call]})

    answer = ask(proxy, chat(stream=True))

    assert text(answer) == "Card [CARD]"
    assert payloads(answer)[0]["choices"][0]["delta"]["tool_calls"] == [{"index": 0, **call}]
    assert payloads(answer)[-1] == b"[DONE]"
    *_, last, used, _ = payloads(answer)
    assert last["choices"][0]["finish_reason"] == "stop" and "usage" not in last
    assert used["choices"] == [] and used["usage"]["total_tokens"] == 3


def test_a_silent_stream_is_kept_alive(
    proxy: Running, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment is sent where nothing else was for a while, between events only."""
    monkeypatch.setattr("proxy.relay.Pings", lambda connection, frame, _: wire.Pings(connection, frame, 0.05))
    upstream.script = stream([HELLO, STOP, DONE], delay=0.2)

    answer = ask(proxy, chat(stream=True))

    assert 2 <= answer.body.count(b": ping\n\n") <= 9
    assert text(answer) == "Hello "


def test_a_finished_stream_gives_its_connection_back(proxy: Running, upstream: Upstream) -> None:
    """Streams that end properly share one connection to the provider."""
    upstream.script = said("ok")
    ports = set()
    for _ in range(3):
        ask(proxy, chat(stream=True))
        ports.add(len(upstream.closed))

    assert ports == {0}


# --- callers who leave


def wait_for(reached: Any, seconds: float = 2.0) -> None:
    """Until something is so."""
    until = time.monotonic() + seconds
    while not reached() and time.monotonic() < until:
        time.sleep(0.002)
    assert reached()


@pytest.fixture
def caller(proxy: Running) -> Iterator[Any]:
    """A raw client: sends a request and returns its socket."""
    sockets = []

    def call(**more: Any) -> socket.socket:
        body = orjson.dumps(chat(USER, **more))
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_KEY}\r\n"
        connection = socket.create_connection(("127.0.0.1", proxy.port))
        sockets.append(connection)
        connection.sendall(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
        return connection

    yield call
    for connection in sockets:
        connection.close()


@pytest.mark.parametrize("streamed", [False, True])
def test_leaving_before_the_first_byte_ends_the_call(
    proxy: Running, upstream: Upstream, caller: Any, streamed: bool
) -> None:
    """The provider's connection is closed within 250 ms, and the exchange is recorded as cancelled."""
    upstream.script = (
        stream([HELLO, STOP, DONE], first_delay=5) if streamed else Script([b"{}"], first_delay=5)
    )
    connection = caller(stream=streamed)
    wait_for(lambda: upstream.bodies)

    with beating() as lived:
        connection.close()
        wait_for(lambda: upstream.closed)

    assert lived.seconds < 0.25
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["upstream_called"], kept["response"]) == ("cancelled", True, None)
    assert kept["attempts"] == 1


def test_leaving_in_mid_stream_ends_the_call(proxy: Running, upstream: Upstream, caller: Any) -> None:
    """The same in the middle of a stream; what had left is recorded, masked."""
    upstream.script = lambda body: stream(
        [chunk({"content": piece}) for piece in (body["messages"][-1]["content"], " and", " so", " on", "!")]
        + [chunk({"content": "."})] * 500,
        delay=0.02,
    )
    connection = caller(stream=True)
    received = b""
    while b" so" not in received:
        received += connection.recv(65536)

    with beating() as lived:
        connection.close()
        wait_for(lambda: upstream.closed)

    assert lived.seconds < 0.25
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["finish_reasons"]) == ("cancelled", [])
    content = kept["response"]["choices"][0]["message"]["content"]
    assert content.startswith("write to EMAIL_")
    assert " and so" in content


def test_leaving_while_sending_is_recorded(proxy: Running, upstream: Upstream) -> None:
    """A caller that breaks off its own request leaves a record too, and nothing goes upstream."""
    connection = socket.create_connection(("127.0.0.1", proxy.port))
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_KEY}\r\n"
    connection.sendall(head.encode() + b'content-length: 100\r\n\r\n{"model"')
    time.sleep(0.05)
    connection.close()

    assert proxy.recorder.last()["outcome"] == "cancelled"
    assert upstream.bodies == []


def test_a_fault_of_our_own_is_told_and_recorded(
    proxy: Running, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even a bug leaves an error in the envelope and one record that says failed."""
    monkeypatch.setattr("proxy.dialects.chat_reply.parse_reply", lambda body: 1 / 0)

    answer = ask(proxy, chat())

    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert proxy.recorder.last()["outcome"] == "failed"


def test_an_upstream_that_answers_garbage_is_a_502(proxy: Running, upstream: Upstream) -> None:
    """What is no completion is told as an error, recorded as failed."""
    upstream.script = raw(b"<html>")

    assert ask(proxy, chat()).error["code"] == "upstream_error"
    assert proxy.recorder.last()["outcome"] == "failed"
