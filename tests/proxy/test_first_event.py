"""The first event of a stream: before it nothing is promised, after it nothing is begun again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from proxy.config_deployments import Deployment, Timeouts
from proxy.errors import UpstreamError, UpstreamTimeout
from proxy.first_event import begun
from proxy.providers.base import EventStream, Reply

SECRET = "sk-secret-of-the-deployment"
PLACE = Deployment("a", "m", "fake", "fake", "echo", api_key=SECRET)
EVENT = b'data: {"choices":[]}\n\n'
LONG = Timeouts(first_byte=30, total=None)


def streamed(*pieces: bytes, pause: float = 0.0, closed: list[bool] | None = None) -> EventStream:
    """A stream of these pieces, with a pause before each."""

    async def told() -> AsyncGenerator[bytes, None]:
        try:
            for piece in pieces:
                await asyncio.sleep(pause)
                yield piece
        finally:
            if closed is not None:
                closed.append(True)

    return EventStream(told(), {"x-request-id": "r"})


async def test_a_stream_that_begins_is_whole() -> None:
    """Comments and all, however it was cut."""
    pieces = [b": hi\n\nda", b'ta: {"choi', b'ces":[]}\n\n', EVENT]
    found = await begun(streamed(*pieces), PLACE, LONG, 0.0)
    assert not isinstance(found, Reply)
    assert [piece async for piece in found] == pieces


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ('{"message":"m","code":429}', 429),
        ('{"message":"m","type":"overloaded_error"}', 529),
        ('{"message":"m","type":"invalid_request_error","code":"context_length_exceeded"}', 400),
        ('{"message":"m","type":"server_error"}', 502),
        ('"flat"', 502),
    ],
)
async def test_an_error_as_the_first_event_is_a_reply_without_our_key(error: str, status: int) -> None:
    """With the status that it names by number or by type."""
    closed: list[bool] = []
    told = f'data: {{"error": {error}, "seen": "{SECRET}"}}\n\n'.encode()
    found = await begun(streamed(told, EVENT, closed=closed), PLACE, LONG, 0.0)
    assert isinstance(found, Reply)
    assert (found.status, SECRET.encode() in found.body, closed) == (status, False, [True])


async def test_what_was_spent_before_counts() -> None:
    """Opening the stream and its first event have one deadline together."""
    deadlines = Timeouts(first_byte=0.2, total=None)
    assert not isinstance(await begun(streamed(EVENT, pause=0.05), PLACE, deadlines, 0.0), Reply)
    closed: list[bool] = []
    with pytest.raises(UpstreamTimeout):
        await begun(streamed(EVENT, pause=0.15, closed=closed), PLACE, deadlines, 0.19)
    assert closed == [True]


async def test_a_stream_that_ends_before_it_begins_is_an_error() -> None:
    """Comments are no beginning."""
    with pytest.raises(UpstreamError, match="before it began"):
        await begun(streamed(b": hi\n\n", b"data: half"), PLACE, LONG, 0.0)


async def test_all_of_a_stream_has_a_deadline_where_one_is_set() -> None:
    """However lively it is."""
    deadlines = Timeouts(first_byte=30, total=0.2)
    found = await begun(streamed(*[EVENT] * 1000, pause=0.01), PLACE, deadlines, 0.1)
    assert not isinstance(found, Reply)
    seen = 0
    with pytest.raises(UpstreamTimeout, match="did not finish"):
        async for _ in found:
            seen += 1
    assert 1 <= seen < 1000
