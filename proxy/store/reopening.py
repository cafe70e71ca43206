"""Taking back a review of a queue just after it was submitted: the whole of it, and its item waits for it again.

Refused, with why, where somebody built on it: decided the dispute, or reviewed the same item in a blind queue.
"""

from __future__ import annotations

import secrets
import time
from typing import Literal

from sqlalchemy import Connection, and_, exists, or_, select

from proxy.store.audit import Act, note_all
from proxy.store.claims import ADJUDICATION, LEASE_US, Held
from proxy.store.db import PATIENCE_S, Store
from proxy.store.filter_fields import WITHDRAWN
from proxy.store.reviews import take_back, told
from proxy.store.tables import ANNOTATION
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE

UNDO_US = 15 * 1_000_000
"""How long a review can be taken back. Pages offer it for less: a press in the last moment still is in time."""

Why = Literal["none", "late", "decided", "seen"]
"""There is no such review, its time is over, the item was decided, others' reviews of it could be seen."""


class _Refused(Exception):
    def __init__(self, why: Why) -> None:
        self.why: Why = why


def take_back_submitted(
    store: Store, item_id: str, reviewer: str, tenant: str | None, now_us: int | None = None
) -> Held | Why:
    """Withdraw all that a reviewer submitted on an item, and give it back to them; why not, where it stays."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    try:
        with store.begin(PATIENCE_S) as connection:
            return _reopened(connection, item_id, reviewer, tenant, now)
    except _Refused as refused:
        return refused.why


def _reopened(connection: Connection, item_id: str, reviewer: str, tenant: str | None, now: int) -> Held:
    held, its_tenant = _held_again(connection, item_id, reviewer, tenant, now)
    deciding = and_(ASSIGNMENT.c.item_id == item_id, ASSIGNMENT.c.place == ADJUDICATION)
    nobodys = or_(
        ASSIGNMENT.c.state == "free", (ASSIGNMENT.c.state == "claimed") & (ASSIGNMENT.c.lease_us <= now)
    )
    connection.execute(ASSIGNMENT.delete().where(deciding, nobodys))
    # Whoever submits another review of the item at the same time waits here, or is waited for.
    opened = ITEM.update().where(ITEM.c.id == item_id, ITEM.c.state.in_(("open", "agreed", "disputed")))
    values = {"submitted": ITEM.c.submitted - 1, "state": "open", "verdict": None, "ended_us": None}
    item = connection.execute(opened.values(**values).returning(ITEM.c.submitted, ITEM.c.queue_id)).first()
    if item is None or connection.execute(select(exists().where(deciding))).scalar():
        raise _Refused("decided")
    blind = connection.execute(select(QUEUE.c.blind).where(QUEUE.c.id == item.queue_id)).scalar()
    if blind and item.submitted:
        raise _Refused("seen")
    said = select(ANNOTATION.c.id).where(
        ANNOTATION.c.span_id == held.span_id,
        ANNOTATION.c.item_id == item_id,
        ANNOTATION.c.author == reviewer,
        ANNOTATION.c.verdict != WITHDRAWN,
    )
    rows = [take_back(connection, id, reviewer) for id in connection.execute(said).scalars().all()]
    gone = [Act(reviewer, "review.withdraw", row["id"], told(row), row["tenant"]) for row in rows if row]
    about = {"queue": held.queue_id, "span_id": held.span_id, "place": held.place}
    note_all(connection, [*gone, Act(reviewer, "item.reopen", item_id, about, its_tenant)])
    return held


def _held_again(
    connection: Connection, item_id: str, reviewer: str, tenant: str | None, now: int
) -> tuple[Held, str]:
    """Claim the place anew that the reviewer has submitted, and whose it is. Raises _Refused."""
    own = and_(
        ASSIGNMENT.c.item_id == item_id, ASSIGNMENT.c.reviewer == reviewer, ASSIGNMENT.c.state == "submitted"
    )
    if tenant is not None:
        own = and_(own, ASSIGNMENT.c.tenant == tenant)
    values = {
        "state": "claimed",
        "token": secrets.token_urlsafe(16),
        "lease_us": now + LEASE_US,
        "submitted_us": None,
    }
    mine = ASSIGNMENT.update().where(own, ASSIGNMENT.c.place >= 0, ASSIGNMENT.c.submitted_us >= now - UNDO_US)
    row = connection.execute(mine.values(**values).returning(ASSIGNMENT)).first()
    if row is not None:
        return Held(row.item_id, row.place, row.span_id, row.queue_id, row.token), row.tenant
    place = connection.execute(select(ASSIGNMENT.c.place).where(own)).scalar()
    if place is None:
        raise _Refused("none")
    raise _Refused("decided" if place == ADJUDICATION else "late")
