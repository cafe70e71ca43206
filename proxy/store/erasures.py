"""Erasures: who is meant, which traces that takes, and the receipt. `proxy.store.erasing` does the work.

Nothing by which a person could be told is kept of one: names and values stand as keyed hashes, traces as their ids.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import ColumnElement, Connection, and_, false, func, literal, or_, select

from guardrails.redact import fingerprint
from proxy.exchange import new_id
from proxy.identity import digest, session_hash, subject_hash
from proxy.store import audit, filters, holds, written
from proxy.store.belongings import chunks
from proxy.store.db import Store
from proxy.store.everywhere import spans_saying
from proxy.store.late import alone, patient
from proxy.store.tables import FINDING, OUTSIDE_SPAN, SPAN
from proxy.store.tables_governance import ERASED_TRACE, ERASURE

Kind = Literal["user", "value", "session", "traces", "filter"]
MOST_NAMED = 1_000
"""Held traces that a receipt names; it counts all of them."""
FORMAT = "guardhouse.erasure/1"
_NONE: dict[str, Any] = {"held": 0, "named": []}


@dataclass(frozen=True, slots=True)
class Who:
    """Whose traces are meant. Raw: what stands here is never stored."""

    kind: Kind
    names: tuple[str, ...]
    """The person's name, the value's spellings, the session's name, ids of traces, or a filter."""
    tenant: str = "default"
    scan: bool = False
    """Whether every stored text is searched for the names too."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for an erasure, and why."""

    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Meant:
    """Which traces an erasure takes."""

    kind: Kind
    tenant: str
    subject: str
    fingerprints: tuple[str, ...]
    conditions: tuple[ColumnElement[bool], ...]
    """A trace is meant that fulfils one of them."""
    written: tuple[written.Place, ...] = ()
    """What people wrote that belongs to no trace, and names who or what is meant."""


def meant(store: Store, who: Who) -> Meant:
    """The traces that are meant. Raises FilterError for a filter that is none."""
    key, tenant = store.key, who.tenant
    prints: tuple[str, ...] = ()
    conditions: list[ColumnElement[bool]] = []
    match who.kind:
        case "user":
            subject = subject_hash(key, tenant, who.names[0])
        case "session":
            subject = session_hash(key, tenant, who.names[0].strip())
        case "value":
            subject, prints = digest(key, "value", tenant, *who.names), _fingerprints(store, who.names)
        case "traces":
            subject = digest(key, "traces", tenant, *sorted(who.names))
            conditions = [SPAN.c.id.in_(some) for some in chunks(who.names)]
        case "filter":
            parsed = filters.where(filters.parse(who.names[0]), key, search=store.search)
            subject, conditions = digest(key, "filter", tenant, who.names[0]), [and_(*parsed)]
    if who.scan:
        conditions += [SPAN.c.id.in_(some) for some in chunks(sorted(spans_saying(store, tenant, who.names)))]
    row = {"kind": who.kind, "subject": subject, "fingerprints": orjson.dumps(prints).decode()}
    return Meant(who.kind, tenant, subject, prints, (*_lasting(row), *conditions), _written(store, who))


def _written(store: Store, who: Who) -> tuple[written.Place, ...]:
    with store.read() as connection:
        if who.kind == "value" or who.scan:
            return written.saying(connection, who.tenant, who.names)
        if who.kind in ("user", "session"):
            field = "subject" if who.kind == "user" else "session"
            return written.naming(connection, who.tenant, field, who.names[0])
    return ()


def _fingerprints(store: Store, values: Iterable[str]) -> tuple[str, ...]:
    """The fingerprints of values as each kind of thing that was ever found, as they are and in lower case."""
    with store.read() as connection:
        kinds = connection.execute(select(FINDING.c.entity).distinct()).scalars().all()
    spellings = {spelling for value in values for spelling in (value, value.strip(), value.strip().lower())}
    return tuple(sorted({fingerprint(store.key, kind, one) for kind in kinds for one in spellings}))


