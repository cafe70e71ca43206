"""Queues are set back by what is stored late, and by nothing else."""

from __future__ import annotations

from proxy.store import queues
from proxy.store.db import Store
from proxy.store.overdue import LATE_US, LOOKS_BACK_US, set_back
from proxy.store.queues import NewQueue
from proxy.store.tables_review import QUEUE

HOUR = 3_600_000_000


def test_only_what_is_late_sets_a_queue_back_and_never_before_its_beginning(store: Store) -> None:
    """Each late trace changes the value, so that who is filling sees it; closed queues are left."""
    row = queues.add_queue(store, NewQueue("one", ""), "default", "ann")
    closed = queues.add_queue(store, NewQueue("two", ""), "default", "ann")
    queues.close_queue(store, closed["id"], None, "ann")
    now = row["created_us"] + 30 * HOUR
    with store.begin() as connection:
        connection.execute(QUEUE.update().values(filled_us=now))

    def after(*started_us: int) -> int:
        with store.begin() as connection:
            set_back(connection, [{"started_us": at} for at in started_us], now)
        found = queues.find_queue(store, row["id"], None)
        assert found is not None
        return int(found["filled_us"])

    assert after(now, now - LATE_US) == now
    assert after(row["created_us"] - LOOKS_BACK_US - 1) == now
    assert after(now - HOUR, now - 2 * HOUR) == now - 2 * HOUR - 1
    assert after(now - HOUR) == now - 2 * HOUR - 2
    first = row["created_us"] - LOOKS_BACK_US
    assert after(first - 5 * HOUR, now - HOUR) == first - 1
    assert (queues.find_queue(store, closed["id"], None) or {})["filled_us"] == now
