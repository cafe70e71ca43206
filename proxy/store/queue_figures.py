"""How each queue stands: what waits and for how long, what was done today."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from proxy.store.db import Store
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """How one queue stands."""

    open: int = 0
    """Items that wait for a review."""
    claimed: int = 0
    """Reviews under way."""
    disputed: int = 0
    """Items that wait for an adjudication."""
    done_today: int = 0
    """Reviews submitted since midnight, UTC. Adjudications are not among them."""
    left: int = 0
    """Reviews that the open items still need."""
    oldest_us: int | None = None
    """Since when the item waits that waits longest, disputed ones included."""


def queue_figures(
    store: Store, queue_ids: Sequence[str], now_us: int | None = None
) -> dict[str, QueueFigures]:
    """How some queues stand, by their id."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    with store.read() as connection:
        waiting = _waiting(connection, queue_ids)
        claimed = _count(connection, queue_ids, ASSIGNMENT.c.state == "claimed", ASSIGNMENT.c.lease_us > now)
        reviews = ASSIGNMENT.c.place >= 0
        done = _count(connection, queue_ids, reviews, ASSIGNMENT.c.submitted_us >= now - now % DAY_US)
        left = _count(connection, queue_ids, reviews, ASSIGNMENT.c.state != "submitted")
    return {
        id: QueueFigures(
            open=waiting.get((id, "open"), (0, None))[0],
            claimed=claimed.get(id, 0),
            disputed=waiting.get((id, "disputed"), (0, None))[0],
            done_today=done.get(id, 0),
            left=left.get(id, 0),
            oldest_us=min(
                (waiting[id, state][1] for state in ("open", "disputed") if (id, state) in waiting),
                default=None,
            ),
        )
        for id in queue_ids
    }


def disputed(store: Store, tenant: str | None, limit: int = 50) -> list[dict[str, Any]]:
    """The items on which reviewers disagree, those that wait longest first, each with its queue's name."""
    query = select(ITEM, QUEUE.c.name.label("queue")).join(QUEUE, QUEUE.c.id == ITEM.c.queue_id)
    query = query.where(ITEM.c.state == "disputed")
    if tenant is not None:
        query = query.where(ITEM.c.tenant == tenant)
    with store.read() as connection:
        rows = connection.execute(query.order_by(ITEM.c.created_us, ITEM.c.id).limit(limit)).mappings()
        return [dict(row) for row in rows]


def submitted_by(store: Store, reviewer: str, limit: int = 50) -> list[dict[str, Any]]:
    """The reviews that a reviewer submitted last, newest first, each with its item's state and queue."""
    query = (
        select(
            ASSIGNMENT.c.item_id, ASSIGNMENT.c.place, ASSIGNMENT.c.span_id, ASSIGNMENT.c.submitted_us,
            ITEM.c.state, ITEM.c.verdict, QUEUE.c.name.label("queue"),
        )
        .join(ITEM, ITEM.c.id == ASSIGNMENT.c.item_id)
        .join(QUEUE, QUEUE.c.id == ASSIGNMENT.c.queue_id)
        .where(ASSIGNMENT.c.reviewer == reviewer, ASSIGNMENT.c.state == "submitted")
        .order_by(ASSIGNMENT.c.submitted_us.desc())
    )  # fmt: skip
    with store.read() as connection:
        return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def _waiting(connection: Connection, queue_ids: Sequence[str]) -> dict[tuple[str, str], tuple[int, int]]:
    """How many items wait and since when, by queue and state."""
    query = (
        select(ITEM.c.queue_id, ITEM.c.state, func.count(), func.min(ITEM.c.created_us))
        .where(ITEM.c.queue_id.in_(queue_ids), ITEM.c.state.in_(("open", "disputed")))
        .group_by(ITEM.c.queue_id, ITEM.c.state)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in connection.execute(query)}


def _count(
    connection: Connection, queue_ids: Sequence[str], *conditions: ColumnElement[bool]
) -> dict[str, int]:
    """Reviews of some kind by queue."""
    query = select(ASSIGNMENT.c.queue_id, func.count()).where(
        ASSIGNMENT.c.queue_id.in_(queue_ids), *conditions
    )
    rows = connection.execute(query.group_by(ASSIGNMENT.c.queue_id))
    return {row[0]: row[1] for row in rows}
