"""What is stored, moved under the keys that are in use: in small steps, each of which can be the last for a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Table, func, or_, select

from proxy.store.audit import CLI, Act, note
from proxy.store.data_keys import IDENTITY, Kind, Shredded
from proxy.store.db import Store
from proxy.store.tables import BLOB, RUN
from proxy.store.tables_governance import DATA_KEY
from proxy.store.tables_review import CANDIDATE, POLICY_TEXT

ROWS = 500
"""Rows of one step at most."""
BYTES = 8 << 20
"""Bytes of one step, but for the row that goes over it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A column whose bytes are encrypted."""

    table: Table
    body: ColumnElement[Any]
    day: ColumnElement[Any]
    prefix: str
    """Before the row's id in the name that its bytes are bound to."""


PLACES = (
    _Place(BLOB, BLOB.c.body, BLOB.c.created_us, ""),
    _Place(RUN, RUN.c.document, RUN.c.received_us, "run/"),
    _Place(CANDIDATE, CANDIDATE.c.labels, CANDIDATE.c.created_us, "candidate/"),
    _Place(POLICY_TEXT, POLICY_TEXT.c.files, POLICY_TEXT.c.created_us, "policy/"),
)
"""Everything that data keys encrypt."""


def left(store: Store) -> int:
    """How many rows are not encrypted, or under a key that was retired."""
    with store.read() as connection:
        counts = (select(func.count()).select_from(place.table).where(_old(place)) for place in PLACES)
        return sum(int(connection.execute(count).scalar_one()) for count in counts)


def reencrypt(store: Store) -> Iterator[int]:
    """Move all that is left, step by step; gives how many rows each step moved. Ends with an audit event."""
    total = 0
    for place in PLACES:
        after = ""
        while (step := _step(store, place, after)) is not None:
            moved, after = step
            total += moved
            yield moved
    if total and store.engine.dialect.name == "sqlite":
        # What was there before still stands in the log, which no transaction empties.
        pooled = store.engine.raw_connection()
        pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pooled.close()
    if total:
        with store.begin() as connection:
            note(connection, Act(CLI, "data_key.reencrypt", "data_key", {"rows": total}))


def status(store: Store) -> list[dict[str, Any]]:
    """Every data key with what it encrypts, and last, under the id None, what is not encrypted."""
    with store.read() as connection:
        keys = connection.execute(select(DATA_KEY).order_by(DATA_KEY.c.id)).mappings().all()
        counts = []
        for place in PLACES:
            query = select(place.table.c.key_id, func.count()).group_by(place.table.c.key_id)
            counts.append({row[0]: int(row[1]) for row in connection.execute(query)})
    told = [
        {
            "id": row["id"],
            "created_us": row["created_us"],
            "retired_us": row["retired_us"],
            "blobs": counts[0].get(row["id"], 0),
            "runs": counts[1].get(row["id"], 0),
        }
        for row in keys
        if row["id"] != IDENTITY
    ]
    bare = {
        "created_us": None,
        "retired_us": None,
        "blobs": counts[0].get(None, 0),
        "runs": counts[1].get(None, 0),
    }
    return [*told, {"id": None, **bare}]


def _old(place: _Place) -> ColumnElement[bool]:
    retired = select(DATA_KEY.c.id).where(DATA_KEY.c.retired_us.is_not(None))
    key_id = place.table.c.key_id
    return or_(key_id.is_(None), key_id.in_(retired))


def _step(store: Store, place: _Place, after: str) -> tuple[int, str] | None:
    """Move the next rows; returns how many, and the id of the last that was looked at; None when there are none."""
    table, keys = place.table, store.keys
    following = select(table.c.id, func.length(place.body)).where(_old(place), table.c.id > after)
    with store.read() as connection:
        ids, size = [], 0
        for id, length in connection.execute(following.order_by(table.c.id).limit(ROWS)).all():
            ids.append(id)
            size += length
            if size > BYTES:
                break
        columns = (table.c.id, table.c.key_id, place.body.label("body"), place.day.label("day"))
        rows = connection.execute(select(*columns).where(table.c.id.in_(ids))).all() if ids else []
    if not ids:
        return None
    # Encrypted before the transaction: a new key is a transaction of its own.
    changed = []
    for row in rows:
        name, body = f"{place.prefix}{row.id}", bytes(row.body)
        kind: Kind = "raw" if (row.key_id or "").startswith("raw.") else "content"
        try:
            bare = body if row.key_id is None else keys.decrypt(row.key_id, name, body)
        except Shredded:
            continue
        changed.append((row.id, row.key_id, *keys.encrypt(kind, row.day, name, bare)))
    with store.begin() as connection:
        if store.engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete = ON")
        for id, before, key_id, sealed in changed:
            same = table.update().where(table.c.id == id, table.c.key_id.is_not_distinct_from(before))
            connection.execute(same.values({place.body.key: sealed, "key_id": key_id}))
    return len(changed), ids[-1]
