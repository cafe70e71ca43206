"""Queues with something in them, and reviewers, for the tests of reviewing."""

from __future__ import annotations

from typing import Any

from proxy.document import document
from proxy.store import filling, queues
from proxy.store.claims import Claim, Hold, submit, take_next
from proxy.store.db import Store
from proxy.store.queues import NewQueue
from proxy.store.reviews import NewReview
from tests.proxy.exchanges import masked


def traces(store: Store, count: int, **over: Any) -> list[str]:
    """Store traces of now with one finding each; their ids."""
    documents = [{**document(masked(f"text {n}")), **over} for n in range(count)]
    assert store.write(documents) == []
    return [each["id"] for each in documents]


def queue(store: Store, count: int, reviews: int = 1, blind: bool = False, **over: Any) -> str:
    """A queue with so many items; its id."""
    row = queues.add_queue(store, NewQueue("mine", "", 1.0, reviews, blind, **over), "default", "ann")
    spans = traces(store, count)
    with store.begin() as connection:
        assert filling.add_items(connection, row["id"], spans) == count
    return str(row["id"])


def taken(store: Store, queue_id: str, reviewer: str, now_us: int | None = None) -> Claim:
    """The next item of a queue, which there is."""
    claim = take_next(store, queue_id, reviewer, None, now_us)
    assert claim is not None
    return claim


def give(store: Store, claim: Claim, reviewer: str, verdict: str = "pass", *more: NewReview) -> bool:
    """Submit a verdict on the trace of a claim."""
    said = [NewReview(verdict, reviewer), *more]
    return submit(store, Hold(claim.item_id, reviewer, claim.token), said, None)


def reviewed(store: Store, queue_id: str, **verdicts: str) -> str:
    """Have each named reviewer take the next item and say so; the item's id."""
    items = set()
    for reviewer, verdict in verdicts.items():
        claim = taken(store, queue_id, reviewer)
        assert give(store, claim, reviewer, verdict)
        items.add(claim.item_id)
    assert len(items) == 1
    return str(items.pop())
