"""One row for each request to a route that is served, whatever became of it; as many attempts as the provider saw."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import orjson
import pytest

from tests.proxy.policies import policy
from tests.proxy.test_pipeline import ask, chat
from tests.servers import (
    ADMIN_KEY,
    Running,
    Script,
    Upstream,
    chunk,
    make_app,
    raw,
    said,
    served,
    stream,
    whole,
)

KEY = f"authorization: Bearer {ADMIN_KEY}\r\ncache-control: no-store\r\n".encode()
BODY = orjson.dumps(chat())
CHAT = b"/v1/chat/completions"
LARGEST = 20_000
WAIT_SECONDS = 5.0
HEDGE_SECONDS = 0.15
DEADLINE_SECONDS = 0.8


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    """The provider, which logs what it is sent."""
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def proxy(provider: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with every kind of model: plain, tried again, with a fallback, hedged and shadowed."""
    base = f"http://127.0.0.1:{provider.port}/v1"

    def model(name: str, there: str = "", **more: object) -> dict[str, object]:
        params = {"model": f"openai/{there or name}", "api_base": base, "api_key": "sk-upstream-secret"}
        return {"model_name": name, "litellm_params": {**params, "timeout": DEADLINE_SECONDS, **more}}

    models = [
        model("gpt-test"), model("again", num_retries=2), model("falls"), model("other"),
        model("shadowed"), model("copy"), model("silent", "first"), model("silent", "second"),
    ]  # fmt: skip
    keys = {
        "max_body_bytes": LARGEST, "clients": {"send_s": 0.2}, "cache_ttl_s": 60, "hedge_after_s": HEDGE_SECONDS,
        "shadow": [{"model": "shadowed", "to": "copy"}],
    }  # fmt: skip
    app = make_app(tmp_path_factory.mktemp("rows"), "", policy(), models, **keys)
    with served(app) as running:
        yield running


# --- whatever a client sends


