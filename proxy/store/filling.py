"""What puts traces into queues: from old to new, each trace once, by a rule and by chance, and both stay known.

Whether a trace is in a sample follows from a keyed hash of its id: the same whoever asks, and nobody outside can tell.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from proxy.store import filters
from proxy.store.adjudication import free_place
from proxy.store.db import Store
from proxy.store.deadline import Late, timed
from proxy.store.filters import Filter, FilterError
from proxy.store.late import beside_others
from proxy.store.overdue import LOOKS_BACK_US, MARGIN_US
from proxy.store.scan import FIRST_ID, ORDER, Asked, Found, first
from proxy.store.tables import FEEDBACK, SPAN
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE

MOST_OPEN = 2_000
"""Items of one queue that wait: more come in as these are done."""
BATCH = 500
"""Traces that are looked at together."""
BATCH_S = 1.0
"""Seconds that finding them may take."""
ROUND_S = 5.0
"""Seconds that one queue is filled for, before the others have their turn."""
_ROWS = 100
"""Rows of one statement."""
DEFAULTS = (
    {"id": "flagged", "name": "flagged", "filter": "flagged:true", "share": 1.0, "priority": 1},
    {"id": "sample", "name": "sample", "filter": "flagged:false shadow:false", "share": 0.01, "priority": 0},
)
"""The queues that are there from the start: what needs a look, and a sample of what nobody found anything in.

One reviewer looks at each trace, and sees what others said of it: a team that wants more makes a queue of its own.
"""

Row = Mapping[str, Any]


def make_defaults(store: Store, now_us: int | None = None) -> None:
    """Make the queues that are there from the start, unless they have been made."""
    now = _now() if now_us is None else now_us
    ids = [each["id"] for each in DEFAULTS]
    with store.read() as connection:
        there = select(func.count()).select_from(QUEUE).where(QUEUE.c.id.in_(ids))
        if connection.execute(there).scalar_one() == len(ids):
            return
    same = {"tenant": "default", "reviews": 1, "blind": False, "actor": "proxy"}
    times = {"created_us": now, "filled_us": now - LOOKS_BACK_US, "closed_us": None}
    with store.begin() as connection:
        connection.execute(store.insert_or_ignore(QUEUE), [{**each, **same, **times} for each in DEFAULTS])


def fill_all(store: Store, stop: Callable[[], bool] = lambda: False, now_us: int | None = None) -> int:
    """Put into every open queue what belongs there; how many items are new. A filter that means nothing is left."""
    make_defaults(store, now_us)
    query = select(QUEUE).where(QUEUE.c.closed_us.is_(None)).order_by(QUEUE.c.priority.desc(), QUEUE.c.id)
    with store.read() as connection:
        queues = [dict(row) for row in connection.execute(query).mappings()]
    added = 0
    for queue in queues:
        if stop():
            break
        try:
            added += fill(store, queue, now_us=now_us)
        except FilterError:
            # The queue's page says what is wrong with it.
            continue
    return added


def fill(store: Store, queue: Row, seconds: float = ROUND_S, now_us: int | None = None) -> int:
    """Put into a queue what belongs there and is not in it yet; how many items are new. Raises FilterError.

    `queue` is its row as it was read: what it says of how far it is filled decides who goes on from there.
    """
    now, end = _now() if now_us is None else now_us, time.monotonic() + seconds
    filter = selection(queue)
    known: int = queue["filled_us"]
    cursor: tuple[int, str] | None = (known, FIRST_ID)
    added = _add(store, queue, _thought_of(store, queue, filter), known, known)
    while cursor is not None and time.monotonic() < end:
        asked = Asked(filter, store.key, store.search, cursor, upward=True)
        with timed(store, BATCH_S) as clock:
            found = first(clock, asked, select(*ORDER), BATCH)
            room = max(MOST_OPEN - waiting(clock.connection, queue["id"]), 0)
        cursor = _beyond(found)
        reached = cursor[0] if cursor else known if found.partial else now
        chosen = [row for row in found.rows if in_sample(store.key, queue, row["id"])]
        if len(chosen) > room:
            reached, cursor = chosen[room]["started_us"], None
        mark = max(known, min(reached, now - MARGIN_US))
        added += _add(store, queue, [row["id"] for row in chosen[:room]], known, mark)
        known = mark
    return added


def _beyond(found: Found) -> tuple[int, str] | None:
    """Where to go on after a batch; None when there is no more, or the time was over before anything was looked at."""
    if found.partial:
        return None if found.searched_to is None else (found.searched_to, FIRST_ID)
    return (found.rows[-1]["started_us"], found.rows[-1]["id"]) if len(found.rows) == BATCH else None


def _add(store: Store, queue: Row, ids: Sequence[str], known: int, mark: int) -> int:
    """Keep items, and how far the queue is filled: from where it was known to be, to where it is now."""
    if not ids and mark == known:
        return 0
    with store.begin() as connection:
        # Nobody erases meanwhile.
        beside_others(connection)
        added = add_items(connection, queue["id"], ids, queue["filter"], queue["share"]) if ids else 0
        # Unless something late has set it back, or somebody else filled it.
        here = (QUEUE.c.id == queue["id"], QUEUE.c.filled_us == known)
        connection.execute(QUEUE.update().where(*here).values(filled_us=mark))
    return added


def check(store: Store, queue: Row) -> None:
    """Raises FilterError when the store cannot answer a queue's filter any more."""
    filters.where(selection(queue), store.key, search=store.search)


