"""Candidates fetched over real HTTP: what is taken, what is left and why, and where a key never goes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from evals.adding import FORMAT, Fetched, address, fetch, personal, plan, tell
from evals.errors import FetchError
from tests.evals.conftest import item, write_golden


class Proxy(HTTPServer):
    """Answers each path as told, and keeps what was asked."""

    answers: dict[str, tuple[int, Any]]
    asked: list[tuple[str, str, str | None]]


class Inbox(BaseHTTPRequestHandler):
    """One request at a time."""

    server: Proxy

    def do_GET(self) -> None:
        """The answer of the path."""
        self.server.asked.append((self.command, self.path, self.headers["authorization"]))
        status, body = self.server.answers.get(self.path, (404, {}))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("location", "http://127.0.0.1:1/api/golden/candidates")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy on a real socket."""
    server = Proxy(("127.0.0.1", 0), Inbox)
    server.answers, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


def url(proxy: Proxy, rest: str = "") -> str:
    """The address of the list."""
    return f"http://127.0.0.1:{proxy.server_port}/api/golden/candidates{rest}"


def told(id: str, **more: Any) -> dict[str, Any]:
    """A candidate as the proxy tells it."""
    return {"id": id, "state": "open", "item": item(id), "problem": None, **more}


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://g.example/review/golden/candidates/1", "https://g.example/api/golden/candidates/1"),
        (
            "https://g.example/x/review/golden/candidates/1.json",
            "https://g.example/x/api/golden/candidates/1",
        ),
        (
            "http://127.0.0.1:4000/api/golden/candidates?set=a",
            "http://127.0.0.1:4000/api/golden/candidates?set=a",
        ),
        ("http://[::1]/api/golden/candidates", "http://[::1]/api/golden/candidates"),
    ],
)
def test_addresses_of_pages_and_of_the_api_mean_the_same(given: str, asked: str) -> None:
    """Over https, or on this machine."""
    assert address(given) == asked


@pytest.mark.parametrize(
    "given",
    ["", "file:///etc/passwd", "http://g.example/api/golden/candidates", "https://g.example/api/traces",
     "https://a:b@g.example/api/golden/candidates", "http://[", "https:///api/golden/candidates"],
)  # fmt: skip
def test_other_addresses_are_refused(given: str) -> None:
    """With what to give instead."""
    with pytest.raises(FetchError):
        address(given)


def test_a_list_is_read_page_by_page_and_told_what_was_taken(proxy: Proxy) -> None:
    """Oldest first; the key goes with each request."""
    proxy.answers = {
        "/api/golden/candidates?set=a": (
            200,
            {"format": FORMAT, "data": [told("c"), told("b")], "next": "2.x"},
        ),
        "/api/golden/candidates?set=a&before=2.x": (
            200,
            {"format": FORMAT, "data": [told("a")], "next": None},
        ),
        "/api/golden/candidates/a/taken": (200, {"id": "a", "new": True}),
    }
    found = fetch(url(proxy, "?set=a"), "secret")

    assert [each.id for each in found] == ["a", "b", "c"]
    assert tell(url(proxy, "?set=a"), "secret", ["a", "b"]) == ["b"]
    assert {key for _, _, key in proxy.asked} == {"Bearer secret"}


@pytest.mark.parametrize(
    "answer", [(302, {}), (401, {}), (500, {}), (200, b"no"), (200, {"format": "x"}), (200, b"[" * 9999)]
)
def test_an_answer_that_is_none_is_an_error_without_the_key(proxy: Proxy, answer: tuple[int, Any]) -> None:
    """No redirect is followed."""
    proxy.answers = {"/api/golden/candidates": answer}
    with pytest.raises(FetchError) as failed:
        fetch(url(proxy), "secret")
    assert "secret" not in str(failed.value) and len(proxy.asked) == 1


def test_what_does_not_belong_into_a_set_is_left_with_its_reason(tmp_path: Path) -> None:
    """Known by id or by what it asks, withdrawn, malformed, without expectation, or with somebody's data."""
    write_golden(tmp_path, [item("a")])
    other = item("z") | {"input": {"question": "Why?"}}
    found = [
        Fetched("1", "open", other | {"id": "new"}, ""),
        Fetched("2", "open", item("a"), ""),
        Fetched("3", "open", item("a") | {"id": "b"}, ""),
        Fetched("4", "withdrawn", other, ""),
        Fetched("5", "open", {"id": "x"}, ""),
        Fetched("6", "open", other | {"expected": {}}, ""),
        Fetched("7", "open", other | {"input": {"question": "Mail ada.lovelace@gmail.com"}}, ""),
        Fetched("8", "open", None, "Its trace is gone."),
        Fetched("9", "open", other | {"id": "new"}, ""),
    ]
    made = plan(tmp_path, found)

    assert [one["id"] for one in made.items] == ["new"] and made.taken == ("1",)
    reasons = {left.id: left.reason for left in made.left}
    assert [*reasons] == ["2", "3", "4", "5", "6", "7", "8", "9"]
    for id, word in zip(
        reasons,
        ("already", "the same", "withdrawn", "input", "expects nothing", "EMAIL_ADDRESS", "gone", "already"),
        strict=True,
    ):
        assert word in reasons[id], (id, reasons[id])


def test_stand_ins_are_nobodys_data() -> None:
    """A secret is somebody's."""
    assert (
        personal(
            item("a") | {"input": {"question": "Mail morgan.reed@example.com, card 4111 1111 1111 1111"}}
        )
        == []
    )
    token = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
    assert personal(item("a") | {"expected": {"answer": token}}) != []


@pytest.mark.parametrize("key", ["a\nb", "é", "a\0"])
def test_a_key_that_no_header_takes_is_told_so(key: str) -> None:
    """Before anything is asked; the key is not repeated."""
    with pytest.raises(FetchError, match="without line breaks") as raised:
        fetch("http://127.0.0.1:1/api/golden/candidates/x", key)
    assert key not in str(raised.value)