def _lasting(row: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """The condition of traces that an erasure means, as its row tells it; none where it meant ids alone."""
    if row["kind"] == "user":
        return [SPAN.c.subject == row["subject"]]
    if row["kind"] == "session":
        return [SPAN.c.session_id == row["subject"]]
    if prints := orjson.loads(row["fingerprints"]):
        return [SPAN.c.id.in_(select(FINDING.c.span_id).where(FINDING.c.fingerprint.in_(prints)))]
    return []


def count(store: Store, found: Meant) -> dict[str, Any]:
    """What an erasure would take: traces, those held, the first and last time, spans of apps that name the person.

    `written`: how much of what people wrote beside traces.
    """
    with store.read() as connection:
        those = every(found.tenant, found.conditions)
        kept = holds.held(connection, store.key)
        times = (func.count(), func.min(SPAN.c.started_us), func.max(SPAN.c.started_us))
        traces, first, last = connection.execute(select(*times).where(those, ~kept)).one()
        holding = connection.execute(select(func.count()).select_from(SPAN).where(those, kept)).scalar_one()
        told = select(func.count()).select_from(OUTSIDE_SPAN).where(*_outside(found))
        outside = connection.execute(told).scalar_one()
    times_us = {"first_us": first, "last_us": last}
    return {
        "traces": traces,
        "held": holding,
        "outside_spans": outside,
        "written": len(found.written),
        **times_us,
    }


def every(tenant: str, conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    """The condition of traces of a tenant that fulfil one of some conditions, and the shadows of these."""
    those = and_(SPAN.c.tenant == tenant, or_(false(), *conditions))
    copied = SPAN.alias("copied")
    same = and_(copied.c.tenant == tenant, or_(false(), *(_of(copied, each) for each in conditions)))
    return or_(
        those, and_(SPAN.c.shadow_of.is_not(None), SPAN.c.shadow_of.in_(select(copied.c.id).where(same)))
    )


def _of(copied: Any, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    from sqlalchemy.sql.util import ClauseAdapter

    adapted: ColumnElement[bool] = ClauseAdapter(copied).traverse(condition)
    return adapted


def _outside(found: Meant) -> tuple[ColumnElement[bool], ...]:
    if found.kind != "user":
        return (false(),)
    return OUTSIDE_SPAN.c.tenant == found.tenant, OUTSIDE_SPAN.c.subject == found.subject


def request(store: Store, found: Meant, asked: Asked) -> str:
    """Begin an erasure; returns its id. From here on nothing of it can come back, and it can always be gone on with."""
    id, now = new_id(), time.time_ns() // 1000
    row = {
        "id": id,
        "tenant": found.tenant,
        "kind": found.kind,
        "subject": found.subject,
        "fingerprints": orjson.dumps(found.fingerprints).decode(),
        "actor": asked.actor,
        "reason": asked.reason,
        "requested_us": now,
        "done_us": None,
        "counts": "{}",
    }
    with store.begin() as connection:
        patient(connection)
        alone(connection)
        holds.lock(connection)
        connection.execute(ERASURE.insert(), [row])
        _plan(store, connection, row, found.conditions)
        holding = _holding(store, connection, found.tenant, found.conditions)
        told = {"kind": found.kind, "subject": found.subject, "held": holding["held"]}
        _note(connection, store.key, row, "erasure.request", told)
        # Here and not with the traces: the words are not kept, so nobody could go on with it.
        gone = written.erase(connection, found.tenant, found.written)
        connection.execute(counted(id, {"held": holding, **({"rows": gone} if gone else {})}))
    return id


def unfinished(store: Store, tenant: str | None = None) -> list[str]:
    """Ids of erasures that were cut off, oldest first."""
    query = select(ERASURE.c.id).where(ERASURE.c.done_us.is_(None)).order_by(ERASURE.c.requested_us)
    with store.read() as connection:
        return list(
            connection.execute(query if tenant is None else query.where(ERASURE.c.tenant == tenant)).scalars()
        )


def finished(store: Store) -> list[tuple[str, bool]]:
    """Ids of erasures that are done, oldest first, each with whether its receipt still has to be handed over."""
    query = select(ERASURE.c.id, ERASURE.c.actor, ERASURE.c.counts).where(ERASURE.c.done_us.is_not(None))
    with store.read() as connection:
        rows = connection.execute(query.order_by(ERASURE.c.requested_us)).all()
    return [
        (row.id, row.actor == audit.CLI and not orjson.loads(row.counts).get("handed", False)) for row in rows
    ]


def handed(store: Store, id: str) -> None:
    """Remember that the receipt is written, and that golden sets are done as far as they were asked for."""
    with store.begin() as connection:
        alone(connection)
        row = connection.execute(select(ERASURE.c.counts).where(ERASURE.c.id == id)).one()
        connection.execute(counted(id, {**orjson.loads(row.counts), "handed": True}))


def erased_of(store: Store, tenant: str, subject: str) -> list[str]:
    """Ids of the traces that all erasures of the same took so far, in order."""
    query = select(ERASED_TRACE.c.span_id).join(ERASURE, ERASURE.c.id == ERASED_TRACE.c.erasure_id)
    same = ERASURE.c.tenant == tenant, ERASURE.c.subject == subject
    with store.read() as connection:
        return list(connection.execute(query.where(*same).order_by(ERASED_TRACE.c.span_id)).scalars())


def resume(store: Store, id: str) -> dict[str, Any]:
    """The erasure's row, with the traces in its plan that came, or were released, since it was asked for."""
    with store.begin() as connection:
        patient(connection)
        alone(connection)
        holds.lock(connection)
        row = dict(connection.execute(select(ERASURE).where(ERASURE.c.id == id)).mappings().one())
        counts = orjson.loads(row["counts"])
        named = counts.pop("held", _NONE)["named"]
        counts.pop("handed", None)
        conditions = [and_(each, SPAN.c.started_us <= row["requested_us"]) for each in _lasting(row)]
        conditions += [SPAN.c.id.in_(some) for some in chunks(named)]
        if conditions:
            _plan(store, connection, row, conditions)
            counts["held"] = _holding(store, connection, row["tenant"], conditions)
        row["counts"] = orjson.dumps(counts).decode()
    return row


def _plan(
    store: Store, connection: Connection, row: Mapping[str, Any], conditions: Sequence[ColumnElement[bool]]
) -> None:
    names = (
        "span_id",
        "tenant",
        "key_id",
        "trace_id",
        "session_id",
        "object_id",
        "started_us",
        "erasure_id",
        "done",
    )
    columns = (SPAN.c[name] for name in ("id", *names[1:7]))
    taken = select(*columns, literal(row["id"]), false()).where(
        every(row["tenant"], conditions), ~holds.held(connection, store.key)
    )
    connection.execute(store.insert_or_ignore(ERASED_TRACE).from_select(names, taken))


def _holding(
    store: Store, connection: Connection, tenant: str, conditions: Sequence[ColumnElement[bool]]
) -> dict[str, Any]:
    kept = (every(tenant, conditions), holds.held(connection, store.key))
    number = connection.execute(select(func.count()).select_from(SPAN).where(*kept)).scalar_one()
    named = connection.execute(select(SPAN.c.id).where(*kept).order_by(SPAN.c.id).limit(MOST_NAMED)).scalars()
    return {"held": number, "named": list(named)}


def counted(id: str, counts: Mapping[str, Any]) -> Any:
    """The statement that keeps what was counted so far."""
    return ERASURE.update().where(ERASURE.c.id == id).values(counts=orjson.dumps(counts).decode())


def _note(
    connection: Connection, key: bytes, row: Mapping[str, Any], action: str, told: Mapping[str, Any]
) -> None:
    number, ids = commitment(connection, key, row["id"])
    detail = {**told, "traces": number, "commitment": ids}
    audit.note(connection, audit.Act(row["actor"], action, row["id"], detail, row["tenant"]))


def commitment(connection: Connection, key: bytes, id: str) -> tuple[int, str]:
    """How many traces an erasure takes, and a keyed hash of their ids in order."""
    ids = list(traces(connection, id))
    return len(ids), digest(key, "erased", *ids)


def traces(connection: Connection, id: str) -> Iterator[str]:
    """Ids of the traces that an erasure takes, in order."""
    query = select(ERASED_TRACE.c.span_id).where(ERASED_TRACE.c.erasure_id == id)
    yield from connection.execute(query.order_by(ERASED_TRACE.c.span_id)).scalars()


def erased_sessions(store: Store, since_us: int) -> tuple[set[str], int]:
    """Keyed hashes of the sessions of traces erased since a moment, and when the last erasure was asked for."""
    after = ERASURE.c.requested_us > since_us
    columns = (ERASED_TRACE.c[name] for name in ("tenant", "key_id", "session_id", "object_id"))
    query = select(*columns).join(ERASURE, ERASURE.c.id == ERASED_TRACE.c.erasure_id).where(after).distinct()
    with store.read() as connection:
        last = connection.execute(select(func.max(ERASURE.c.requested_us)).where(after)).scalar()
        rows = [] if last is None else connection.execute(query).all()
    sessions = {row.session_id for row in rows if row.session_id is not None}
    # An object at a provider is a session too: what goes on from it knows its pseudonyms.
    objects = {(row.tenant, f"{row.key_id}/{row.object_id}") for row in rows if row.object_id is not None}
    return sessions | {session_hash(store.key, *each) for each in objects}, last or since_us


def finish(store: Store, row: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
    """Say that an erasure is done, in its row and in the audit."""
    with store.begin() as connection:
        connection.execute(counted(row["id"], counts))
        done = ERASURE.update().where(ERASURE.c.id == row["id"])
        connection.execute(done.values(done_us=time.time_ns() // 1000))
        told = {"kind": row["kind"], "subject": row["subject"], "rows": counts.get("rows", {})}
        _note(connection, store.key, row, "erasure.done", told)


def receipt(store: Store, id: str) -> dict[str, Any] | None:
    """What became of an erasure, with the ids of its traces; None when there is no such erasure."""
    with store.read() as connection:
        row = connection.execute(select(ERASURE).where(ERASURE.c.id == id)).mappings().first()
        if row is None:
            return None
        ids = list(traces(connection, id))
    return {**_summary(dict(row)), "commitment": digest(store.key, "erased", *ids), "traces": ids}


def receipts(store: Store, tenant: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """The last erasures of a tenant (None: of all), newest first, without the ids of their traces."""
    newest = select(ERASURE).order_by(ERASURE.c.requested_us.desc(), ERASURE.c.id.desc()).limit(limit)
    if tenant is not None:
        newest = newest.where(ERASURE.c.tenant == tenant)
    with store.read() as connection:
        return [_summary(dict(row)) for row in connection.execute(newest).mappings()]


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    counts = orjson.loads(row["counts"])
    holding = counts.get("held", _NONE)
    names = ("id", "tenant", "kind", "subject", "actor", "reason", "requested_us", "done_us")
    return {
        "format": FORMAT,
        **{name: row[name] for name in names},
        "rows": counts.get("rows", {}),
        "refused": counts.get("refused", {}),
        "held": holding["held"],
        "held_traces": holding["named"],
        "rewritten": counts.get("rewritten", False),
    }


def ids(store: Store, found: Meant) -> list[str]:
    """Ids of the traces that are meant, held ones too."""
    query = select(SPAN.c.id).where(every(found.tenant, found.conditions)).order_by(SPAN.c.id)
    with store.read() as connection:
        return list(connection.execute(query).scalars())