def request(
    body: bytes = BODY,
    head: bytes = KEY,
    path: bytes = CHAT,
    method: bytes = b"POST",
    length: int | None = None,
) -> bytes:
    """A request as it stands on the wire."""
    size = b"content-length: %d\r\n" % (len(body) if length is None else length)
    return b"%b %b HTTP/1.1\r\nhost: x\r\n%b%b\r\n%b" % (method, path, head, size, body)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a client sends on a connection of its own, and the rows that have to come of it."""

    name: str
    data: bytes
    rows: tuple[tuple[str, int], ...]
    """Outcome and status of each."""
    calls: int = 0
    """Requests that reach the provider."""
    end: str = "reads"
    """`reads` the replies, `shuts` its half of the connection first, or `resets` it."""


UNKNOWN = b"authorization: Bearer nobody\r\n"
CHUNKED = b"POST %b HTTP/1.1\r\nhost: x\r\n%btransfer-encoding: chunked\r\n\r\n" % (CHAT, KEY)
PASSED, FAILED = ("passed", 200), "failed"
SENT = (
    Sent("a good one", request(), (PASSED,), 1),
    Sent("three on one connection", request() * 3, (PASSED,) * 3, 3),
    Sent("a good one and a bad one", request() + request(b"{"), (PASSED, (FAILED, 400)), 1),
    Sent("no key", request(head=b""), ((FAILED, 401),)),
    Sent("an unknown key", request(head=UNKNOWN), ((FAILED, 401),)),
    Sent("an unknown key and half a body", request(b"{", UNKNOWN, length=99), ((FAILED, 401),)),
    Sent("an unknown model", request(orjson.dumps(chat() | {"model": "x"})), ((FAILED, 404),)),
    Sent("no JSON", request(b"{"), ((FAILED, 400),)),
    Sent("no object", request(b"[]"), ((FAILED, 400),)),
    Sent("no body", request(b""), ((FAILED, 400),)),
    Sent("too long by its own word", request(b"x", length=10 * LARGEST), ((FAILED, 413),)),
    Sent("too long", request(b"x" * 2 * LARGEST), ((FAILED, 413),)),
    Sent("compressed otherwise", request(head=KEY + b"content-encoding: br\r\n"), ((FAILED, 400),)),
    Sent("blocked", request(orjson.dumps(chat({"role": "user", "content": "kryptonite"}))), (("blocked", 400),)),
    Sent("twice the same headers", request(head=KEY + KEY), (PASSED,), 1),
    Sent("a query and a full URL", request(path=b"http://x/v1/chat/completions?a=%00"), (PASSED,), 1),
    Sent("a body that never comes", request(b"{", length=99), ((FAILED, 408),)),
    Sent("half a body, then it shuts", request(b"{", length=99), (("cancelled", 400),), end="shuts"),
    Sent("half a body, then it is gone", request(b"{", length=99), (("cancelled", 0),), end="resets"),
    Sent("chunks that are none", CHUNKED + b"zz\r\n{\r\n", ((FAILED, 400),)),
    Sent("chunks that are cut", CHUNKED + b"5\r\n{\"mod\r\n", (("cancelled", 400),), end="shuts"),
    Sent("a stored object of nobody", request(b"", path=b"/v1/responses/x/y", method=b"GET"), ()),
    Sent("an endless head", request(head=KEY + b"x: " + b"y" * 200_000 + b"\r\n"), ()),
    Sent("two lengths", request(head=KEY + b"content-length: 3\r\n"), ()),
    Sent("no HTTP", b"\x16\x03\x01hello\r\n\r\n", ()),
    Sent("half a head", b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n", (), end="shuts"),
    Sent("another method", request(method=b"PUT"), ()),
    Sent("another path", request(path=b"/v1/files"), ()),
    Sent("the list of models", request(b"", path=b"/v1/models", method=b"GET"), ()),
)  # fmt: skip


def spoken(port: int, sent: Sent) -> bytes:
    """Every byte that comes back."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(sent.data)
        if sent.end == "resets":
            time.sleep(0.1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            return b""
        if sent.end == "shuts":
            client.shutdown(socket.SHUT_WR)
        client.settimeout(0.4)
        told = b""
        try:
            while piece := client.recv(65_536):
                told += piece
        except TimeoutError:
            pass  # it is kept open for the next request
        return told


def settled(proxy: Running, count: int) -> list[dict[str, object]]:
    """The rows, once there are as many, and no exchange is under way that could leave one more."""
    until = time.monotonic() + WAIT_SECONDS
    recorder = proxy.recorder
    while (len(recorder.documents) < count or recorder.busy()) and time.monotonic() < until:
        time.sleep(0.01)
    return recorder.documents


@pytest.mark.parametrize("sent", SENT, ids=lambda sent: sent.name)
def test_each_request_leaves_its_row(proxy: Running, provider: Upstream, sent: Sent) -> None:
    """With the status that its client read, a real duration, and no usage where nobody told any."""
    provider.reset()
    proxy.recorder.forget()

    told = spoken(proxy.port, sent)
    rows = settled(proxy, len(sent.rows))

    assert tuple((row["outcome"], row["http_status"]) for row in rows) == sent.rows
    assert len(provider.bodies) == sent.calls == sum(row["attempts"] for row in rows)  # type: ignore[misc]
    for row in rows:
        assert isinstance(row["duration_us"], int) and row["duration_us"] > 0
        assert (row["usage"] is not None) == bool(row["upstream_called"]) == bool(row["attempts"])
        assert row["http_status"] == 0 or b"HTTP/1.1 %d " % row["http_status"] in told
        assert sent.end == "resets" or str(row["id"]).encode() in told, "the reply names its row"


# --- whatever a provider does

OK, DOWN = whole(), raw(b'{"error": {"message": "Down.", "type": "server_error"}}', 500)
HELLO = chunk({"role": "assistant", "content": "Hello"})


@dataclass(frozen=True, slots=True)
class Played:
    """What the provider answers to the requests that come, and the rows of what the caller asks once."""

    name: str
    model: str
    scripts: Callable[[], Callable[[dict[str, object]], Script]]
    rows: tuple[tuple[str, int, int], ...]
    """Outcome, status and attempts of each, in no order."""
    stream: bool = False


def one_after_the_other(*scripts: Script) -> Callable[[], Callable[[dict[str, object]], Script]]:
    """To each request the next script, and the last to all that follow."""

    def begun() -> Callable[[dict[str, object]], Script]:
        left = [*scripts]
        return lambda body: left.pop(0) if len(left) > 1 else left[0]

    return begun


LATE = Script([b"{}"], first_delay=3 * DEADLINE_SECONDS)
SLOW = Script(OK.pieces, OK.status, OK.headers, first_delay=3 * HEDGE_SECONDS, chunked=False)
PLAYED = (
    Played("answers", "gpt-test", one_after_the_other(OK), (("passed", 200, 1),)),
    Played("is down, is down, answers", "again", one_after_the_other(DOWN, DOWN, OK), (("passed", 200, 3),)),
    Played("is down", "again", one_after_the_other(DOWN), ((FAILED, 500, 3),)),
    Played("is silent, also when hedged", "gpt-test", one_after_the_other(LATE), ((FAILED, 504, 2),)),
    Played("is slow and hedged", "silent", one_after_the_other(SLOW, OK), (("passed", 200, 2),)),
    Played(
        "is copied", "shadowed", one_after_the_other(OK), (("passed", 200, 1), ("passed", 200, 1))
    ),
    Played(
        "is copied and down for one", "shadowed",
        lambda: lambda body: DOWN if body["model"] == "copy" else OK, (("passed", 200, 1), (FAILED, 500, 1)),
    ),
    Played("streams", "gpt-test", lambda: lambda body: said("Hello"), (("passed", 200, 1),), True),
    Played(
        "breaks off", "gpt-test", one_after_the_other(stream([HELLO], cut=True)), ((FAILED, 200, 1),), True
    ),
    Played("breaks off unheard", "again", one_after_the_other(stream([], cut=True), said("Hi")), (("passed", 200, 2),), True),
    Played("says what is forbidden", "gpt-test", lambda: lambda body: said("kryptonite "), (("blocked", 200, 1),), True),
)  # fmt: skip


@pytest.mark.parametrize("played", PLAYED, ids=lambda played: played.name)
def test_attempts_are_what_the_provider_saw(proxy: Running, provider: Upstream, played: Played) -> None:
    """Retries and hedges are attempts of one row; a shadow is a row of its own."""
    provider.reset()
    proxy.recorder.forget()
    provider.script = played.scripts()

    body = chat(model=played.model, stream=played.stream)
    answer = ask(proxy, body, headers={"cache-control": "no-store"})
    rows = settled(proxy, len(played.rows))

    found = sorted((row["outcome"], row["http_status"], row["attempts"]) for row in rows)
    assert found == sorted(played.rows)
    assert sum(row["attempts"] for row in rows) == len(provider.bodies)  # type: ignore[misc]
    [own] = [row for row in rows if row["shadow_of"] is None]
    assert (own["id"], own["http_status"]) == (answer.headers["x-guardhouse-trace-id"], answer.status)
    assert all(row["shadow_of"] in (None, own["id"]) for row in rows)


def test_what_is_given_again_calls_nobody(proxy: Running, provider: Upstream) -> None:
    """A reply from the cache has its own row, which says that no provider was called."""
    provider.reset()
    proxy.recorder.forget()
    message = {"role": "user", "content": "Once."}

    ask(proxy, chat(message))
    ask(proxy, chat(message))

    first, again = settled(proxy, 2)
    assert len(provider.bodies) == 1
    assert (first["upstream_called"], first["attempts"]) == (True, 1)
    assert (again["upstream_called"], again["attempts"], again["provider"]) == (False, 0, "cache")
    assert first["response"] == again["response"]


@pytest.mark.parametrize(
    ("script", "streamed"),
    [(Script([b"{}"], first_delay=9.0), False), (Script([b"{}"], first_delay=9.0), True),
     (stream([HELLO] * 3, stall=9.0), True)],
    ids=["before the answer", "before the stream", "within the stream"],
)  # fmt: skip
def test_who_leaves_has_a_row(proxy: Running, provider: Upstream, script: Script, streamed: bool) -> None:
    """It says that the caller left, and what had been sent by then."""
    provider.reset()
    proxy.recorder.forget()
    provider.script = script
    body = orjson.dumps(chat({"role": "user", "content": "Wait."}, stream=streamed))
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(request(body))
        client.settimeout(0.5)
        try:
            told = client.recv(65_536)
        except TimeoutError:
            told = b""

    [row] = settled(proxy, 1)

    assert (row["outcome"], row["upstream_called"]) == ("cancelled", True)
    assert row["attempts"] == len(provider.bodies)
    assert row["http_status"] == (200 if told else 0)
    assert (row["response"] is not None) == bool(told)
