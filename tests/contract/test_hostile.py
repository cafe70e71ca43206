"""Whatever is sent to whatever path, over a real socket: an error in the API's own envelope, never a fault of ours."""

from __future__ import annotations

import http.client
import io
import json
import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from proxy.dialects.stored import methods
from tests.contract.claude import models
from tests.contract.hostile import (
    BIG,
    EVERY,
    JSON,
    KEY,
    MODEL_ROUTES,
    OTHER_ROUTES,
    Hostile,
    post,
    valid,
)
from tests.proxy.policies import policy
from tests.servers import Running, Upstream, make_app, served

PATIENCE = 10.0
"""Seconds after which an answer has not come."""
AFTER = b"GET /v1/models HTTP/1.1\r\nhost: proxy\r\n" + KEY + b"\r\n"
"""What a connection must still be good for."""


@dataclass
class Told:
    """What came back, and what became of the connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error of its envelope."""
        found: dict[str, Any] = json.loads(self.body)["error"]
        return found


class _Wire:
    """A socket as `http.client` reads from one."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self._file = file

    def makefile(self, *_: Any, **__: Any) -> io.BufferedIOBase:
        """The file that all answers of a connection are read from."""
        return self._file


class _Open(io.BufferedReader):
    """A file that one answer does not close for the next."""

    def close(self) -> None:
        """Stays open."""


def read(file: Any, method: str = "POST") -> Told:
    """The next answer."""
    answer = http.client.HTTPResponse(_Wire(file), method=method)  # type: ignore[arg-type]
    answer.begin()
    return Told(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())


def talk(port: int, request: bytes, method: str = "POST", cut: bool = False) -> Told:
    """The answer to one request. Then the connection is closed, or answers the next one."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:
        try:
            wire.sendall(request)
            if cut:
                wire.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # answered before all of it was read
        with _Open(socket.SocketIO(wire, "rb")) as file:
            told = read(file, method)
            if told.headers.get("connection") == "close" or cut:
                try:
                    assert file.read() == b""
                except ConnectionError:
                    pass
            else:
                wire.sendall(AFTER)
                assert read(file, "GET").status == 200
    return told


