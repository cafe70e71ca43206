"""`POST /api/feedback`: kept at once, on exchanges of the caller's own key, its comment after guardrails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proxy.api import feedback
from proxy.store.db import Store
from proxy.store.feedback import Target, find_target
from tests.fixtures import _upstream, upstream  # noqa: F401
from tests.proxy.api.live import Live, live
from tests.proxy.test_pipeline import ask
from tests.servers import ADMIN_KEY, Upstream, whole

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def proxy(tmp_path: Path, upstream: Upstream) -> Iterator[Live]:  # noqa: F811
    """A proxy with a database."""
    upstream.script = whole({"content": "Hello!"}, id="chatcmpl-77")
    with live(tmp_path, upstream) as running:
        yield running


def test_a_thumb_at_once(proxy: Live) -> None:
    """Before the exchange is in the database; shown in its trace, found by the filter, counted, the comment masked."""
    id = proxy.chat()
    answer = proxy.post(
        "/api/feedback", {"trace_id": id, "thumb": "down", "comment": "wrong for ada@example.com"}
    )

    assert answer.status == 201
    [given] = proxy.trace(id, lambda trace: trace["feedback"])["feedback"]
    assert (given["name"], given["value"]) == ("user", 0.0)
    assert given["comment"].startswith("wrong for EMAIL_")
    listed = ask(proxy.running, method="GET", path="/api/traces?feedback=down").body
    assert id.encode() in listed
    assert id.encode() not in ask(proxy.running, method="GET", path="/api/traces?feedback=up").body
    assert (
        b'guardhouse_feedback_total{value="down"} 1.0'
        in ask(proxy.running, method="GET", path="/metrics").body
    )


@pytest.mark.parametrize("named", [{"trace_id": TRACE}, {"response_id": "chatcmpl-77"}])
def test_an_exchange_by_another_name(proxy: Live, named: dict[str, str]) -> None:
    """The caller's W3C trace id, or the reply's id; asked right after the reply."""
    id = proxy.chat(headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})

    assert proxy.post("/api/feedback", {**named, "score": 0.75, "name": "judge"}).status == 201
    [given] = proxy.trace(id, lambda trace: trace["feedback"])["feedback"]
    assert (given["name"], given["value"], given["comment"]) == ("judge", 0.75, None)


def test_another_keys_exchange_is_not_there(proxy: Live) -> None:
    """404 for a stranger; an administrator may."""
    id = proxy.chat()
    proxy.trace(id, bool)

    assert proxy.post("/api/feedback", {"trace_id": id, "thumb": "up"}, proxy.stranger).status == 404
    assert proxy.post("/api/feedback", {"trace_id": "0" * 31 + "1", "thumb": "up"}).status == 404
    assert proxy.post("/api/feedback", {"trace_id": id, "thumb": "up"}, ADMIN_KEY).status == 201
    assert len(proxy.trace(id, lambda trace: trace["feedback"])["feedback"]) == 1


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The trace ids that were looked for in the database, once for each time."""
    seen: list[str | None] = []

    def look(
        store: Store, key_id: str | None, trace_id: str | None, response_id: str | None
    ) -> Target | None:
        seen.append(trace_id)
        return find_target(store, key_id, trace_id, response_id)

    monkeypatch.setattr(feedback, "find_target", look)
    return seen


def test_an_id_of_another_key_takes_as_long_as_none(proxy: Live, looks: list[str | None]) -> None:
    """Both are looked for as often, so that no clock says which ids exist."""
    id, none = proxy.chat(), "0" * 31 + "1"
    proxy.trace(id, bool)

    answers = [
        proxy.post("/api/feedback", {"trace_id": each, "thumb": "up"}, proxy.stranger) for each in (id, none)
    ]
    assert [(each.status, each.error["message"]) for each in answers] == [
        (404, "There is no exchange of this key with this id.")
    ] * 2
    assert looks.count(id) == looks.count(none) == 1 + feedback.LOOKS


def test_who_asks_while_too_many_wait_is_answered_at_once(
    tmp_path: Path,
    upstream: Upstream,  # noqa: F811
    looks: list[str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unknown ids cost one look each then, and known ones are found."""
    monkeypatch.setattr(feedback, "MOST_WAITING", 0)
    with live(tmp_path, upstream) as proxy:
        id = proxy.chat()
        assert proxy.post("/api/feedback", {"trace_id": "unknown", "thumb": "up"}).status == 404
        assert proxy.post("/api/feedback", {"trace_id": id, "thumb": "up"}).status == 201
    assert looks == ["unknown", id]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "either trace_id or response_id"),
        ({"trace_id": "a", "response_id": "b", "thumb": "up"}, "either trace_id or response_id"),
        ({"trace_id": "a"}, "either thumb or score"),
        ({"trace_id": "a", "thumb": "up", "score": 1}, "either thumb or score"),
        ({"trace_id": "a", "thumb": "sideways"}, "thumb"),
        ({"trace_id": "a", "score": 1e300}, "score"),
        ({"trace_id": "a b", "score": 1}, "trace_id"),
        ({"trace_id": "a", "score": 1, "more": 1}, "more"),
        ({"trace_id": "a", "score": 1, "comment": "x" * 10_001}, "comment"),
    ],
)
def test_what_is_no_feedback(proxy: Live, body: dict[str, Any], says: str) -> None:
    """Each with what is wrong; without a key, nothing."""
    answer = proxy.post("/api/feedback", body)

    assert answer.status == 400
    assert says in answer.error["message"].lower()
    assert proxy.post("/api/feedback", body, "gh-wrong").status == 401
