"""Legal holds: traces that no retention and no erasure may take, named by a filter, until the hold is released."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select, text, true

from proxy.exchange import new_id
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.filters import FilterError, parse, where
from proxy.store.tables import SPAN
from proxy.store.tables_governance import HOLD

MOST_REASON = 500
"""Characters of a reason."""
_LOCK = 0x6775686F6C64
"""Advisory lock of PostgreSQL under which holds are made, and traces deleted: never both at once."""


class HoldError(ValueError):
    """A hold that cannot be made, read or released. The message says why."""


def lock(connection: Connection) -> None:
    """Let nobody make a hold until this transaction ends. On SQLite a transaction that writes does so by itself."""
    if connection.dialect.name != "sqlite":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), :id))"), {"id": _LOCK}
        )


def held(connection: Connection, key: bytes) -> ColumnElement[bool]:
    """The condition of traces (on SPAN) that are held now; `key` hashes names of sessions and subjects.

    Good for the transaction that asked `lock` before. Raises HoldError when a hold cannot be read: then nothing may
    be deleted.
    """
    active = connection.execute(select(HOLD).where(HOLD.c.released_us.is_(None))).mappings().all()
    found = []
    for row in active:
        try:
            found.append(and_(true(), *where(parse(row["filter"], row["created_us"]), key)))
        except FilterError as error:
            raise HoldError(f"the filter of the hold {row['id']} cannot be read: {error}") from None
    # A condition on what a trace does not have is neither true nor false.
    return func.coalesce(or_(*found), false()) if found else false()


def add(store: Store, filter: str, reason: str, actor: str) -> dict[str, Any]:
    """Hold the traces that a filter names, and will name; returns the hold, with the number of `traces` it has now.

    Raises HoldError, and FilterError for a filter that means nothing.
    """
    reason = reason.replace("\0", "").strip()
    if not reason or len(reason) > MOST_REASON:
        raise HoldError(f"the reason takes 1 to {MOST_REASON} characters")
    now = time.time_ns() // 1000
    if not parse(filter, now).terms:
        raise HoldError("the filter is empty: name what to hold, e.g. since:30d or subject:...")
    id = new_id()
    row = {
        **{"id": id, "tenant": "default", "filter": filter, "reason": reason, "actor": actor},
        **{"created_us": now, "released_us": None, "released_by": None},
    }
    with store.begin() as connection:
        lock(connection)
        connection.execute(HOLD.insert(), [row])
        note(connection, Act(actor, "hold.add", id, {"reason": reason}))
    return {**row, "traces": _traces(store, row)}


def _traces(store: Store, row: dict[str, Any]) -> int:
    named = where(parse(row["filter"], row["created_us"]), store.key)
    with store.read() as connection:
        return connection.execute(select(func.count()).select_from(SPAN).where(*named)).scalar_one()


def listed(store: Store) -> Sequence[dict[str, Any]]:
    """Every hold, newest first, with the number of `traces` that it has now; None for a filter that cannot be read."""
    with store.read() as connection:
        rows = [dict(row) for row in connection.execute(select(HOLD).order_by(HOLD.c.id.desc())).mappings()]
    for row in rows:
        try:
            row["traces"] = _traces(store, row) if row["released_us"] is None else 0
        except FilterError:
            row["traces"] = None
    return rows


def release(store: Store, id: str, actor: str) -> None:
    """End a hold: the next retention takes what its clocks say. Raises HoldError when there is no such hold."""
    with store.begin() as connection:
        lock(connection)
        active = (HOLD.c.id == id, HOLD.c.released_us.is_(None))
        told = {"released_us": time.time_ns() // 1000, "released_by": actor}
        if not connection.execute(HOLD.update().where(*active).values(told)).rowcount:
            raise HoldError("there is no hold with this id that is not released")
        note(connection, Act(actor, "hold.release", id, {}))
