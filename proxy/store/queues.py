"""Queues: selections of traces that are to be reviewed, by how many. Whoever may, makes, changes and closes them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from proxy.exchange import new_id
from proxy.identity import session_hash, subject_hash
from proxy.store import filters
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.exports import spelled
from proxy.store.filter_text import Filter, Term
from proxy.store.overdue import LOOKS_BACK_US
from proxy.store.tables_review import QUEUE

MOST_REVIEWS = 10
MOST_PRIORITY = 1_000
_NAME = re.compile(r"[\w.+-](?:[\w.+ -]{0,62}[\w.+-])?")
_HASH = re.compile(r"[0-9a-f]{32}")
_HASHED = {"session": session_hash, "subject": subject_hash}


class QueueError(ValueError):
    """A queue that makes no sense. The message begins with the name of what is wrong with it."""


@dataclass(frozen=True, slots=True)
class NewQueue:
    """What somebody says of a queue."""

    name: str
    filter: str
    """In the filter grammar, without times."""
    share: float = 1.0
    reviews: int = 1
    blind: bool = False
    priority: int = 0


def add_queue(store: Store, new: NewQueue, tenant: str, actor: str) -> dict[str, Any]:
    """Make a queue for a tenant's traces, of the last 24 hours and from now on; returns its row. Raises QueueError."""
    checked, now = _checked(store, new, tenant), time.time_ns() // 1000
    row = {
        **{"id": new_id(), "tenant": tenant, **asdict(checked), "actor": actor},
        **{"created_us": now, "filled_us": now - LOOKS_BACK_US, "closed_us": None},
    }
    try:
        with store.begin() as connection:
            connection.execute(QUEUE.insert(), [row])
            _told(store, connection, actor, "queue.create", row)
    except IntegrityError:
        raise _taken(new.name) from None
    return row


def change_queue(
    store: Store, id: str, changes: Mapping[str, Any], tenant: str | None, actor: str
) -> dict[str, Any] | None:
    """Change what comes into a queue from now on; its row, or None when there is none. Raises QueueError.

    Items keep what they were chosen by, and how many reviews they need; blindness and the name change for all.
    """
    row = find_queue(store, id, tenant)
    if row is None:
        return None
    given = {name: row[name] for name in NewQueue.__dataclass_fields__} | dict(changes)
    values = asdict(_checked(store, NewQueue(**given), row["tenant"]))
    try:
        with store.begin() as connection:
            connection.execute(QUEUE.update().where(QUEUE.c.id == id).values(**values))
            _told(store, connection, actor, "queue.change", {**row, **values})
    except IntegrityError:
        raise _taken(values["name"]) from None
    return {**row, **values}


def close_queue(store: Store, id: str, tenant: str | None, actor: str) -> bool:
    """Have nothing more come into a queue, nor be taken from it; whether it was open. Who has a claim may end it."""
    return _set_closed(store, id, tenant, actor, time.time_ns() // 1000)


def open_queue(store: Store, id: str, tenant: str | None, actor: str) -> bool:
    """Go on with a queue that was closed, with what comes from now on; whether it was closed."""
    return _set_closed(store, id, tenant, actor, None)


def find_queue(store: Store, id: str, tenant: str | None) -> dict[str, Any] | None:
    """A queue by its id, or its name where that is one tenant's alone; None when there is none to be seen."""
    query = select(QUEUE).where((QUEUE.c.id == id) | (QUEUE.c.name == id))
    if tenant is not None:
        query = query.where(QUEUE.c.tenant == tenant)
    with store.read() as connection:
        found = [dict(row) for row in connection.execute(query.limit(3)).mappings()]
    named = [row for row in found if row["id"] == id]
    return named[0] if named else found[0] if len(found) == 1 else None


def queues(store: Store, tenant: str | None) -> list[dict[str, Any]]:
    """Every queue, the open ones first, those of a higher priority before the others."""
    query = select(QUEUE).order_by(QUEUE.c.closed_us.is_not(None), QUEUE.c.priority.desc(), QUEUE.c.name)
    if tenant is not None:
        query = query.where(QUEUE.c.tenant == tenant)
    with store.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _set_closed(store: Store, id: str, tenant: str | None, actor: str, closed_us: int | None) -> bool:
    row = find_queue(store, id, tenant)
    if row is None:
        return False
    other = QUEUE.c.closed_us.is_not(None) if closed_us is None else QUEUE.c.closed_us.is_(None)
    values: dict[str, Any] = {"closed_us": closed_us}
    if closed_us is None:
        values["filled_us"] = time.time_ns() // 1000
    with store.begin() as connection:
        query = QUEUE.update().where(QUEUE.c.id == row["id"], other).values(**values)
        if not connection.execute(query).rowcount:
            return False
        _told(store, connection, actor, "queue.open" if closed_us is None else "queue.close", row)
    return True


def _checked(store: Store, new: NewQueue, tenant: str) -> NewQueue:
    name = new.name.strip()
    if not _NAME.fullmatch(name):
        raise QueueError("name takes 1 to 64 letters, digits, spaces, points, pluses and hyphens.")
    if not 0 < new.share <= 1:
        raise QueueError("share takes a number above 0, at most 1: 0.01 takes one trace in a hundred.")
    if not 1 <= new.reviews <= MOST_REVIEWS:
        raise QueueError(f"reviews takes 1 to {MOST_REVIEWS}.")
    if abs(new.priority) > MOST_PRIORITY:
        raise QueueError(f"priority takes -{MOST_PRIORITY} to {MOST_PRIORITY}.")
    return replace(new, name=name, filter=str(_filter(store, new.filter, tenant)))


def _filter(store: Store, text: str, tenant: str) -> Filter:
    """A queue's filter as it is kept: it names no person. Raises QueueError."""
    try:
        found = filters.parse(text)
        filters.where(found, store.key, search=store.search)
    except filters.FilterError as error:
        raise QueueError(f"filter: {error} (character {error.at + 1})") from None
    for term in found.terms:
        if term.field in ("since", "until"):
            raise QueueError(f"filter takes no {term.field}: a queue goes on with what comes.")
    return Filter(tuple(_nameless(store.key, tenant, term) for term in found.terms))


def _nameless(key: bytes, tenant: str, term: Term) -> Term:
    hashed = _HASHED.get(term.field)
    if hashed is None:
        return term
    values = (
        value if len(value) > 1 or _HASH.fullmatch(value[0]) else (hashed(key, tenant, value[0].strip()),)
        for value in term.values
    )
    return replace(term, values=tuple(values))


def _taken(name: str) -> QueueError:
    return QueueError(f"name is taken: there is a queue {name.strip()!r} already. Choose another.")


def _told(store: Store, connection: Connection, actor: str, action: str, row: Mapping[str, Any]) -> None:
    told = {name: row[name] for name in ("name", "share", "reviews", "blind", "priority")}
    told["filter"] = spelled(filters.parse(row["filter"]), store.key)
    note(connection, Act(actor, action, row["id"], told, row["tenant"]))
