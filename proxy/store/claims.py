"""Claims: who reviews which item now. Each review that an item needs is a place, and one reviewer at a time has it.

A claim holds for LEASE_US after each sign of life. Then its place is free for others; as long as nobody took it, the
reviewer goes on as if nothing had been. Every change is one conditional UPDATE: no two proxies give a place twice.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select
from sqlalchemy.exc import IntegrityError

from proxy.store.adjudication import settle
from proxy.store.audit import Act, note_all
from proxy.store.blindness import hidden_from
from proxy.store.db import PATIENCE_S, Store
from proxy.store.reviews import NewReview, ReviewError, judge, told
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE

__all__ = [
    "ADJUDICATION",
    "BEAT_SECONDS",
    "LEASE_US",
    "LEAVE_US",
    "Claim",
    "Held",
    "Hold",
    "beat",
    "claim_of",
    "claims_of",
    "held",
    "hidden_from",
    "leave",
    "release",
    "span_of",
    "submit",
    "take",
    "take_next",
    "take_place",
    "why_not",
]

LEASE_US = 5 * 60 * 1_000_000
"""How long a claim holds without a sign of life."""
LEAVE_US = 30 * 1_000_000
"""How long it holds once its page was left: who loads the page again keeps it."""
BEAT_SECONDS = 20
"""How often a page gives one."""
ADJUDICATION = -1
"""The place of who decides where reviewers disagree."""
_TRIES = 5
"""How often a place is looked for when somebody else, or the reviewer in another window, is quicker."""
_DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A place that a reviewer has."""

    item_id: str
    place: int
    span_id: str
    queue_id: str
    queue_name: str
    token: str
    """What is sent under it is taken; under an older one it is not."""
    lease_us: int
    """Until when it holds, unless there is a sign of life."""
    blind: bool
    done: int
    """Reviews of the queue that the reviewer submitted today (UTC); of an adjudication: adjudications."""
    total: int
    """These, and the items that the reviewer still may review; of an adjudication: may adjudicate."""
    adjudication: bool


@dataclass(frozen=True, slots=True)
class Held:
    """A place that a reviewer has, in few words."""

    item_id: str
    place: int
    span_id: str
    queue_id: str
    token: str

    @property
    def adjudication(self) -> bool:
        """Whether it is the place of who decides."""
        return self.place == ADJUDICATION


_HELD = (
    ASSIGNMENT.c.item_id,
    ASSIGNMENT.c.place,
    ASSIGNMENT.c.span_id,
    ASSIGNMENT.c.queue_id,
    ASSIGNMENT.c.token,
)


class Hold(NamedTuple):
    """Under what somebody hands something in."""

    item_id: str
    reviewer: str
    token: str


class _Quicker(Exception):
    """Somebody else has the place by now."""


def take_next(
    store: Store, queue_id: str, reviewer: str, tenant: str | None, now_us: int | None = None
) -> Claim | None:
    """What `take_place` gives, with what its page tells of it."""
    for _ in range(_TRIES):
        held = take_place(store, queue_id, reviewer, tenant, now_us)
        if held is None:
            return None
        with store.read() as connection:
            # Counted apart: nobody waits for the counts of others.
            claim = _claim(connection, _held(held.item_id, reviewer, held.token), now_us or _now())
        if claim is not None:
            return claim
    return None


def take_place(
    store: Store, queue_id: str, reviewer: str, tenant: str | None, now_us: int | None = None
) -> Held | None:
    """The reviewer's live claim in a queue, else the next item that is theirs to review; None when there is none.

    `tenant`: the only one whose items the reviewer may see. Nobody reviews an item twice. The oldest trace comes first,
    those of a higher priority before all.
    """
    for _ in range(_TRIES):
        now = _now() if now_us is None else now_us
        try:
            with store.begin(PATIENCE_S) as connection:
                return _live(connection, queue_id, reviewer, tenant, now) or _taken(
                    connection, queue_id, reviewer, tenant, now
                )
        except (_Quicker, IntegrityError):
            # The same reviewer in another window may have taken another place of the item: that one is found now.
            continue
    return None


