"""Callers who leave: at every moment and on every route the provider is let go at once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import pytest

from guardrails.check import BUILT_IN
from proxy.exchange import Exchange
from proxy.providers.http import Response
from proxy.wire import Connection, Pings, Watch
from tests.acceptance.provider_faults import EVENTS, JSON, chunked, head, sized
from tests.acceptance.rough import End, Play, RoughProvider
from tests.acceptance.spoken import ROUTES, Route, models
from tests.beats import beating
from tests.proxy import probe
from tests.proxy.policies import INPUTS, policy
from tests.servers import ADMIN_KEY, Running, make_app, served

SECONDS = 0.25
"""How long after a caller left its provider's connection may stay open, of the time that this process gets."""
MAIL = "ada@example.com"
PIECES = ("Write to ", "grace@example.com", " and say so. ", "The card is ", "4111 1111 ", "1111 1")
"""A reply that is masked, and then held back: the last two pieces may still become a card number."""
CARD = "4111 "
"""How what is held back begins; without the space it stands in many an id."""
PERIOD = 0.002
CALLS = [
    pytest.param(route, stream, id=f"{route.name}-{'streamed' if stream else 'whole'}")
    for route in ROUTES.values()
    for stream in ((False, True) if route.frames([]) else (False,))
]
STREAMED = [pytest.param(route, id=route.name) for route in ROUTES.values() if route.frames([])]


Call = Callable[[Running, Route, bool], socket.socket]


@pytest.fixture(scope="module")
def provider() -> Iterator[RoughProvider]:
    """The provider."""
    made = RoughProvider()
    yield made
    made.stop()


@contextmanager
def proxied(provider: RoughProvider, folder: Path, *rules: dict[str, Any]) -> Iterator[Running]:
    """A proxy with these rules besides the usual ones, that tries twice. Nothing is left in it at its end."""
    text = json.loads(policy())
    text["rules"] += rules
    deployments = models(provider.port)
    for deployment in deployments:
        deployment["litellm_params"]["num_retries"] = 1
    before = alive()
    with served(make_app(folder, "", json.dumps(text), deployments)) as running:
        yield running
        probe.GATE.set()
        until = time.monotonic() + 5
        while left := leftovers(running, before):
            assert time.monotonic() < until, "\n".join(left)
            time.sleep(PERIOD)


