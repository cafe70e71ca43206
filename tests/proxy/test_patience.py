"""Clients that are slow, most of them on purpose: each is dropped in time, and costs the others nothing."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proxy.config_schema import Clients
from proxy.patience import Patience
from tests.acceptance.provider_faults import EVENTS, head, sized
from tests.acceptance.rough import End, RoughProvider
from tests.acceptance.spoken import ROUTES, Route, models
from tests.acceptance.test_leaving import calling, received, wait_for
from tests.beats import beating
from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import ADMIN_KEY, Running, chunk, make_app, served

MEGABYTE = 1 << 20
SECONDS = 1.0
"""How long these clients may take."""


class Transport:
    """A connection's other half, as far as patience looks at it."""

    def __init__(self, untaken: int = 0) -> None:
        self.untaken, self.aborted = untaken, False

    def get_write_buffer_size(self) -> int:
        """Bytes that wait."""
        return self.untaken

    def get_extra_info(self, name: str) -> Any:
        """A socket that is none."""
        return SimpleNamespace(fileno=lambda: -1)

    def abort(self) -> None:
        """Dropped."""
        self.aborted = True


@dataclass(eq=False)
class Client:
    """A connection."""

    cycle: Any = None
    """The last request on it."""
    timeout_keep_alive_task: Any = None
    transport: Transport = field(default_factory=Transport)

    def give_up(self) -> None:
        """Its head did not come."""
        self.transport.abort()


def dropped(client: Any, *times: float, clients: Clients = Clients(send_s=10, read_s=20)) -> bool:
    """Whether a connection is dropped when it is looked at at these times."""
    patience = Patience(clients)
    for now in times:
        patience.look([client], now)
    return bool(client.transport.aborted)


ANSWERED = SimpleNamespace(response_complete=True)
ASKING = SimpleNamespace(response_complete=False)


def test_a_head_has_so_long() -> None:
    """The first one and any later one, but neither a request that is served nor the time between two."""
    for client in (Client(), Client(ANSWERED)):
        assert not dropped(client, 0, 9.9)
        assert dropped(client, 0, 9.9, 10)
    assert not dropped(Client(ASKING), 0, 100)
    assert not dropped(Client(ANSWERED, timeout_keep_alive_task=object()), 0, 100)


def test_another_request_has_its_own_time() -> None:
    """Two looks that see two requests say nothing of how long each took."""
    client, patience = Client(ANSWERED), Patience(Clients(send_s=10))
    patience.look([client], 0)
    client.cycle = SimpleNamespace(response_complete=True)
    patience.look([client], 10)

    assert not client.transport.aborted


def test_who_takes_a_byte_now_and_then_stays() -> None:
    """Only who takes nothing for so long is dropped, also after its reply is complete."""
    for cycle in (ASKING, ANSWERED):
        client, patience = Client(cycle, transport=Transport(100)), Patience(Clients(read_s=20))
        for now in range(0, 100, 10):
            client.transport.untaken -= 1
            patience.look([client], now)
        assert not client.transport.aborted
        patience.look([client], 110)
        assert client.transport.aborted


def test_of_too_many_that_wait_the_longest_go() -> None:
    """Who came last stays, and so does whoever is served."""
    patience = Patience(Clients(waiting=2))
    old, served_now, young = [Client(), Client()], Client(ASKING), [Client(), Client()]
    patience.look([*old, served_now], 0)
    patience.look([*old, served_now, *young], 1)

    assert [each.transport.aborted for each in (*old, served_now, *young)] == [
        True,
        True,
        False,
        False,
        False,
    ]


# --- over real sockets