def take(
    store: Store, item_id: str, reviewer: str, tenant: str | None, now_us: int | None = None
) -> Claim | None:
    """The adjudication of a disputed item, if it is free, and the reviewer had no part in the dispute."""
    now = _now() if now_us is None else now_us
    place = and_(ASSIGNMENT.c.item_id == item_id, ASSIGNMENT.c.place == ADJUDICATION)
    own = and_(ASSIGNMENT.c.reviewer == reviewer, ASSIGNMENT.c.state == "claimed")
    try:
        with store.begin(PATIENCE_S) as connection:
            wanted = and_(place, or_(_free(now), own), _of(tenant), ~_elsewhere(reviewer))
            _claimed(connection, wanted, item_id, ADJUDICATION, reviewer, now)
            return _claim(connection, _one(item_id, ADJUDICATION), now)
    except (_Quicker, IntegrityError):
        return None


def beat(store: Store, item_id: str, reviewer: str, token: str, now_us: int | None = None) -> int | None:
    """A sign of life: until when the claim holds now; None when it is another's by now, or nobody's."""
    until = (_now() if now_us is None else now_us) + LEASE_US
    with store.begin(PATIENCE_S) as connection:
        held = connection.execute(
            ASSIGNMENT.update().where(_held(item_id, reviewer, token)).values(lease_us=until)
        )
    return until if held.rowcount else None


def release(store: Store, item_id: str, reviewer: str, token: str) -> bool:
    """Give a place back at once; returns whether it was the reviewer's."""
    with store.begin(PATIENCE_S) as connection:
        query = ASSIGNMENT.update().where(_held(item_id, reviewer, token)).values(**_NOBODYS)
        return bool(connection.execute(query).rowcount)


def leave(store: Store, item_id: str, reviewer: str, token: str, now_us: int | None = None) -> bool:
    """Hold a claim for LEAVE_US and no longer: its page was left, or is only loaded again; whether it is held."""
    until = (_now() if now_us is None else now_us) + LEAVE_US
    with store.begin(PATIENCE_S) as connection:
        query = ASSIGNMENT.update().where(_held(item_id, reviewer, token), ASSIGNMENT.c.lease_us > until)
        return bool(connection.execute(query.values(lease_us=until)).rowcount)


def claim_of(store: Store, item_id: str, reviewer: str, now_us: int | None = None) -> Claim | None:
    """The reviewer's live claim on an item."""
    now = _now() if now_us is None else now_us
    with store.read() as connection:
        return _claim(connection, and_(ASSIGNMENT.c.item_id == item_id, _alive(reviewer, now)), now)


def held(store: Store, item_id: str, reviewer: str, token: str) -> Held | None:
    """The place under a token, its lease over or not, as long as nobody else took it."""
    with store.read() as connection:
        row = connection.execute(select(*_HELD).where(_held(item_id, reviewer, token))).first()
    return None if row is None else Held(*row)


def why_not(store: Store, item_id: str, reviewer: str) -> str:
    """What became of an item whose token is stale: `gone`, `given`, `again`, `closed` or `taken`.

    `again`: the reviewer has claimed it anew since, and holds it under another token.
    """
    own = and_(ASSIGNMENT.c.item_id == item_id, ASSIGNMENT.c.reviewer == reviewer)
    with store.read() as connection:
        state = connection.execute(select(ITEM.c.state).where(ITEM.c.id == item_id)).scalar()
        given = connection.execute(select(ASSIGNMENT.c.state).where(own)).scalar()
    if state is None:
        return "gone"
    if given == "submitted":
        return "given"
    if given == "claimed":
        return "again"
    return "taken" if state in ("open", "disputed") else "closed"


def span_of(store: Store, item_id: str, tenant: str | None) -> str | None:
    """The trace of an item; None when it is gone, or another tenant's."""
    query = select(ITEM.c.span_id).where(ITEM.c.id == item_id)
    if tenant is not None:
        query = query.where(ITEM.c.tenant == tenant)
    with store.read() as connection:
        return connection.execute(query).scalar()


