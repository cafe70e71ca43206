"""What a trace tells of a retrieval, and asking a proxy for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from evals.errors import FetchError
from evals.traces import fetch, recalled
from evals.types import Hit, Output

OWN = (Hit("a", 0.5, "Bees.", 1, 3, 8), Hit("b", 0.4, "Bread.", 2, 0, 6))


def hit(rank: int, doc_id: str, text: str | None, **more: Any) -> dict[str, Any]:
    """A hit as traces have it."""
    return {"rank": rank, "doc_id": doc_id, "score": 0.5, "text": text, "source": "request", **more}


def test_places_come_from_the_run_where_the_text_is_the_same() -> None:
    """Another text is taken to be masked, and a hit that the run does not know has no place."""
    listed = [hit(3, "c", "New."), hit(1, "a", "Bees."), hit(2, "b", "[X].")]
    found = recalled({"retrieval": listed}, Output(hits=OWN))

    assert found.hits == (
        Hit("a", 0.5, "Bees.", 1, 3, 8),
        Hit("b", 0.5, "[X].", 2),
        Hit("c", 0.5, "New.", 3),
    )
    assert found.masked == {2}


@pytest.mark.parametrize(
    ("finding", "masked"),
    [
        ({"pointer": "/guardhouse/retrieval/0/text"}, {1}),
        ({"pointer": "/guardhouse/retrieval/hits/1/text"}, {2}),
        ({"pointer": "/guardhouse/retrieval/0/text", "mode": "shadow"}, set()),
        ({"pointer": "/guardhouse/retrieval/0/text", "action": "flag"}, set()),
        ({"pointer": "/guardhouse/retrieval/0/text", "side": "output"}, set()),
        ({"pointer": "/messages/0/content"}, set()),
    ],
)
def test_what_was_found_in_a_hit_and_taken_out_masks_it(finding: dict[str, Any], masked: set[int]) -> None:
    """By the proxy's own word, whoever found the hits."""
    told = {"side": "input", "action": "redact", "mode": "enforce", **finding}
    trace = {"retrieval": [hit(1, "a", "x"), hit(2, "b", "y")], "findings": [told]}

    assert recalled(trace, Output()).masked == masked


@pytest.mark.parametrize("text", ["", None, " "])
def test_a_text_that_was_not_kept_is_masked(text: str | None) -> None:
    """As with `capture: none`."""
    assert recalled({"retrieval": [hit(1, "a", text)]}, Output()).masked == {1}


@pytest.mark.parametrize(
    ("trace", "why"),
    [
        (None, "not at the proxy"),
        ({"retrieval": [], "reduced": "DataError"}, "only without"),
        ({}, "does not say"),
        ({"retrieval": {}}, "does not say"),
        ({"retrieval": [7]}, "does not say"),
        ({"retrieval": [{"rank": "1", "doc_id": "a", "text": ""}]}, "does not say"),
        ({"retrieval": []}, "none of the 2 hits"),
        (
            {
                "retrieval": [
                    hit(1, "a", "x", source="otlp", span="1"),
                    hit(1, "b", "y", source="otlp", span="2"),
                ]
            },
            "tells of 2 searches",
        ),
    ],
)
def test_what_a_trace_does_not_tell_has_a_reason(trace: dict[str, Any] | None, why: str) -> None:
    """And no hits that could be counted."""
    found = recalled(trace, Output(hits=OWN))

    assert why in found.why
    assert found.hits == ()


def test_nothing_found_and_nothing_searched_are_two_things() -> None:
    """An empty result is a result."""
    assert recalled({"retrieval": []}, Output(hits=())).searched
    assert not recalled({"retrieval": []}, Output(hits=None)).searched


def test_the_requests_own_hits_count_before_those_of_spans() -> None:
    """Which may tell of the same search."""
    listed = [hit(1, "a", "x"), hit(1, "b", "y", source="otlp", span="1")]
    spans = [hit(1, "b", "y", source="otlp", span="1"), hit(2, "c", "z", source="otlp", span="1")]

    assert [each.doc_id for each in recalled({"retrieval": listed}, Output()).hits] == ["a"]
    assert [each.doc_id for each in recalled({"retrieval": spans}, Output()).hits] == ["b", "c"]


class Proxy(HTTPServer):
    """Answers as told, by the last part of the path."""

    answers: dict[str, list[tuple[int, bytes]]]
    asked: list[tuple[str, str | None]]


class Desk(BaseHTTPRequestHandler):
    """One GET at a time."""

    server: Proxy

    def do_GET(self) -> None:
        """The next answer for this trace, or the last."""
        self.server.asked.append((self.path, self.headers["authorization"]))
        answers = self.server.answers[self.path.rpartition("/")[2]]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        self.send_header("location", "/elsewhere/one")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy on a real socket."""
    server = Proxy(("127.0.0.1", 0), Desk)
    server.answers, server.asked = {}, []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


GONE = (404, b'{"error": {"message": "There is no trace with this id."}}')
KEPT = (200, json.dumps({"retrieval": []}).encode())


def test_each_trace_is_asked_for_once_and_missing_ones_again(proxy: Proxy) -> None:
    """A proxy stores a moment after it answers."""
    proxy.answers = {"a": [KEPT], "b": [GONE, KEPT], "c": [GONE]}
    waited: list[float] = []
    url = f"http://127.0.0.1:{proxy.server_port}/v1"
    found = fetch(["a", "b", "a", "", "c"], url, "secret", wait=waited.append)

    assert sorted(found) == ["a", "b"]
    assert waited == [1.0]
    assert sorted(path for path, _ in proxy.asked) == [f"/api/traces/{id}" for id in "abbcc"]
    assert {key for _, key in proxy.asked} == {"Bearer secret"}


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/traces", "/v1/api", "/v1/models", "?x=1"])
def test_more_than_an_address_is_refused(path: str) -> None:
    """Else every trace would seem to be gone."""
    with pytest.raises(FetchError, match="more than the proxy's address"):
        fetch(["a"], f"http://127.0.0.1:9{path}", "secret")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, b"{}"), "HTTP 401: give a key"),
        ((404, b"<html>"), "HTTP 404: correct --from"),
        ((302, b""), "HTTP 302"),
        ((500, b"x"), "HTTP 500: look at the proxy's log"),
        ((200, b"<html>"), "is no trace"),
        ((200, b"[]"), "is no trace"),
    ],
)
def test_a_refusal_is_told_without_the_key(proxy: Proxy, answer: tuple[int, bytes], says: str) -> None:
    """It is no trace that is gone: nothing is scored."""
    proxy.answers = {"a": [answer], "one": [KEPT]}

    with pytest.raises(FetchError, match=says) as raised:
        fetch(["a"], f"http://127.0.0.1:{proxy.server_port}", "secret", wait=lambda _: None)

    assert "secret" not in str(raised.value)
    assert [path for path, _ in proxy.asked] == ["/api/traces/a"]
