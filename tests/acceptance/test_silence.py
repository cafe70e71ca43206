"""Streams that are silent for long: a ping in the words of each dialect, between events only, and nowhere else."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest

from tests.acceptance.provider_faults import ERROR, EVENTS, chunked, chunks, head, sized
from tests.acceptance.rough import RoughProvider
from tests.acceptance.spoken import ROUTES, Route, models, outcome
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, Running, make_app, served

SILENCE = 0.7
"""Seconds for which the provider says nothing, again and again."""
PING = 0.2
STREAMED = [pytest.param(route, id=route.name) for route in ROUTES.values() if route.frames([])]
HELD = ("All of it ", "is well said.", " 4111 1111 ", "1111 1")
"""A reply whose last two pieces may still become a card number."""


@pytest.fixture(scope="module")
def provider() -> Iterator[RoughProvider]:
    """The provider."""
    made = RoughProvider()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def proxy(provider: RoughProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that pings often."""
    folder = tmp_path_factory.mktemp("silence")
    with served(make_app(folder, "", policy(), models(provider.port), clients={"ping_s": PING})) as running:
        yield running


def asked(proxy: Running, route: Route, stream: bool) -> tuple[str, bytes]:
    """What the caller makes of the answer, and its body."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
    try:
        headers = {"authorization": f"Bearer {ADMIN_KEY}"}
        connection.request("POST", route.path, route.request(stream=stream), headers)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    return outcome(route, answer.status, answer.headers["content-type"], body), body


def ping(route: Route) -> bytes:
    """What the route's clients expect."""
    return b'event: ping\ndata: {"type": "ping"}' if route.path == "/v1/messages" else b": ping"


@pytest.mark.parametrize("route", STREAMED)
def test_a_silent_stream_is_kept_alive(proxy: Running, provider: RoughProvider, route: Route) -> None:
    """Between any two events, also while text is held back; the answer is the same as without."""
    events = route.frames(HELD)
    provider.play(chunked(*events))
    _, plain = asked(proxy, route, True)
    middle = len(events) // 2
    provider.play(
        *(chunked(*events[:middle], end=False), SILENCE, chunks(*events[middle:-1], end=False)),
        *(SILENCE, chunks(events[-1])),
    )

    told, body = asked(proxy, route, True)

    frames = body.split(b"\n\n")
    assert told == "answered"
    assert 3 <= frames.count(ping(route)) <= 8
    assert not any(ping(route) in frame and frame != ping(route) for frame in frames)
    assert b"".join(_texts(frames, route)) == b"".join(_texts(plain.split(b"\n\n"), route))


def _texts(frames: list[bytes], route: Route) -> list[bytes]:
    """The frames but for pings, without their order numbers."""
    return [
        frame
        for frame in frames
        if frame != ping(route) and not frame.startswith(b'event: ping\ndata: {"type":"ping"}')
    ]


@pytest.mark.parametrize("route", STREAMED)
def test_nothing_is_sent_before_the_status_is_known(
    proxy: Running, provider: RoughProvider, route: Route
) -> None:
    """A provider that thinks for long and then refuses: the caller is told by a status."""
    provider.play(head(EVENTS, "transfer-encoding: chunked"), SILENCE, chunks(ERROR))
    told, body = asked(proxy, route, True)

    assert told == "error"
    assert ping(route) not in body


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_whole_reply_gets_none(proxy: Running, provider: RoughProvider, route: Route) -> None:
    """It could not be told from the reply."""
    provider.play(SILENCE, sized(route.whole))
    told, body = asked(proxy, route, False)

    assert told == "answered"
    assert b"ping" not in body