def claims_of(store: Store, reviewer: str, now_us: int | None = None) -> list[Claim]:
    """All live claims of a reviewer, those that end first before the others."""
    now = _now() if now_us is None else now_us
    query = select(ASSIGNMENT.c.item_id).where(_alive(reviewer, now)).order_by(ASSIGNMENT.c.lease_us)
    with store.read() as connection:
        found = (
            _claim(connection, and_(ASSIGNMENT.c.item_id == id, _alive(reviewer, now)), now)
            for id in connection.execute(query.limit(100)).scalars().all()
        )
        return [claim for claim in found if claim is not None]


def submit(
    store: Store,
    hold: Hold,
    reviews: Sequence[NewReview],
    tenant: str | None,
    now_us: int | None = None,
) -> bool:
    """Keep what a reviewer says of an item, and move the item on; False, and nothing is kept, under a stale token.

    A claim whose lease is over still counts while nobody else took its place. Raises ReviewError.
    """
    item_id, reviewer, token = hold
    if not reviews:
        raise ReviewError("verdict is missing: a review says something of the trace, or of a finding.")
    now = _now() if now_us is None else now_us
    try:
        with store.begin(PATIENCE_S) as connection:
            done = {"state": "submitted", "submitted_us": now}
            held = ASSIGNMENT.update().where(_held(item_id, reviewer, token), _of(tenant)).values(**done)
            mine = connection.execute(held.returning(ASSIGNMENT.c.place, ASSIGNMENT.c.tenant)).first()
            item = connection.execute(select(ITEM).where(ITEM.c.id == item_id)).mappings().first()
            if mine is None or item is None:
                raise _Quicker
            given = [replace(each, author=reviewer, item_id=item_id) for each in reviews]
            kept = [judge(connection, item["span_id"], each, tenant) for each in given]
            if None in kept:
                raise _Quicker
            state = settle(connection, item_id, mine.place, now)
            about = {
                "queue": item["queue_id"],
                "span_id": item["span_id"],
                "place": mine.place,
                "state": state,
            }
            said = [Act(reviewer, "review.add", row["id"], told(row), row["tenant"]) for row in kept if row]
            note_all(connection, [*said, Act(reviewer, "item.submit", item_id, about, mine.tenant)])
    except _Quicker:
        return False
    return True


# --- a place changes hands

_NOBODYS: Mapping[str, Any] = {
    "state": "free",
    "reviewer": None,
    "token": None,
    "lease_us": 0,
    "claimed_us": None,
}


def _live(connection: Connection, queue_id: str, reviewer: str, tenant: str | None, now: int) -> Held | None:
    mine = select(*_HELD).where(
        ASSIGNMENT.c.queue_id == queue_id, ASSIGNMENT.c.place >= 0, _alive(reviewer, now), _of(tenant)
    )
    row = connection.execute(mine.order_by(ASSIGNMENT.c.claimed_us).limit(1)).first()
    if row is None:
        return None
    held = ASSIGNMENT.update().where(_held(row.item_id, reviewer, row.token))
    connection.execute(held.values(lease_us=now + LEASE_US))
    return Held(*row)


def _taken(connection: Connection, queue_id: str, reviewer: str, tenant: str | None, now: int) -> Held | None:
    open_queue = exists().where(QUEUE.c.id == queue_id, QUEUE.c.closed_us.is_(None))
    wanted = and_(
        ASSIGNMENT.c.queue_id == queue_id,
        ASSIGNMENT.c.place >= 0,
        ASSIGNMENT.c.state != "submitted",
        _free(now),
        _of(tenant),
        ~_elsewhere(reviewer),
        open_queue,
    )
    order = (ASSIGNMENT.c.priority, ASSIGNMENT.c.started_us, ASSIGNMENT.c.item_id, ASSIGNMENT.c.place)
    query = select(ASSIGNMENT.c.item_id, ASSIGNMENT.c.place).where(wanted).order_by(*order).limit(1)
    # Who looks at the same time is given the one after it. SQLite has one writer, and knows no such words.
    row = connection.execute(query.with_for_update(skip_locked=True, of=ASSIGNMENT)).first()
    if row is None:
        return None
    return _claimed(connection, wanted, row.item_id, row.place, reviewer, now)


