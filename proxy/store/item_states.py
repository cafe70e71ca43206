"""How far the reviews of some traces are: for a list, in one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select

from proxy.store.db import Store
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE

MOST = 500
"""Items that are told of one list."""


@dataclass(frozen=True, slots=True)
class ItemState:
    """A trace in a queue."""

    queue_id: str
    queue: str
    state: str
    submitted: int
    """Reviews so far."""
    reviews: int
    """Reviews that are wanted."""
    claimed: int
    """Reviewers who are at it now."""


def item_states(store: Store, span_ids: Sequence[str], now_us: int) -> dict[str, list[ItemState]]:
    """The queues that some traces are in, by trace, the queue of the highest priority first."""
    if not span_ids:
        return {}
    alive = and_(
        ASSIGNMENT.c.item_id == ITEM.c.id, ASSIGNMENT.c.state == "claimed", ASSIGNMENT.c.lease_us > now_us
    )
    claimed = select(func.count()).where(alive).scalar_subquery()
    columns = (ITEM.c.span_id, ITEM.c.queue_id, QUEUE.c.name, ITEM.c.state, ITEM.c.submitted, ITEM.c.reviews)
    query = (
        select(*columns, claimed.label("claimed"))
        .join(QUEUE, QUEUE.c.id == ITEM.c.queue_id)
        .where(ITEM.c.span_id.in_(span_ids))
        .order_by(ITEM.c.priority.desc(), QUEUE.c.name)
    )
    found: dict[str, list[ItemState]] = {}
    with store.read() as connection:
        for row in connection.execute(query.limit(MOST)):
            told = ItemState(row.queue_id, row.name, row.state, row.submitted, row.reviews, row.claimed)
            found.setdefault(row.span_id, []).append(told)
    return found