@pytest.fixture(scope="module")
def running(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy that takes no large bodies."""
    folder = tmp_path_factory.mktemp("hostile")
    base = f"http://127.0.0.1:{_upstream.port}"
    given = models(_upstream.port)
    given.append({**given[1], "model_name": "org/model"})
    with served(make_app(folder, base, policy(), given, max_body_bytes=BIG)) as running:
        yield running


def traces(running: Running, wanted: int) -> list[dict[str, Any]]:
    """What was recorded, once there is as much as is wanted."""
    until = time.monotonic() + PATIENCE
    documents = running.recorder.documents
    while len(documents) < wanted and time.monotonic() < until:
        time.sleep(0.002)
    found = documents[:]
    documents.clear()
    return found


def assert_envelope(path: str, told: Told) -> None:
    """The body is an error as callers of that path know errors, and nothing of a stack."""
    document = json.loads(told.body)
    assert told.headers["content-type"] == "application/json"
    if path.partition("?")[0].startswith("/v1/messages"):
        assert document.keys() == {"type", "error", "request_id"}
        assert document["type"] == "error"
        assert document["error"].keys() == {"type", "message"}
    else:
        assert document.keys() == {"error"}
        assert document["error"].keys() == {"message", "type", "param", "code"}
        assert isinstance(document["error"]["code"], str)
    assert isinstance(document["error"]["message"], str) and document["error"]["message"]
    assert b"Traceback" not in told.body


@pytest.mark.parametrize("hostile", EVERY, ids=lambda hostile: hostile.name)
def test_a_hostile_request_is_refused_in_the_apis_own_words(
    hostile: Hostile, running: Running, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    """On every path: the right status and code, nothing upstream, one trace, and a connection that is good or closed."""
    for path in [*MODEL_ROUTES, *OTHER_ROUTES]:
        running.recorder.forget()
        told = talk(running.port, hostile.made(path), cut=hostile.cut)
        calls = path in MODEL_ROUTES
        if hostile.judged and path == "/v1/moderations":
            assert (told.status, len(traces(running, 1))) == (200, 1)
            continue
        assert_envelope(path if path.encode() in hostile.made(path) else "", told)
        expected = hostile.statuses if calls or hostile.wire else ()
        if not calls and (hostile.cut or not hostile.wire):
            expected += (OTHER_ROUTES[path],)
        assert told.status in expected, path
        if calls and hostile.codes and "code" in told.error:
            assert told.error["code"] in hostile.codes, path
        if calls and hostile.traced:
            [trace] = traces(running, 1)
            assert trace["http_status"] in (told.status, 0)
            assert trace["upstream_called"] is False
    assert upstream.bodies == []
    assert [each for each in caplog.records if each.levelno >= logging.ERROR] == []


METHODS = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_method_is_told_the_right_one(method: str, running: Running) -> None:
    """405 with `allow`, on every route; a HEAD has no body."""
    for path in [*MODEL_ROUTES, *(path for path, status in OTHER_ROUTES.items() if status == 405)]:
        allowed = methods(path) or ["GET"]
        if method in allowed or (method == "HEAD" and path not in MODEL_ROUTES):
            continue
        told = talk(
            running.port,
            b"%s %s HTTP/1.1\r\nhost: proxy\r\n%s\r\n" % (method.encode(), path.encode(), KEY),
            method,
        )
        assert told.status == 405
        assert told.headers["allow"] == ", ".join(allowed)
        if method != "HEAD":
            assert_envelope(path, told)
        else:
            assert told.body == b""


UNKNOWN = (
    *("/v1", "/v1/", "/v1/chat", "/v1/chat/completions/", "/v1//chat/completions", "//v1/chat/completions"),
    *("/v1/./chat/completions", "/v1/../v1/chat/completions", "/v1/chat/completions/../completions"),
    *("/V1/chat/completions", "/v1/Chat/Completions", "/chat/completions", "/v2/chat/completions", "/"),
    *("/v1/chat/completions%20", "/v1/chat/completions%00", "/v1/%ff%fe", "/v1/%2e%2e/v1/models"),
    *("/v1/chat/completions;x=1", "/v1/models\u00e9".encode().decode("latin-1"), "/v1/realtime"),
    *("/v1/messages/", "/v1/messages/batches", "/v1/responses/resp_1/refund", "/openai/deployments/x"),
)


@pytest.mark.parametrize("path", UNKNOWN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_is_not_served_is_unknown(
    method: str, path: str, running: Running, upstream: Upstream
) -> None:
    """404 in the envelope, however close it comes to one that is; no trace, nothing upstream."""
    running.recorder.forget()
    body = valid("/v1/chat/completions") if method == "POST" else b""
    request = post("/PATH", body).replace(b"POST /PATH", method.encode() + b" " + path.encode("latin-1"))
    told = talk(running.port, request, method)
    if told.status == 400:
        assert told.error["code"] == "invalid_http"  # no character of a path
    else:
        assert told.status == 404
        assert_envelope(path, told)
    assert running.recorder.documents == [] and upstream.bodies == []


FINE = {
    "a query": lambda: post("/v1/chat/completions?api-version=2024&x=%ff#y", valid("/v1/chat/completions")),
    "an encoded slash": lambda: post("/v1/chat%2Fcompletions", valid("/v1/chat/completions")),
    "an absolute target": lambda: post("http://elsewhere/v1/chat/completions", valid("/v1/chat/completions")),
    "HTTP/1.0": lambda: post("/v1/chat/completions", valid("/v1/chat/completions")).replace(
        b"HTTP/1.1", b"HTTP/1.0"
    ),
    "no content-type": lambda: post("/v1/chat/completions", valid("/v1/chat/completions"), b""),
    "a content-type of text": lambda: post(
        "/v1/chat/completions", valid("/v1/chat/completions"), b"content-type: text/plain\r\n"
    ),
    "a header of 64 KB": lambda: post(
        "/v1/chat/completions", valid("/v1/chat/completions"), JSON + b"x-a: " + b"a" * 65_536 + b"\r\n"
    ),
    "2,000 headers": lambda: post(
        "/v1/chat/completions", valid("/v1/chat/completions"), JSON + b"x-a: 1\r\n" * 2_000
    ),
    "minus zero": lambda: post("/v1/chat/completions", valid("/v1/chat/completions")[:-1] + b', "seed": -0}'),
    "HTTP/2 is asked for": lambda: post(
        "/v1/chat/completions",
        valid("/v1/chat/completions"),
        JSON + b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n",
    ),
    "a WebSocket is asked for": lambda: post(
        "/v1/chat/completions",
        valid("/v1/chat/completions"),
        JSON + b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n",
    ),
    "chunks": lambda: (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: proxy\r\n"
        + KEY
        + JSON
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in valid("/v1/chat/completions"))
        + b"0\r\nx: y\r\n\r\n"
    ),
    "1,000 messages": lambda: post(
        "/v1/chat/completions",
        json.dumps(
            {"model": "gpt-test", "messages": [{"role": "user", "content": f"hi {n}"} for n in range(1_000)]}
        ).encode(),
    ),
}


@pytest.mark.parametrize("name", FINE)
def test_what_is_only_unusual_is_answered(name: str, running: Running, upstream: Upstream) -> None:
    """It reaches the provider once, as what it says, and leaves one trace."""
    running.recorder.forget()
    assert talk(running.port, FINE[name]()).status == 200
    assert len(upstream.bodies) == len(traces(running, 1)) == 1
    assert b"elsewhere" not in upstream.headers[0]


def test_requests_in_a_row_are_answered_in_their_order(running: Running, upstream: Upstream) -> None:
    """Pipelined: good ones, a bad one between them, and the connection still works."""
    good = post("/v1/chat/completions", valid("/v1/chat/completions"))
    bad = post("/v1/messages", b"[]")
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as wire:
        wire.sendall(good + bad + good + AFTER)
        with _Open(socket.SocketIO(wire, "rb")) as file:
            assert [read(file).status for _ in range(4)] == [200, 400, 200, 200]
    assert len(upstream.bodies) == 2


def test_a_body_that_is_waited_for_is_asked_for(running: Running, upstream: Upstream) -> None:
    """`Expect: 100-continue`: told to go on when the body is wanted, refused at once when it is too long."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: proxy\r\nexpect: 100-continue\r\n" + KEY + JSON
    body = valid("/v1/chat/completions")
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as wire:
        wire.sendall(head + b"content-length: %d\r\n\r\n" % len(body))
        assert wire.recv(100).startswith(b"HTTP/1.1 100 ")
        wire.sendall(body)
        with _Open(socket.SocketIO(wire, "rb")) as file:
            assert read(file).status == 200
    with socket.create_connection(("127.0.0.1", running.port), PATIENCE) as wire:
        wire.sendall(head + b"content-length: 20000000\r\n\r\n")
        with _Open(socket.SocketIO(wire, "rb")) as file:
            assert read(file).status == 413


def test_models_are_told_however_they_are_asked_for(running: Running) -> None:
    """GET and HEAD, a name with a slash, a query, and a name that is none."""
    for path, status in {
        "/v1/models": 200,
        "/v1/models?limit=1": 200,
        "/v1/models/org/model": 200,
        "/v1/models/org%2Fmodel": 200,
        "/v1/models/": 404,
        "/v1/models/none": 404,
        "/v1/models/%00": 404,
    }.items():
        for method in ("GET", "HEAD"):
            told = talk(
                running.port,
                b"%s %s HTTP/1.1\r\nhost: p\r\n%s\r\n" % (method.encode(), path.encode(), KEY),
                method,
            )
            assert told.status == status
            if status != 200 and method == "GET":
                assert_envelope(path, told)
    told = talk(running.port, b"GET /v1/models HTTP/1.1\r\nhost: p\r\n\r\n", "GET")
    assert told.status == 401
    assert_envelope("/v1/models", told)
