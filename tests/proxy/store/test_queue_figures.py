"""How queues stand, in numbers."""

from __future__ import annotations

from proxy.store import claims
from proxy.store.db import Store
from proxy.store.queue_figures import QueueFigures, disputed, queue_figures, submitted_by
from tests.proxy.store.reviewing import give, queue, reviewed, taken


def test_a_queue_counts_what_waits_what_is_claimed_and_what_was_done(store: Store) -> None:
    """Disputed items wait for longer; a queue that nobody knows has nothing."""
    id = queue(store, 3)
    assert give(store, taken(store, id, "ann"), "ann", "pass")
    assert give(store, taken(store, id, "ann"), "ann", "defer")
    taken(store, id, "ann")

    found = queue_figures(store, [id, "nothing"])

    figures = found[id]
    assert (figures.open, figures.claimed, figures.disputed) == (1, 1, 1)
    assert (figures.done_today, figures.left) == (2, 1)
    assert figures.oldest_us is not None
    assert found["nothing"] == QueueFigures()
    (item,) = disputed(store, "default")
    assert item["queue"] == "mine" and disputed(store, "another") == []
    assert [row["state"] for row in submitted_by(store, "ann")] == ["disputed", "agreed"]
    assert submitted_by(store, "bob") == []


def test_what_was_done_and_what_is_left_are_both_reviews(store: Store) -> None:
    """Two items with two reviews each are four; an adjudication is none of them."""
    id = queue(store, 2, reviews=2)
    item = reviewed(store, id, ann="pass", bob="fail")
    deciding = claims.take(store, item, "eve", None)
    assert deciding is not None and give(store, deciding, "eve", "fail")
    assert give(store, taken(store, id, "ann"), "ann")

    figures = queue_figures(store, [id])[id]

    assert (figures.done_today, figures.left) == (3, 1)