@pytest.fixture(scope="module")
def proxy(provider: RoughProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that masks addresses also in replies."""
    mail = json.loads(policy())["rules"][0]
    replies = {**mail, "id": "replies", "stages": ["output"], "action": "redact"}
    with proxied(provider, tmp_path_factory.mktemp("leaving"), replies) as running:
        yield running


@pytest.fixture(scope="module")
def inspecting(provider: RoughProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with a check that looks at requests for as long as the gate is shut."""
    rule = {"id": "probe", "check": "probe", "stages": INPUTS, "action": "redact", "timeout_ms": 9000}
    root = str(Path(__file__).parents[2])
    with (
        patch.dict(BUILT_IN, probe="tests.proxy.probe:probe"),
        patch.object(sys, "path", [root, *sys.path]),
        proxied(provider, tmp_path_factory.mktemp("inspecting"), rule) as running,
    ):
        yield running


@pytest.fixture
def call() -> Iterator[Call]:
    """Makes callers who have sent a request, and lets none of them stay."""
    with ExitStack() as callers:
        yield lambda proxy, route, stream: callers.enter_context(calling(proxy, route, stream))


def wait_for(reached: Callable[[], Any], seconds: float = 5.0) -> None:
    """Until something is so."""
    until = time.monotonic() + seconds
    while not reached() and time.monotonic() < until:
        time.sleep(PERIOD)
    assert reached()


def calling(proxy: Running, route: Route, stream: bool) -> socket.socket:
    """A caller who has sent a request."""
    proxy.recorder.forget()
    body = route.request(f"hi {MAIL}", stream)
    lines = (f"POST {route.path} HTTP/1.1", "host: x", f"authorization: Bearer {ADMIN_KEY}")
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    connection.sendall("\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body)
    return connection


def received(connection: socket.socket, word: bytes) -> bytes:
    """What a caller got up to a word."""
    got = b""
    while word not in got:
        more = connection.recv(65536)
        assert more, got
        got += more
    return got


def close(connection: socket.socket) -> None:
    """Leave as a program does that is done."""
    connection.close()


def reset(connection: socket.socket) -> None:
    """Leave as a program does that was killed with something unread."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def shut(connection: socket.socket) -> None:
    """Say that nothing more is sent, and go on reading: on the wire the same as leaving."""
    connection.shutdown(socket.SHUT_WR)


def let_go(
    proxy: Running, provider: RoughProvider, connection: socket.socket, leave: Callable[[Any], None] = close
) -> dict[str, Any]:
    """The trace of a caller who leaves now. Its provider is let go in time."""
    with beating() as lived:
        leave(connection)
        wait_for(lambda: provider.closed or not provider.open)
        assert lived.seconds < SECONDS
    kept = proxy.recorder.last()
    connection.close()
    wait_for(lambda: provider.open == 0)
    assert MAIL not in json.dumps(kept)
    assert "grace@example.com" not in json.dumps(kept)
    assert kept["outcome"] == "cancelled"
    assert kept["error"] is None
    return kept


def alive() -> list[Any]:
    """What there is of exchanges in this process, whoever's they are."""
    kinds = (Exchange, Connection, Watch, Pings, Response)
    gc.collect()
    return [each for each in gc.get_objects() if type(each) in kinds]


def leftovers(proxy: Running, before: list[Any]) -> list[str]:
    """What is alive of exchanges that are over and was not before: tasks, timers, connections."""
    known = {id(each) for each in before}
    left = [f"{type(each).__name__} {_holders(each)}" for each in alive() if id(each) not in known]
    ours = [task for task in asyncio.all_tasks(proxy.loop) if "/wire.py" in str(task.get_coro())]
    return left + [str(task) for task in ours]


def _holders(each: object) -> str:
    """What keeps an object alive."""
    holders = [holder for holder in gc.get_referrers(each) if not isinstance(holder, FrameType | list)]
    return "held by " + ", ".join(f"{type(holder).__name__} {str(holder)[:200]}" for holder in holders)


# --- before dispatch


@pytest.mark.parametrize(("route", "stream"), CALLS)
def test_leaving_while_the_request_is_inspected(
    inspecting: Running, provider: RoughProvider, call: Call, route: Route, stream: bool
) -> None:
    """Nothing goes out, however long the check would have looked."""
    provider.play(End.SILENT)
    probe.GATE.clear()
    connection = call(inspecting, route, stream)
    time.sleep(0.1)

    with beating() as lived:
        kept = let_go(inspecting, provider, connection)
    probe.GATE.set()

    assert lived.seconds < 2
    assert (kept["upstream_called"], kept["attempts"], kept["response"]) == (False, 0, None)
    assert provider.bodies == []


@pytest.mark.parametrize(("route", "stream"), CALLS)
def test_leaving_between_two_attempts(
    proxy: Running, provider: RoughProvider, call: Call, route: Route, stream: bool
) -> None:
    """While the proxy waits to try again, it does not any more."""
    provider.play(sized(b"{}", JSON, "retry-after: 3", status="503 No"))
    connection = call(proxy, route, stream)
    wait_for(lambda: provider.bodies and not provider.open)
    time.sleep(0.1)

    kept = let_go(proxy, provider, connection)

    assert (kept["upstream_called"], kept["attempts"], kept["response"]) == (True, 1, None)
    time.sleep(0.1)
    assert len(provider.bodies) == 1


# --- before the first token


WAITING: dict[str, Callable[[Route, bool], Play]] = {
    "nothing came": lambda route, stream: [End.SILENT],
    "half a head came": lambda route, stream: [b"HTTP/1.1 200 OK\r\ncontent-", End.SILENT],
    "the head came": lambda route, stream: [
        head(EVENTS if stream else JSON, "transfer-encoding: chunked"),
        End.SILENT,
    ],
    "a little came": lambda route, stream: [
        chunked(b": hi\n\n", end=False) if stream else sized(route.whole[:9], size=len(route.whole)),
        End.SILENT,
    ],
}


@pytest.mark.parametrize(
    ("so_far", "leave"),
    [
        ("nothing came", close),
        ("nothing came", reset),
        ("nothing came", shut),
        ("half a head came", close),
        ("the head came", shut),
        ("a little came", reset),
    ],
)
@pytest.mark.parametrize(("route", "stream"), CALLS)
def test_leaving_before_the_first_token(
    proxy: Running, provider: RoughProvider, call: Call, route: Route, stream: bool, so_far: str, leave: Any
) -> None:
    """Whatever the provider has said of its answer until then."""
    provider.play(*WAITING[so_far](route, stream))
    connection = call(proxy, route, stream)
    wait_for(lambda: provider.bodies)
    time.sleep(0.05)

    kept = let_go(proxy, provider, connection, leave)

    assert (kept["upstream_called"], kept["attempts"], kept["response"]) == (True, 1, None)
    assert len(provider.bodies) == 1


# --- mid-stream, and while text is held back


@pytest.mark.parametrize("leave", [close, reset, shut])
@pytest.mark.parametrize("held", [False, True], ids=["mid-stream", "held back"])
@pytest.mark.parametrize("route", STREAMED)
def test_leaving_a_stream(
    proxy: Running, provider: RoughProvider, call: Call, route: Route, held: bool, leave: Any
) -> None:
    """The trace has what had left, as it left; of what was held back neither caller nor trace see anything."""
    events = _saying(route, PIECES if held else PIECES[:4])
    provider.play(chunked(*events, end=False), End.SILENT)
    connection = call(proxy, route, True)
    got = received(connection, b"and say so")
    time.sleep(0.05)

    kept = let_go(proxy, provider, connection, leave)

    assert b"grace@example.com" not in got
    assert CARD.encode() not in got
    told = json.dumps(kept["response"])
    assert "Write to [EMAIL] and say so." in told
    assert CARD not in told
    assert (kept["http_status"], kept["stream"], kept["finish_reasons"]) == (200, True, [])


@pytest.mark.parametrize("route", STREAMED)
def test_leaving_a_stream_that_goes_on(
    proxy: Running, provider: RoughProvider, call: Call, route: Route
) -> None:
    """While the provider keeps sending."""
    more = [piece for word in ["so"] * 500 for piece in (0.01, _chunk(_saying(route, ["a ", word])[-1]))]
    provider.play(chunked(*_saying(route, PIECES[:4]), end=False), *more)
    connection = call(proxy, route, True)
    received(connection, b"and say so")

    kept = let_go(proxy, provider, connection)

    assert "Write to [EMAIL] and say so." in json.dumps(kept["response"])


def _saying(route: Route, pieces: Any) -> list[bytes]:
    """The events of a stream up to the one that says the last of some pieces."""
    events = route.frames(pieces)
    last = max(place for place, event in enumerate(events) if _delta(event, pieces[-1]))
    return events[: last + 1]


def _delta(event: bytes, text: str) -> bool:
    return f'"{text}"'.encode() in event and b".done" not in event


def _chunk(event: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(event), event)
