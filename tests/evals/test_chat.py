"""One call, one try: what is sent beside the request, and what every kind of answer becomes."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.chat import Chat, Reply, guardrail_ms, together, wait_s
from evals.errors import Retryable, TargetError
from evals.types import Output, ToolCall
from tests.evals.conftest import ChatServer, completion
from tests.servers import Script, Upstream, raw

REQUEST: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


async def ask(base_url: str, request: dict[str, Any] | None = None, timeout_s: float = 5.0) -> Reply:
    """One call."""
    chat = Chat(base_url, "key", timeout_s)
    try:
        return await chat.ask(request or REQUEST)
    finally:
        await chat.aclose()


@pytest.fixture(scope="module")
def _provider() -> Iterator[Upstream]:
    provider = Upstream()
    yield provider
    provider.stop()


@pytest.fixture
def provider(_provider: Upstream) -> Upstream:
    """A provider that sends the bytes that it is told."""
    _provider.reset()
    return _provider


def url(provider: Upstream) -> str:
    """Where it listens."""
    return f"http://127.0.0.1:{provider.port}/v1"


async def test_no_kept_reply_is_wanted(provider: Upstream) -> None:
    """A cache on the way would make repeats equal: each call says that it wants none, and keeps none."""
    await ask(url(provider))

    assert b"\r\ncache-control: no-store\r\n" in provider.headers[0].lower()


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
async def test_what_may_pass_is_told_as_such(chat: ChatServer, status: int) -> None:
    """With the wait that the server asks for, and whether it is asked too much."""
    error = {"error": {"message": "secret", "code": "slow_down"}}
    chat.script = lambda request: (status, error, {"retry-after": "2", "x-guardhouse-trace-id": "t"})

    with pytest.raises(Retryable) as raised:
        await ask(chat.base_url)

    told = raised.value
    assert (told.reason, told.wait_s, told.throttled) == (f"HTTP {status} slow_down", 2.0, status == 429)
    assert (told.trace_id, len(chat.requests)) == ("t", 1)


async def test_a_refused_key_is_told_at_once(chat: ChatServer) -> None:
    """No further call can succeed."""
    chat.script = lambda request: (401, {"error": {"message": "secret"}}, {})

    with pytest.raises(TargetError, match="refuses the key"):
        await ask(chat.base_url)


@pytest.mark.parametrize("status", [400, 403, 404, 410, 413, 422])
async def test_what_will_not_pass_is_an_error(chat: ChatServer, status: int) -> None:
    """Nothing is raised, nothing that the server wrote is copied but a plain code."""
    error = {"error": {"message": "secret", "code": "a code of\nsecret words"}}
    chat.script = lambda request: (status, error, {})

    reply = await ask(chat.base_url)

    assert (reply.output.error, reply.message) == (f"HTTP {status}", {})


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"", "application/json", "unreadable reply"),
        (b"", "text/plain", "unreadable reply"),
        (b"<html><body>Bad gateway</body></html>", "text/html", "unreadable reply"),
        (b"<html><body>Bad gateway</body></html>", "application/json", "unreadable reply"),
        (b'{"id": "1", "choices": [{"index"', "application/json", "unreadable reply"),
        (b"null", "application/json", "no choices"),
        (b'"text"', "application/json", "no choices"),
        (b"[" * 100_000, "application/json", "unreadable reply"),
        (b'{"choices": null}', "application/json", "no choices"),
        (b'{"choices": {}}', "application/json", "no choices"),
        (b'{"choices": "abc"}', "application/json", "no choices"),
        (b'{"choices": [null]}', "application/json", "no choices"),
        (b'{"choices": [{}]}', "application/json", "no choices"),
        (b'{"choices": [{"message": "x"}]}', "application/json", "no choices"),
        (b'{"choices": ["x"]}', "application/json", "no choices"),
        (b'{"choices": [{"message": {"content": 5}}]}', "application/json", "not a text"),
        (b'{"choices": [{"message": {"content": ["a"]}}]}', "application/json", "not a text"),
        (b'{"choices": [{"message": {"content": "a", "tool_calls": 7}}]}', "application/json", "unreadable"),
        (b'\xff{"choices": []}', "application/json", "unreadable reply"),
    ],
)
async def test_what_is_no_completion_is_an_error(
    provider: Upstream, body: bytes, kind: str, says: str
) -> None:
    """Status 200 with anything else than a reply: never an exception, never an empty answer."""
    provider.script = Script([body], 200, {"content-type": kind}, chunked=False)

    reply = await ask(url(provider))

    assert says in reply.output.error
    assert (reply.output.text, reply.message) == ("", {})


async def test_a_reply_that_breaks_off_may_be_asked_for_again(provider: Upstream) -> None:
    """The connection ended before the body did."""
    provider.script = Script([b'{"id": '], 200, {"content-type": "application/json"}, cut=True)

    with pytest.raises(Retryable, match="connection failed"):
        await ask(url(provider))


async def test_silence_may_be_asked_again(provider: Upstream) -> None:
    """As long as it was to be waited for, and no longer."""
    provider.script = Script([b"{}"], first_delay=30)

    with pytest.raises(Retryable, match=r"no reply within 0\.05 s"):
        await ask(url(provider), timeout_s=0.05)


@contextmanager
def slammed() -> Iterator[str]:
    """A server that closes every connection unanswered."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


async def test_a_closed_connection_may_be_opened_again() -> None:
    """A server that hangs up, and one that is not there."""
    with slammed() as base_url, pytest.raises(Retryable, match="connection failed"):
        await ask(base_url)
    with pytest.raises(Retryable, match=r"connection failed \(ConnectionRefusedError\)"):
        await ask("http://127.0.0.1:9/v1")


