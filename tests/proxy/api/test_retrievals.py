"""`POST /api/retrievals`: what was retrieved stands under the exchange that names it, for the same key alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import _upstream, upstream  # noqa: F401
from tests.proxy.api.live import Live, live
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Upstream

TRACE = "0af7651916cd43dd8448eb211c80319c"
HITS = [
    {"id": "b", "score": 0.9, "text": "mail ada@example.com"},
    {"id": "a", "text": "text", "metadata": {"x": 1}},
]


@pytest.fixture
def proxy(tmp_path: Path, upstream: Upstream) -> Iterator[Live]:  # noqa: F811
    """A proxy with a database."""
    with live(tmp_path, upstream) as running:
        yield running


def _hits(trace: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        (hit["rank"], hit["doc_id"], hit["score"], hit["source"], hit["linked_by"])
        for hit in trace["retrieval"]
    ]


def test_hits_that_were_posted_first(proxy: Live) -> None:
    """Named by the id that was given back; ranked, after guardrails."""
    id = proxy.post("/api/retrievals", {"query": "who?", "hits": HITS})
    assert id.status == 201
    name = id.body.decode().split('"')[3]

    asked = proxy.chat(headers={"x-guardhouse-retrieval": name})
    trace = proxy.trace(asked, lambda trace: trace["retrieval"])
    assert _hits(trace) == [(1, "b", 0.9, "api", "request"), (2, "a", None, "api", "request")]
    assert "ada@" not in trace["retrieval"][0]["text"]

    headers = {"authorization": f"Bearer {proxy.stranger}", "x-guardhouse-retrieval": name}
    foreign = ask(proxy.running, chat(), headers=headers).headers["x-guardhouse-trace-id"]
    assert proxy.trace(foreign, bool)["retrieval"] == []


def test_hits_of_a_trace(proxy: Live) -> None:
    """With a W3C trace id they stand under the next exchange of that trace, unnamed."""
    assert proxy.post("/api/retrievals", {"trace_id": TRACE, "id": "mine", "hits": HITS[:1]}).status == 201

    asked = proxy.chat(headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    assert _hits(proxy.trace(asked, lambda trace: trace["retrieval"])) == [(1, "b", 0.9, "api", "trace")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "hits"),
        ({"hits": [{}]}, "hits.0.id"),
        ({"hits": [{"id": "a", "score": "1"}]}, "hits.0.score"),
        ({"hits": [{"id": "a", "rank": 0}]}, "hits.0.rank"),
        ({"hits": [], "trace_id": "xyz"}, "trace_id"),
        ({"hits": [], "id": "a b"}, "id"),
        ({"hits": [{"id": "a"}] * 201}, "hits"),
        ({"hits": [], "more": 1}, "more"),
    ],
)
def test_what_is_no_retrieval(proxy: Live, body: dict[str, Any], says: str) -> None:
    """Each with the field that is wrong; without a key, nothing."""
    answer = proxy.post("/api/retrievals", body)

    assert (answer.status, answer.error["param"]) == (400, says)
    assert proxy.post("/api/retrievals", body, "gh-wrong").status == 401
