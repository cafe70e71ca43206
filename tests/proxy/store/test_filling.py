"""Every trace comes into its queues once, whenever it is stored; a sample is drawn by chance that can be repeated."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import select

from proxy.document import document
from proxy.store import filling, queues
from proxy.store.db import Store
from proxy.store.filters import FilterError
from proxy.store.overdue import LOOKS_BACK_US, MARGIN_US
from proxy.store.queues import NewQueue
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE
from tests.proxy.exchanges import masked
from tests.proxy.store.aged import id_at, thought
from tests.proxy.store.reviewing import traces

MINUTE = 60_000_000


def _items(store: Store, queue_id: str) -> list[dict[str, Any]]:
    with store.read() as connection:
        query = select(ITEM).where(ITEM.c.queue_id == queue_id)
        return [dict(row) for row in connection.execute(query).mappings()]


def _at(at_us: int, **over: Any) -> dict[str, Any]:
    return {**document(masked("then")), "id": id_at(at_us), "started_us": at_us, **over}


def _queue(store: Store, **over: Any) -> str:
    new = NewQueue(**{"name": "mine", "filter": "flagged:true", **over})
    return str(queues.add_queue(store, new, "default", "ann")["id"])


def test_there_are_two_queues_from_the_start(store: Store) -> None:
    """Made once, however often; a changed name stays changed. What is flagged comes into one of them."""
    spans = traces(store, 3)
    assert filling.fill_all(store) == 3
    queues.change_queue(store, "flagged", {"name": "look here"}, None, "ann")

    assert filling.fill_all(store) == 0
    assert {row["name"] for row in queues.queues(store, None)} == {"look here", "sample"}
    items = _items(store, "flagged")
    assert {item["span_id"] for item in items} == set(spans)
    assert {(item["filter"], item["share"], item["reviews"]) for item in items} == {("flagged:true", 1.0, 1)}


def test_a_sample_is_the_same_whoever_draws_it_and_of_its_size(store: Store) -> None:
    """Of a keyed hash: another queue draws another, another key too; the share is what was asked for."""
    ids = [f"{n:032x}" for n in range(20_000)]
    queue = {"id": "q", "share": 0.1}
    drawn = [id for id in ids if filling.in_sample(b"k" * 32, queue, id)]

    assert 1_800 < len(drawn) < 2_200
    assert drawn == [id for id in ids if filling.in_sample(b"k" * 32, dict(queue), id)]
    for key, other in ((b"k" * 32, {"id": "r", "share": 0.1}), (b"j" * 32, queue)):
        common = sum(filling.in_sample(key, other, id) for id in drawn)
        assert common < len(drawn) / 5
    wider = {**queue, "share": 0.2}
    assert all(filling.in_sample(b"k" * 32, wider, id) for id in drawn)
    assert all(filling.in_sample(b"k" * 32, {**queue, "share": 1.0}, id) for id in ids)


def test_what_is_stored_late_comes_in_and_nothing_twice(store: Store) -> None:
    """Hours after it began, from a spool, behind what the queue has looked at; before its beginning, nothing."""
    id, now = _queue(store), time.time_ns() // 1000
    store.write([_at(now - 10 * MINUTE), _at(now - MINUTE)])
    assert filling.fill_all(store) - len(_items(store, "flagged")) == 2
    late, too_old = _at(now - 180 * MINUTE), _at(now - LOOKS_BACK_US - 60 * MINUTE)

    assert store.write([late, too_old]) == []
    filling.fill_all(store)
    filling.fill_all(store)

    found = [item["span_id"] for item in _items(store, id)]
    assert len(found) == 3 and late["id"] in found
    filled = queues.find_queue(store, id, None) or {}
    assert filled["filled_us"] <= now - MARGIN_US + 60 * MINUTE


def test_who_fills_does_not_go_on_past_what_came_meanwhile(store: Store) -> None:
    """A queue that was read before a late trace was stored is not moved by whoever read it."""
    id, now = _queue(store), time.time_ns() // 1000
    store.write([_at(now - 20 * MINUTE)])
    stale = queues.find_queue(store, id, None) or {}
    late = _at(now - 600 * MINUTE)
    moved = {**stale, "filled_us": now - 30 * MINUTE}
    with store.begin() as connection:
        connection.execute(QUEUE.update().where(QUEUE.c.id == id).values(filled_us=moved["filled_us"]))
    store.write([late])

    filling.fill(store, moved)
    after = queues.find_queue(store, id, None) or {}
    assert after["filled_us"] <= late["started_us"]
    filling.fill(store, after)
    assert late["id"] in {item["span_id"] for item in _items(store, id)}


def test_many_traces_come_in_by_batches_up_to_the_most(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue waits, and goes on where it was when some are done."""
    monkeypatch.setattr(filling, "BATCH", 7)
    monkeypatch.setattr(filling, "MOST_OPEN", 15)
    id, now = _queue(store), time.time_ns() // 1000
    # Some of one moment, and some that end with a batch.
    store.write([_at(now - 60 * MINUTE + (n // 9) * MINUTE) for n in range(30)])
    row = queues.find_queue(store, id, None) or {}

    assert filling.fill(store, row) == 15
    assert filling.fill(store, queues.find_queue(store, id, None) or {}) == 0
    with store.begin() as connection:
        connection.execute(ITEM.update().where(ITEM.c.queue_id == id).values(state="agreed"))
    assert filling.fill(store, queues.find_queue(store, id, None) or {}) == 15
    assert len({item["span_id"] for item in _items(store, id)}) == 30


def test_a_trace_that_users_thought_badly_of_later_comes_in(store: Store) -> None:
    """A queue of feedback looks at what was said lately, whatever the age of the trace."""
    old = _at(time.time_ns() // 1000 - 3 * 24 * 60 * MINUTE)
    store.write([old])
    id = _queue(store, filter="feedback:down")
    filling.fill_all(store)
    assert _items(store, id) == []

    said = {"value": 0.0, "key_id": old["key_id"], "created_us": time.time_ns() // 1000}
    store.write([{**thought(0, old["id"]), **said}])
    filling.fill_all(store)

    assert [item["span_id"] for item in _items(store, id)] == [old["id"]]


def test_what_is_chosen_by_hand_is_told_from_a_sample(store: Store) -> None:
    """It has no filter; what is there, elsewhere, or another tenant's, is not put in again."""
    id = _queue(store, reviews=2)
    mine, theirs = traces(store, 1), traces(store, 1, tenant="another")
    with store.begin() as connection:
        assert filling.add_items(connection, id, [*mine, *theirs, "0" * 32]) == 1
        assert filling.add_items(connection, id, mine) == 0
        assert filling.add_items(connection, "nothing", mine) == 0

    (item,) = _items(store, id)
    assert (item["filter"], item["share"]) == ("", 1.0)
    with store.read() as connection:
        places = connection.execute(select(ASSIGNMENT.c.place).order_by(ASSIGNMENT.c.place)).scalars().all()
    assert places == [0, 1]


def test_a_queue_that_cannot_be_answered_stops_no_other(store: Store) -> None:
    """Its filter was fine for an older version, say."""
    id = _queue(store, priority=9)
    with store.begin() as connection:
        connection.execute(QUEUE.update().where(QUEUE.c.id == id).values(filter="colour:red"))
    traces(store, 1)

    assert filling.fill_all(store) == 1
    with pytest.raises(FilterError):
        filling.check(store, queues.find_queue(store, id, None) or {})
