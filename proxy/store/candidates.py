"""Golden candidates: reviewed traces that are to become cases of a golden set, and what their reviewers expect.

The case itself is made of the trace when it is asked for (`proxy.golden_case`), so that it goes with the trace.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from proxy.exchange import new_id
from proxy.store import bodies
from proxy.store.audit import Act, note
from proxy.store.data_keys import DataKeys, Shredded
from proxy.store.db import Store
from proxy.store.queries import MOST, page_of
from proxy.store.tables import SPAN
from proxy.store.tables_review import CANDIDATE

PREFIX = "candidate/"
"""Before the id in the name that the encrypted labels are bound to."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trace that is to become a case."""

    id: str
    tenant: str
    span_id: str
    dataset: str
    """Name of the golden set."""
    labels: Mapping[str, Any] | None
    """What is expected: `answer`, `action`, `entities`, `tags`, `note`; None when its day's key was deleted."""
    actor: str
    created_us: int
    taken_us: int | None
    """When it was first taken into a golden set."""
    withdrawn_us: int | None

    @property
    def state(self) -> str:
        """`open`, `taken` or `withdrawn`."""
        if self.withdrawn_us is not None:
            return "withdrawn"
        return "open" if self.taken_us is None else "taken"


def promote(
    store: Store,
    span_id: str,
    dataset: str,
    labels: Mapping[str, Any],
    actor: str,
    tenant: str | None = None,
) -> Candidate | None:
    """Make a trace a candidate; None when there is no such trace. One that it already is for the set is changed.

    `tenant`: the only one whose traces the actor may promote. The labels are masked already.
    """
    id, now = new_id(), _now()
    # Before the transaction: a day's first key is a transaction of its own.
    key_id, sealed = _sealed(store, id, now, labels)
    with store.begin() as connection:
        query = select(SPAN.c.tenant).where(SPAN.c.id == span_id).with_for_update()
        whose = connection.execute(query).scalar()
        if whose is None or tenant not in (None, whose):
            return None
        same = select(CANDIDATE.c.id).where(
            CANDIDATE.c.span_id == span_id,
            CANDIDATE.c.dataset == dataset,
            CANDIDATE.c.withdrawn_us.is_(None),
        )
        there = connection.execute(same).scalar()
        if there is None:
            row = {
                "id": id, "tenant": whose, "span_id": span_id, "dataset": dataset, "labels": sealed,
                "key_id": key_id, "actor": actor, "created_us": now, "taken_us": None, "withdrawn_us": None,
            }  # fmt: skip
            connection.execute(CANDIDATE.insert(), [row])
            told = {"span_id": span_id, "dataset": dataset}
            note(connection, Act(actor, "golden.promote", id, told, whose))
    if there is None:
        return candidate(store, id)
    return edit(store, there, dataset, labels, actor, tenant)


def edit(
    store: Store, id: str, dataset: str, labels: Mapping[str, Any], actor: str, tenant: str | None = None
) -> Candidate | None:
    """Change what is expected of a candidate; None when there is none that is not withdrawn."""
    there = candidate(store, id, tenant)
    if there is None:
        return None
    key_id, sealed = _sealed(store, id, there.created_us, labels)
    with store.begin() as connection:
        values = {"dataset": dataset, "labels": sealed, "key_id": key_id}
        open_ = (CANDIDATE.c.id == id, CANDIDATE.c.withdrawn_us.is_(None))
        if not connection.execute(CANDIDATE.update().where(*open_).values(values)).rowcount:
            return None
        told = {"span_id": there.span_id, "dataset": dataset}
        note(connection, Act(actor, "golden.edit", id, told, there.tenant))
    return candidate(store, id, tenant)


def withdraw(store: Store, id: str, actor: str, tenant: str | None = None) -> bool:
    """Take a candidate back; whether there was one. What was taken into a golden set stays there."""
    return _mark(store, id, "withdrawn_us", "golden.withdraw", actor, tenant)


def take(store: Store, id: str, actor: str, tenant: str | None = None) -> bool:
    """Note that a candidate was taken into a golden set; whether that is new."""
    return _mark(store, id, "taken_us", "golden.take", actor, tenant)


def candidate(store: Store, id: str, tenant: str | None = None) -> Candidate | None:
    """A candidate; None when there is none of the id that the tenant may see."""
    with store.read() as connection:
        row = connection.execute(select(CANDIDATE).where(CANDIDATE.c.id == id)).mappings().first()
    if row is None or tenant not in (None, row["tenant"]):
        return None
    return read(store.keys, dict(row))


def candidates(
    store: Store,
    tenant: str | None = None,
    dataset: str = "",
    since_us: int = 0,
    limit: int = MOST,
    before: str | None = None,
) -> tuple[list[Candidate], str | None]:
    """Candidates, newest first, and where the next page starts. Raises QueryError for what is no limit or cursor."""
    query = select(CANDIDATE).where(CANDIDATE.c.created_us >= since_us)
    query = query if tenant is None else query.where(CANDIDATE.c.tenant == tenant)
    query = query.where(CANDIDATE.c.dataset == dataset) if dataset else query
    query = query.where(CANDIDATE.c.withdrawn_us.is_(None))
    found = page_of(store, query, (CANDIDATE.c.created_us, CANDIDATE.c.id), limit, before)
    return [read(store.keys, row) for row in found.items], found.next


def of_traces(connection: Connection, keys: DataKeys, span_ids: Any) -> list[Candidate]:
    """The candidates that some traces are."""
    rows = connection.execute(select(CANDIDATE).where(CANDIDATE.c.span_id.in_(span_ids))).mappings().all()
    return [read(keys, dict(row)) for row in rows]


def read(keys: DataKeys, row: Mapping[str, Any]) -> Candidate:
    """A row of the table, decrypted."""
    labels: Mapping[str, Any] | None
    try:
        packed = keys.decrypt(row["key_id"], f"{PREFIX}{row['id']}", bytes(row["labels"]))
        labels = bodies.decode(zlib.decompress(packed))
    except Shredded:
        labels = None
    plain = ("id", "tenant", "span_id", "dataset", "actor", "created_us", "taken_us", "withdrawn_us")
    return Candidate(labels=labels, **{name: row[name] for name in plain})


def _mark(store: Store, id: str, column: str, act: str, actor: str, tenant: str | None) -> bool:
    """Set a moment that is not set yet, once."""
    with store.begin() as connection:
        own = [] if tenant is None else [CANDIDATE.c.tenant == tenant]
        open_ = (CANDIDATE.c.id == id, CANDIDATE.c[column].is_(None), CANDIDATE.c.withdrawn_us.is_(None))
        set_ = CANDIDATE.update().where(*open_, *own).values({column: _now()})
        if not connection.execute(set_).rowcount:
            return False
        row = connection.execute(select(CANDIDATE).where(CANDIDATE.c.id == id)).mappings().one()
        told = {"span_id": row["span_id"], "dataset": row["dataset"]}
        note(connection, Act(actor, act, id, told, row["tenant"]))
    return True


def _sealed(store: Store, id: str, at_us: int, labels: Mapping[str, Any]) -> tuple[str, bytes]:
    return store.keys.encrypt(
        "content", at_us, f"{PREFIX}{id}", zlib.compress(bodies.encode(dict(labels)), 6)
    )


def _now() -> int:
    return time.time_ns() // 1000