async def test_calls_come_with_what_the_next_request_needs(chat: ChatServer) -> None:
    """Ids are made where a server gives none, and an object of arguments is written out; other kinds are left."""
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"type": "function", "function": {"name": "g", "arguments": {"y": 2}}},
        {"id": "c", "type": "custom", "custom": {"name": "h", "input": "i"}},
    ]
    chat.script = lambda request: (200, completion(None, tool_calls=calls), {})

    reply = await ask(chat.base_url)

    assert reply.output.tool_calls == (ToolCall("f", '{"x":1}'), ToolCall("g", '{"y": 2}'))
    assert reply.message["content"] is None
    assert [call["id"] for call in reply.message["tool_calls"]] == ["a", "call_1"]


async def test_calls_at_the_same_time_get_their_own_replies(chat: ChatServer) -> None:
    """Also one after the other. A call that was given up harms no other."""
    client = Chat(chat.base_url, "key", 5.0)
    gate = threading.Event()
    chat.script = lambda request: (200, completion(request["messages"][0]["content"]), {})

    def request(word: str) -> dict[str, Any]:
        return {"model": "m", "messages": [{"role": "user", "content": word}]}

    replies = await asyncio.gather(*(client.ask(request(f"word {n}")) for n in range(8)))
    replies += [await client.ask(request(f"word {n}")) for n in range(8, 16)]
    chat.script = lambda request: (200 if gate.wait(10) else 500, completion("late"), {})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.ask(REQUEST), 0.05)
    gate.set()
    chat.script = lambda request: (200, completion("after"), {})
    after = await client.ask(REQUEST)
    await client.aclose()

    assert [reply.output.text for reply in replies] == [f"word {n}" for n in range(16)]
    assert after.output.text == "after"


@pytest.mark.parametrize(
    ("status", "body"), [(200, completion()), (400, {"error": {"code": "content_filter"}})]
)
async def test_a_proxy_tells_its_policy(chat: ChatServer, status: int, body: dict[str, Any]) -> None:
    """Whether it let the reply pass or not."""
    chat.script = lambda request: (status, body, {"x-guardhouse-policy": "default@12"})

    assert (await ask(chat.base_url)).output.policy == "default@12"


async def test_half_a_character_cannot_be_sent(chat: ChatServer) -> None:
    """A lone surrogate in a case is told, not blamed on the server."""
    reply = await ask(chat.base_url, {"model": "m", "messages": [{"role": "user", "content": "\ud83d"}]})

    assert "half a character" in reply.output.error
    assert chat.requests == []


async def test_an_answer_that_is_whole_is_given_as_it_is(provider: Upstream) -> None:
    """Unknown members and absent ones do no harm."""
    provider.script = raw(b'{"choices": [{"message": {"content": "At 9.", "mood": "good"}}], "more": [1]}')

    reply = await ask(url(provider))

    assert (reply.output.text, reply.output.error, reply.output.answered_model) == ("At 9.", "", "")
    assert reply.message == {"role": "assistant", "content": "At 9."}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after-ms": "x", "retry-after": "3"}, 3.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 99 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_a_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    """Milliseconds, seconds, or a date, which is past here."""
    assert wait_s(headers) == seconds


def test_a_date_ahead_is_a_wait() -> None:
    """With a zone, and without one."""
    until = datetime.now(UTC) + timedelta(hours=1)
    for text in (format_datetime(until, usegmt=True), until.strftime("%a, %d %b %Y %H:%M:%S")):
        seconds = wait_s({"retry-after": text})
        assert seconds is not None and 3000 < seconds <= 3600


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_header_breaks_the_reading(ms: str, seconds: str) -> None:
    """Whatever stands there: no wait, or one that is not negative."""
    told = wait_s({"retry-after-ms": ms, "retry-after": seconds})

    assert told is None or told >= 0


@pytest.mark.parametrize("key", ["kéy", "key\nwith: a header", "key\x00"])
def test_a_key_that_no_header_carries_is_refused(key: str) -> None:
    """Before the first call, without the key in the message."""
    with pytest.raises(TargetError, match="characters that no header can carry") as raised:
        Chat("http://127.0.0.1:9/v1", key, 1.0)
    assert key not in str(raised.value)


@pytest.mark.parametrize(
    ("header", "spent"),
    [
        ("auth;dur=0.2, inspect_input;dur=1.5, upstream;dur=40, inspect_output;dur=2.25, total;dur=45", 3.75),
        ("inspect_input;dur=0", 0.0),
        ('inspect_input; desc="all";dur=1.5', 1.5),
        ("total;dur=45", None),
        ("inspect_input", None),
        ("inspect_input;dur=fast", None),
        ("inspect_input;dur=nan", None),
        ("inspect_input;dur=-1", None),
        ("", None),
    ],
)
async def test_time_in_guardrails_is_what_a_proxy_tells(
    chat: ChatServer, header: str, spent: float | None
) -> None:
    """The sum of its steps that inspect; None where it does not say so, or nonsense."""
    chat.script = lambda request: (200, completion(), {"server-timing": header})

    assert (await ask(chat.base_url)).output.guardrail_ms == spent
    assert guardrail_ms({"server-timing": header}) == spent


@given(st.text(max_size=60))
def test_any_timing_header_is_read(header: str) -> None:
    """A number from 0 on, or None."""
    spent = guardrail_ms({"server-timing": header})

    assert spent is None or 0 <= spent < float("inf")


def test_a_part_of_the_time_is_not_told_as_the_whole() -> None:
    """One of several calls said nothing."""
    told, silent = Output(guardrail_ms=1.5, answered_model="m"), Output(answered_model="m")

    assert together([told, told]).guardrail_ms == 3.0
    assert together([told, silent]).guardrail_ms is None