@pytest.fixture(scope="module")
def provider() -> Iterator[RoughProvider]:
    """The provider."""
    made = RoughProvider()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def proxy(provider: RoughProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy without much patience."""
    clients = {"send_s": SECONDS, "read_s": SECONDS, "waiting": 20}
    folder = tmp_path_factory.mktemp("patience")
    with served(make_app(folder, "", policy(), models(provider.port), clients=clients)) as running:
        yield running


@contextmanager
def connected(proxy: Running) -> Iterator[socket.socket]:
    """A client."""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as connection:
        yield connection


def trickled(connection: socket.socket, data: bytes) -> float:
    """Seconds, as they passed here, after which a client that sends byte by byte was dropped."""
    connection.settimeout(0.05)
    with beating() as beats:
        for place in range(len(data)):
            try:
                connection.sendall(data[place : place + 1])
                if not connection.recv(1):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        return beats.seconds


HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_KEY}\r\n".encode()


@pytest.mark.parametrize(
    "before", [b"", b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"], ids=["first", "later"]
)
def test_a_head_that_trickles_in(proxy: Running, before: bytes) -> None:
    """The first of a connection, and one after a request that was served."""
    with connected(proxy) as connection:
        if before:
            connection.sendall(before)
            received(connection, b"invalid_api_key")
        assert trickled(connection, HEAD + b"x: y\r\n" * 1000) < SECONDS + 5


def test_a_head_that_stops_is_answered_and_silence_is_not(proxy: Running) -> None:
    """408 for what has begun; who said nothing is told nothing."""
    with connected(proxy) as connection:
        connection.sendall(HEAD)
        got = received(connection, b"in time")
    assert got.startswith(b"HTTP/1.1 408")
    assert json.loads(got.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_timeout"
    with connected(proxy) as connection:
        assert connection.recv(1) == b""


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_a_body_that_trickles_in(proxy: Running, provider: RoughProvider, route: Route) -> None:
    """408 in the dialect, recorded; nothing goes out."""
    provider.play(sized(route.whole))
    proxy.recorder.documents.clear()
    with connected(proxy) as connection:
        connection.sendall(HEAD.replace(b"/v1/chat/completions", route.path.encode()))
        connection.sendall(b"content-length: 100\r\n\r\n{")
        got = received(connection, b"in time")

    assert got.startswith(b"HTTP/1.1 408")
    kept = proxy.recorder.last()
    assert (kept["outcome"], kept["http_status"], kept["error"]["code"]) == ("failed", 408, "request_timeout")
    assert provider.bodies == []


def test_a_long_body_has_more_time(proxy: Running, provider: RoughProvider) -> None:
    """It comes faster than the slowest, though it takes longer than any body may."""
    provider.play(sized(ROUTES["chat"].whole))
    body = ROUTES["chat"].request("word " * 20_000)
    with connected(proxy) as connection:
        connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 5000):
            connection.sendall(body[start : start + 5000])
            time.sleep(SECONDS * 2 * 5000 / len(body))
        assert received(connection, b"\r\n").startswith(b"HTTP/1.1 200")


def test_only_so_many_may_wait(proxy: Running, provider: RoughProvider) -> None:
    """Of a crowd that says nothing most are dropped at once, and a request is served meanwhile."""
    provider.play(sized(ROUTES["chat"].whole))
    crowd = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(60)]
    try:
        assert ask(proxy, chat()).status == 200
        wait_for(lambda: sum(_closed(each) for each in crowd) >= 40)
    finally:
        for connection in crowd:
            connection.close()


def _closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def caller(proxy: Running) -> Iterator[Callable[[bool], socket.socket]]:
    """Callers of a chat, who are gone after the test."""
    made: list[socket.socket] = []

    def make(stream: bool) -> socket.socket:
        made.append(calling(proxy, ROUTES["chat"], stream))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.parametrize(
    "text", ["plain and simple ", "plain and simple " * 99 + "4111 1111 1111 1111 "], ids=["clean", "masked"]
)
def test_a_reader_that_stops(proxy: Running, provider: RoughProvider, caller: Any, text: str) -> None:
    """Of 200 MB little is taken from the provider and less is kept; others are served; then it is dropped."""
    event = chunk({"content": text * (64_000 // len(text))})
    piece = b"%x\r\n%s\r\n" % (len(event), event)
    flood = [head(EVENTS, "transfer-encoding: chunked"), *[piece] * (200 * MEGABYTE // len(piece))]
    quick = sized(ROUTES["chat"].whole)
    few = [head(EVENTS, "transfer-encoding: chunked"), *[piece] * 20, b"0\r\n\r\n", End.KEEP]
    # What is loaded and grown once, by the first stream and the first reply, is none of the reader's.
    provider.reset(lambda number: few if number == 0 else [quick, End.KEEP])
    with calling(proxy, ROUTES["chat"], True) as first:
        taken = 0
        while taken < MEGABYTE // 2:
            taken += len(first.recv(65_536))
    assert ask(proxy, chat()).status == 200
    provider.reset(lambda number: flood if number == 0 else [quick, End.KEEP])
    proxy.recorder.documents.clear()
    before = resident()

    caller(True).recv(1000)
    most = before
    while not provider.closed:
        most = max(most, resident())
        assert ask(proxy, chat()).status == 200
        time.sleep(0.02)

    assert most - before < 20 * MEGABYTE
    assert provider.sent < 40 * MEGABYTE
    wait_for(lambda: any(kept["stream"] for kept in proxy.recorder.documents))
    [kept] = [kept for kept in proxy.recorder.documents if kept["stream"]]
    assert (kept["outcome"], kept["finish_reasons"]) == ("cancelled", [])
    assert "4111 1111" not in json.dumps(kept["response"])


def test_a_whole_reply_that_nobody_reads(proxy: Running, provider: RoughProvider, caller: Any) -> None:
    """What the kernel did not take is not kept for ever."""
    reply = json.loads(ROUTES["chat"].whole)
    reply["choices"][0]["message"]["content"] = "word " * 4_000_000
    provider.play(sized(json.dumps(reply).encode()))
    proxy.recorder.documents.clear()
    connection = caller(False)
    received(connection, b"\r\n\r\n")
    proxy.recorder.last(10)
    time.sleep(SECONDS + 2.5)

    got = 0
    with pytest.raises(ConnectionResetError):
        while more := connection.recv(MEGABYTE):
            got += len(more)
        raise ConnectionResetError
    assert got < 19 * MEGABYTE
