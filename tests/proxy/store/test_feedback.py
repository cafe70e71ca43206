"""Feedback counts on exchanges of the key that gave it, or of any key from an administrator."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import Principal, new_id
from proxy.store.db import Store
from proxy.store.feedback import find_target
from proxy.store.filters import of
from proxy.store.keys import create_key
from proxy.store.queries import get_trace, list_spans
from tests.proxy.store.app_documents import TRACE, exchange


def given(target: str, value: float, key_id: str = "key-1", **over: Any) -> dict[str, Any]:
    """Feedback as it comes from the spool."""
    return {
        "kind": "feedback", "id": new_id(), "tenant": "default", "key_id": key_id, "target": target,
        "name": "user", "value": value, "comment": None, "created_us": 1, **over,
    }  # fmt: skip


def test_only_who_made_the_exchange_or_an_administrator_counts(store: Store) -> None:
    """Feedback that came before its exchange is told apart when it is read."""
    asked = exchange(1)
    boss = create_key(store, "boss", admin=True).stored.key_id
    store.write(
        [
            given(asked.id, 0),
            given(asked.id, 0.9, boss),
            given(asked.id, 1, "key-2"),
            given(asked.id, 0.7, "admin", comment="fine"),
        ]
    )
    store.write([document(asked)])

    trace = get_trace(store, asked.id)
    assert trace is not None
    assert sorted((one["key_id"], one["value"], one["comment"]) for one in trace["feedback"]) == sorted(
        [("admin", 0.7, "fine"), ("key-1", 0.0, None), (boss, 0.9, None)]
    )


@pytest.mark.parametrize(("thought", "values"), [("down", {0.0}), ("up", {1.0}), ("any", {0.0, 1.0})])
def test_traces_are_found_by_feedback(store: Store, thought: str, values: set[float]) -> None:
    """`down` is below a half; a stranger's counts for nothing."""
    spans = {value: exchange(value) for value in (0.0, 1.0)}
    quiet = exchange(5)
    store.write([document(one) for one in (*spans.values(), quiet)])
    store.write([given(spans[value].id, value) for value in spans] + [given(quiet.id, 0, "stranger")])

    assert {one["id"] for one in list_spans(store, of(feedback=thought)).items} == {
        spans[value].id for value in values
    }


def test_targets(store: Store) -> None:
    """An exchange by its id, the last of a W3C trace, the reply that it gave; own ones before others'."""
    first, last = exchange(1, trace_id=TRACE, response_id="r1"), exchange(2, trace_id=TRACE)
    foreign = exchange(3, trace_id=TRACE, principal=Principal("key-2"))
    store.write([document(one) for one in (first, last, foreign)])

    def id_of(key_id: str | None, trace_id: str | None = None, response_id: str | None = None) -> Any:
        target = find_target(store, key_id, trace_id, response_id)
        return target and (target.id, target.own)

    assert id_of("key-1", first.id) == (first.id, True)
    assert id_of("key-1", TRACE) == (last.id, True)
    assert id_of("key-1", None, "r1") == (first.id, True)
    assert id_of("key-2", first.id) == (first.id, False)
    assert id_of(None, TRACE) == (foreign.id, True)
    assert id_of("key-1", "nothing") is None

    cached = [exchange(4 + n, response_id="r1") for n in range(2)]
    many = [exchange(9 + n, response_id="r1", principal=Principal("key-3")) for n in range(300)]
    store.write([document(one) for one in (*cached, *many)])
    assert id_of("key-1", None, "r1") == (cached[-1].id, True)
    assert id_of("key-4", None, "r1") == (many[-1].id, False)