def _claimed(
    connection: Connection, wanted: ColumnElement[bool], item_id: str, place: int, reviewer: str, now: int
) -> Held:
    """Take a place that is as wanted. Raises _Quicker when it is not any more."""
    values = {
        "state": "claimed",
        "reviewer": reviewer,
        "token": secrets.token_urlsafe(16),
        "lease_us": now + LEASE_US,
        "claimed_us": now,
    }
    query = ASSIGNMENT.update().where(_one(item_id, place), wanted).values(**values)
    row = connection.execute(query.returning(*_HELD)).first()
    if row is None:
        raise _Quicker
    return Held(*row)


def _claim(connection: Connection, which: ColumnElement[bool], now: int) -> Claim | None:
    query = (
        select(ASSIGNMENT, ITEM.c.span_id, QUEUE.c.name, QUEUE.c.blind)
        .join(ITEM, ITEM.c.id == ASSIGNMENT.c.item_id)
        .join(QUEUE, QUEUE.c.id == ASSIGNMENT.c.queue_id)
        .where(which)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    kind = ASSIGNMENT.c.place == ADJUDICATION if row.place == ADJUDICATION else ASSIGNMENT.c.place >= 0
    done, left = _progress(connection, row.queue_id, row.reviewer, kind, now)
    return Claim(
        item_id=row.item_id,
        place=row.place,
        span_id=row.span_id,
        queue_id=row.queue_id,
        queue_name=row.name,
        token=row.token,
        lease_us=row.lease_us,
        blind=row.blind,
        done=done,
        total=done + left,
        adjudication=row.place == ADJUDICATION,
    )


def _progress(
    connection: Connection, queue_id: str, reviewer: str, kind: ColumnElement[bool], now: int
) -> tuple[int, int]:
    """Places of a kind that the reviewer filled today, and items of the queue whose such place may become theirs."""
    today = select(func.count()).where(
        ASSIGNMENT.c.reviewer == reviewer,
        ASSIGNMENT.c.state == "submitted",
        ASSIGNMENT.c.submitted_us >= now - now % _DAY_US,
        ASSIGNMENT.c.queue_id == queue_id,
        kind,
    )
    waiting = and_(
        ASSIGNMENT.c.queue_id == queue_id,
        kind,
        ASSIGNMENT.c.state != "submitted",
        or_(_free(now), ASSIGNMENT.c.reviewer == reviewer),
        ~_elsewhere(reviewer),
    )
    left = select(func.count(ASSIGNMENT.c.item_id.distinct())).where(waiting)
    return connection.execute(today).scalar_one(), connection.execute(left).scalar_one()


def _one(item_id: str, place: int) -> ColumnElement[bool]:
    return and_(ASSIGNMENT.c.item_id == item_id, ASSIGNMENT.c.place == place)


def _free(now: int) -> ColumnElement[bool]:
    return or_(
        ASSIGNMENT.c.state == "free", and_(ASSIGNMENT.c.state == "claimed", ASSIGNMENT.c.lease_us <= now)
    )


def _alive(reviewer: str, now: int) -> ColumnElement[bool]:
    return and_(
        ASSIGNMENT.c.reviewer == reviewer, ASSIGNMENT.c.state == "claimed", ASSIGNMENT.c.lease_us > now
    )


def _held(item_id: str, reviewer: str, token: str) -> ColumnElement[bool]:
    """A claim under its own token, its lease over or not."""
    return and_(
        ASSIGNMENT.c.item_id == item_id,
        ASSIGNMENT.c.reviewer == reviewer,
        ASSIGNMENT.c.token == token,
        ASSIGNMENT.c.state == "claimed",
    )


def _of(tenant: str | None) -> ColumnElement[bool]:
    return and_(True) if tenant is None else ASSIGNMENT.c.tenant == tenant


def _elsewhere(reviewer: str) -> ColumnElement[bool]:
    """Whether the reviewer has, or had last, another place of the same item."""
    other = ASSIGNMENT.alias()
    return exists().where(
        other.c.item_id == ASSIGNMENT.c.item_id,
        other.c.place != ASSIGNMENT.c.place,
        other.c.reviewer == reviewer,
    )


def _now() -> int:
    return time.time_ns() // 1000
