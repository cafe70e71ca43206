"""Queues are made, changed and closed by name, with what they take said clearly, and noted."""

from __future__ import annotations

import pytest

from proxy.identity import subject_hash
from proxy.store import queues
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.queues import NewQueue, QueueError


def test_a_queue_is_made_changed_closed_and_opened(store: Store) -> None:
    """Each an act, without texts; another tenant does not see it."""
    row = queues.add_queue(
        store, NewQueue(" mine ", 'text:"secret words"', 0.5, 2, True, 3), "default", "ann"
    )
    changed = queues.change_queue(store, row["id"], {"share": 0.25}, "default", "ann")

    assert changed is not None and (changed["name"], changed["share"], changed["blind"]) == (
        "mine",
        0.25,
        True,
    )
    assert queues.find_queue(store, "mine", "default") == changed
    assert queues.find_queue(store, row["id"], "another") is None
    assert queues.change_queue(store, row["id"], {"share": 1.0}, "another", "eve") is None
    assert queues.close_queue(store, row["id"], None, "ann") and not queues.close_queue(
        store, "mine", None, "ann"
    )
    assert queues.open_queue(store, row["id"], None, "ann") and not queues.open_queue(
        store, "mine", None, "ann"
    )
    assert not queues.close_queue(store, row["id"], "another", "eve")
    told = acts(store)
    assert [act["action"] for act in told] == ["queue.open", "queue.close", "queue.change", "queue.create"]
    assert "secret" not in str([act["detail"] for act in told])


@pytest.mark.parametrize(
    ("new", "named"),
    [
        (NewQueue("", ""), "name"),
        (NewQueue("a\nb", ""), "name"),
        (NewQueue("x" * 65, ""), "name"),
        (NewQueue("a", "", 0.0), "share"),
        (NewQueue("a", "", 1.1), "share"),
        (NewQueue("a", "", float("nan")), "share"),
        (NewQueue("a", "", 1.0, 0), "reviews"),
        (NewQueue("a", "", 1.0, 11), "reviews"),
        (NewQueue("a", "", 1.0, 1, False, 1_001), "priority"),
        (NewQueue("a", "since:24h"), "filter takes no since"),
        (NewQueue("a", "outcome:blue"), r"filter: .*\(character 1\)"),
        (NewQueue("taken", ""), "name is taken"),
    ],
)
def test_a_queue_that_makes_no_sense_is_refused(store: Store, new: NewQueue, named: str) -> None:
    """The message begins with what is wrong."""
    queues.add_queue(store, NewQueue("taken", ""), "default", "ann")
    with pytest.raises(QueueError, match=f"^{named}"):
        queues.add_queue(store, new, "default", "ann")
    assert len(queues.queues(store, None)) == 1


def test_a_queue_names_no_person(store: Store) -> None:
    """A subject in its filter stands as the hash that traces have."""
    row = queues.add_queue(store, NewQueue("one", "subject:ada@example.com"), "default", "ann")

    assert row["filter"] == f"subject:{subject_hash(store.key, 'default', 'ada@example.com')}"
    changed = queues.change_queue(store, row["id"], {"priority": 1}, None, "ann")
    assert changed is not None and changed["filter"] == row["filter"]
    with pytest.raises(QueueError, match="name is taken"):
        queues.add_queue(store, NewQueue("two", ""), "default", "ann")
        queues.change_queue(store, row["id"], {"name": "two"}, None, "ann")
