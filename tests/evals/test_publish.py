"""Publishing: one POST, and errors that never hold the key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from evals.document import dump
from evals.errors import PublishError
from evals.publish import publish
from tests.evals.conftest import make_run

RUN = make_run({"exact": {"a": [1.0]}})


class Proxy(HTTPServer):
    """Keeps what is posted and answers as told."""

    status = 201
    answer = b'{"id":"run-1"}'
    before: list[tuple[int, dict[str, str]]]
    """Answers that come before that one: status and headers."""
    posted: list[tuple[str, str | None, Any]]


class Inbox(BaseHTTPRequestHandler):
    """One POST at a time."""

    server: Proxy

    def do_POST(self) -> None:
        """Keeps path, authorization and body."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.posted.append((self.path, self.headers["authorization"], body))
        status, headers = self.server.before.pop(0) if self.server.before else (self.server.status, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy on a real socket."""
    server = Proxy(("127.0.0.1", 0), Inbox)
    server.posted, server.before = [], []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
def test_a_run_is_posted_with_the_key(proxy: Proxy, path: str) -> None:
    """To /api/runs of the proxy, whichever of its addresses is given."""
    answer = publish(RUN, f"http://127.0.0.1:{proxy.server_port}{path}", "secret")

    assert answer == {"id": "run-1"}
    assert proxy.posted == [("/api/runs", "Bearer secret", json.loads(json.dumps(dump(RUN))))]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (301, "HTTP 301.*address that it leads to"),
        (400, "HTTP 400.*correct the document"),
        (401, "HTTP 401.*give a key"),
        (404, "HTTP 404.*correct --url"),
        (413, "HTTP 413.*fewer cases"),
        (500, "HTTP 500.*log"),
    ],
)
def test_a_refusal_is_told_without_the_key(proxy: Proxy, status: int, says: str) -> None:
    """Status and what to do."""
    proxy.status = status

    with pytest.raises(PublishError, match=says) as caught:
        publish(RUN, f"http://127.0.0.1:{proxy.server_port}", "secret")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [("http://127.0.0.1:9", "cannot be reached"), ("file:///etc/passwd", "not a web address")],
)
def test_an_address_that_cannot_be_used_is_told(url: str, says: str) -> None:
    """Nobody there, or no web address at all."""
    with pytest.raises(PublishError, match=says):
        publish(RUN, url, "k")


def test_an_answer_that_is_not_json_is_no_failure(proxy: Proxy) -> None:
    """The run was taken."""
    proxy.answer = b"ok"

    assert publish(RUN, f"http://127.0.0.1:{proxy.server_port}", "k") == {}


@pytest.mark.parametrize("url", ["http://[", "http://x:port"])
def test_an_address_that_cannot_be_read_is_one_error(url: str) -> None:
    """No traceback."""
    with pytest.raises(PublishError):
        publish(RUN, url, "k")


def test_a_busy_proxy_is_asked_again(proxy: Proxy) -> None:
    """After the time that it tells, else after longer and longer ones; the run arrives."""
    waits: list[float] = []
    proxy.before = [(503, {}), (503, {"retry-after": "7"}), (429, {"retry-after": "100000"})]

    answer = publish(RUN, f"http://127.0.0.1:{proxy.server_port}", "k", wait=waits.append)

    assert answer == {"id": "run-1"}
    assert waits == [1.0, 7.0, 30.0]
    assert len(proxy.posted) == 4


def test_a_proxy_that_stays_busy_is_one_error(proxy: Proxy) -> None:
    """With how often it was asked, and what it said."""
    proxy.status = 503
    proxy.answer = b'{"error": {"message": "The run was not kept: a rule could not look at it.\\u001b[31m"}}'

    with pytest.raises(PublishError, match=r"4 times \(HTTP 503\): The run was not kept.*later") as caught:
        publish(RUN, f"http://127.0.0.1:{proxy.server_port}", "k", wait=lambda seconds: None)

    assert len(proxy.posted) == 4
    assert "\x1b" not in str(caught.value)


def test_the_key_goes_to_no_other_address(proxy: Proxy) -> None:
    """A redirect is told, not followed."""
    proxy.before = [(302, {"location": f"http://127.0.0.1:{proxy.server_port}/elsewhere"})]

    with pytest.raises(PublishError, match="HTTP 302"):
        publish(RUN, f"http://127.0.0.1:{proxy.server_port}", "k")

    assert [path for path, _, _ in proxy.posted] == ["/api/runs"]


def test_half_a_character_does_not_spoil_the_document(proxy: Proxy) -> None:
    """What no strict parser of JSON takes is replaced."""
    run = make_run({"exact": {"a": [1.0]}}, texts={"a": "odd \ud800 \x00 text"})

    publish(run, f"http://127.0.0.1:{proxy.server_port}", "k")

    assert proxy.posted[0][2]["items"][0]["output"]["text"] == "odd ? \x00 text"