def selection(queue: Row) -> Filter:
    """The traces that a queue is for. Raises FilterError."""
    return filters.parse(queue["filter"]) + filters.of(tenant=queue["tenant"])


def waiting(connection: Connection, queue_id: str) -> int:
    """Items of a queue that are open."""
    query = select(func.count()).where(ITEM.c.queue_id == queue_id, ITEM.c.state == "open")
    return int(connection.execute(query).scalar_one())


def in_sample(key: bytes, queue: Row, span_id: str) -> bool:
    """Whether chance takes a trace into a queue."""
    drawn = hmac.digest(key, f"queue\0{queue['id']}\0{span_id}".encode(), sha256)
    return int.from_bytes(drawn[:8], "big") < float(queue["share"]) * (1 << 64)


def _thought_of(store: Store, queue: Row, filter: Filter) -> list[str]:
    """Traces of any age that users have thought something of lately, where the filter asks for that."""
    if not any(term.field == "feedback" for term in filter.terms):
        return []
    lately = select(FEEDBACK.c.target).where(FEEDBACK.c.created_us >= queue["filled_us"])
    conditions = filters.where(filter, store.key, search=store.search)
    query = select(SPAN.c.id).where(SPAN.c.id.in_(lately), *conditions)
    with timed(store, BATCH_S) as clock:
        room = max(MOST_OPEN - waiting(clock.connection, queue["id"]), 0)
        try:
            rows = clock.rows(query.limit(room))
        except Late:
            return []
    return [row["id"] for row in rows if in_sample(store.key, queue, row["id"])]


def add_items(
    connection: Connection,
    queue_id: str,
    span_ids: Sequence[str],
    filter: str = "",
    share: float = 1.0,
    now_us: int | None = None,
) -> int:
    """Put traces of the queue's tenant into it, those that are not in it; how many these are.

    `filter` and `share` say by what they were chosen; without, somebody chose them by hand. The queue need not be open.
    """
    queue = connection.execute(select(QUEUE).where(QUEUE.c.id == queue_id)).mappings().first()
    if queue is None:
        return 0
    now, added = _now() if now_us is None else now_us, 0
    ids = sorted({*span_ids})
    for start in range(0, len(ids), _ROWS):
        some = (SPAN.c.id.in_(ids[start : start + _ROWS]), SPAN.c.tenant == queue["tenant"])
        spans = connection.execute(select(SPAN.c.id, SPAN.c.started_us).where(*some)).all()
        rows = [
            {
                **{name: queue[name] for name in ("tenant", "reviews", "priority")},
                **{"id": item_id(queue_id, span.id), "queue_id": queue_id, "span_id": span.id},
                **{"filter": filter, "share": share, "state": "open", "submitted": 0},
                **{"created_us": now, "started_us": span.started_us, "ended_us": None, "verdict": None},
            }
            for span in spans
        ]
        fresh = _insert_new(connection, ITEM, rows) if rows else set()
        places = [free_place(row, n) for row in rows if row["id"] in fresh for n in range(row["reviews"])]
        if places:
            connection.execute(ASSIGNMENT.insert(), places)
        added += len(fresh)
    return added


def item_id(queue_id: str, span_id: str) -> str:
    """The id of a trace's item in a queue: there is one, ever."""
    return sha256(f"{queue_id}\0{span_id}".encode()).hexdigest()[:32]


def _insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> set[str]:
    """Insert the rows that are not there; returns the ids of those."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    query = dialect.insert(table).values(list(rows)).on_conflict_do_nothing()
    return set(connection.execute(query.returning(table.c.id)).scalars())


def _now() -> int:
    return time.time_ns() // 1000
