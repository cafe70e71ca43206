"""One request over bare ASGI: bodies, encodings, and a client that leaves."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import orjson
import pytest

from proxy.errors import BadRequest, PayloadTooLarge, RequestTimeout
from proxy.wire import ClientGone, Connection, Pings
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream


def connection(
    *messages: dict[str, Any], headers: dict[str, str] | None = None
) -> tuple[Connection, list[Any]]:
    """A connection whose client sends these messages, then nothing; and the list of what is sent back."""
    waiting = list(messages)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Connection({"method": "POST", "path": "/", "headers": pairs}, receive, send), sent


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    """A piece of a request body."""
    return {"type": "http.request", "body": body, "more_body": more}


LIMIT = 50
GONE = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("pieces", "headers"),
    [
        ([part(b"hello")], {}),
        ([part(b"he", True), part(b"", True), part(b"llo")], {}),
        ([part(gzip.compress(b"hello", mtime=0))], {"content-encoding": " GZIP "}),
        ([part(b"hello")], {"content-encoding": "identity", "content-length": "5"}),
    ],
)
async def test_a_body_is_read_whole(pieces: list[Any], headers: dict[str, str]) -> None:
    """Pieces are joined and gzip is unpacked."""
    assert await connection(*pieces, headers=headers)[0].body(LIMIT) == b"hello"


@pytest.mark.parametrize(
    ("pieces", "headers", "error"),
    [
        ([part(b"1" * 51)], {}, PayloadTooLarge),
        ([part(b"1" * 26, True), part(b"1" * 25, True)], {}, PayloadTooLarge),
        ([], {"content-length": "51"}, PayloadTooLarge),
        ([part(gzip.compress(b"1" * 51, mtime=0))], {"content-encoding": "gzip"}, PayloadTooLarge),
        ([part(b"12345")], {"content-encoding": "gzip"}, BadRequest),
        ([part(b"12345")], {"content-encoding": "deflate"}, BadRequest),
        ([part(b"12", True), GONE], {}, ClientGone),
    ],
)
async def test_a_body_that_cannot_be_taken_is_refused(
    pieces: list[Any], headers: dict[str, str], error: type[Exception]
) -> None:
    """Too long (told, sent or unpacked), falsely encoded, or never finished."""
    made, _ = connection(*pieces, headers=headers)

    with pytest.raises(error):
        await made.body(LIMIT)


async def test_trailing_bytes_after_gzip_are_refused() -> None:
    """A second stream behind the first would be text that nobody reads as we do."""
    made, _ = connection(
        part(gzip.compress(b"a") + gzip.compress(b"b")), headers={"content-encoding": "gzip"}
    )

    with pytest.raises(BadRequest):
        await made.body(1000)


async def test_a_client_that_leaves_ends_what_waits_for_it() -> None:
    """Work inside `watched` is cancelled at once and becomes ClientGone."""
    made, _ = connection(part(b""), GONE)
    await made.body(5)

    with pytest.raises(ClientGone):
        async with made.watched():
            await asyncio.sleep(30)
    assert made.gone
    assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]


async def test_a_cancel_from_outside_stays_a_cancel() -> None:
    """A server that stops is not a client that left."""
    made, _ = connection(part(b""))

    async def work() -> None:
        await made.body(5)
        async with made.watched():
            await asyncio.sleep(30)

    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_work_that_ends_leaves_no_watch_behind() -> None:
    """After the block nothing is cancelled any more."""
    made, _ = connection(part(b""))
    await made.body(5)
    before = len(asyncio.all_tasks())
    async with made.watched():
        pass
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert len(asyncio.all_tasks()) == before


async def test_pings_come_only_into_a_silent_stream() -> None:
    """Nothing before the start; then a comment for each interval without a write."""
    made, sent = connection()
    pinging = Pings(made, b": ping\n\n", 0.02)
    await asyncio.sleep(0.05)
    assert sent == []
    await made.start(200, [])
    await asyncio.sleep(0.07)
    pinging.cancel()

    assert [message["body"] for message in sent[1:]] == [b": ping\n\n"] * len(sent[1:])
    assert 1 <= len(sent[1:]) <= 4


async def test_pings_do_not_pile_up_before_a_client_that_does_not_read() -> None:
    """One waits, however long that is; and none when the stream is over."""
    made, sent = connection()
    writing = 0

    async def stuck(message: Any) -> None:
        nonlocal writing
        if message["type"] == "http.response.body":
            writing += 1
            await asyncio.Event().wait()

    made._send = stuck
    await made.start(200, [])
    before = asyncio.all_tasks()
    pinging = Pings(made, b": ping\n\n", 0.01)
    await asyncio.sleep(0.1)
    assert writing == 1

    pinging.cancel()
    await asyncio.sleep(0.02)
    assert (asyncio.all_tasks(), sent) == (before, [])


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """One that comes bit by bit has more time only for what came."""
    for pieces in ([], [part(b"1", True)] * 5):
        made, _ = connection(*pieces)
        with pytest.raises(RequestTimeout):
            await made.body(LIMIT, 0.02)


def test_who_the_caller_is_is_not_forwardable() -> None:
    """Credentials and cookies are never among the headers that a provider might be sent."""
    made, _ = connection(headers={"authorization": "a", "cookie": "b", "api-key": "c", "openai-beta": "d"})

    assert made.forwardable() == {"openai-beta": "d"}


def test_a_query_is_as_it_came() -> None:
    """Without the question mark; empty where there is none."""
    scope = {"method": "GET", "path": "/", "headers": []}
    unused: Any = None
    assert Connection({**scope, "query_string": b"a=%20"}, unused, unused).query == b"a=%20"
    assert Connection(scope, unused, unused).query == b""


def test_a_gzipped_body_is_read(proxy: Running, upstream: Upstream) -> None:
    """True gzip is unpacked, and goes on plain."""
    plain = orjson.dumps({**chat(), "model": "gpt-real"})

    assert ask(proxy, gzip.compress(plain), headers={"content-encoding": "gzip"}).status == 200
    assert upstream.bodies == [plain]
