"""Everything that is held about somebody, record by record: the same rows that an erasure would delete."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson
from sqlalchemy import Connection, select

from proxy.store import audit, candidates, erased_runs, erasures, holds, refused, written
from proxy.store.belongings import AT_ONCE, Belongings, belongings, of_person
from proxy.store.blobs import read_blobs, text_of
from proxy.store.db import Store
from proxy.store.erasures import Meant
from proxy.store.outside import spans_by_id
from proxy.store.queries import get_trace
from proxy.store.tables import ANNOTATION, BLOB, FEEDBACK, MESSAGE_REF, SPAN
from proxy.store.tables_governance import ERASURE, REVEAL
from proxy.store.tables_review import ASSIGNMENT, COMMENT, ITEM

FORMAT = "guardhouse.subject/1"
_ALWAYS = 1 << 62
_RAW = ("raw_request", "raw_response")

Record = dict[str, Any]


def records(
    store: Store, found: Meant, actor: str, *, raw: bool = False, reason: str = ""
) -> Iterator[Record]:
    """What is held, as objects with a `kind` each: first a head, then traces with what belongs to them.

    Args:
        store: what is read.
        found: whose traces are meant.
        actor: who asks; it is noted before the first record is read.
        raw: whether texts kept as they were before the guardrails come along.
        reason: why; it is noted too.
    """
    number = erasures.count(store, found)
    traces = number["traces"] + number["held"]
    told = {"kind": found.kind, "subject": found.subject, "traces": traces, "raw": raw}
    if reason:
        told["reason"] = reason
    with store.begin() as connection:
        audit.note(connection, audit.Act(actor, "subject.export", found.subject, told, found.tenant))
    yield {
        "kind": "subject",
        "format": FORMAT,
        "subject": found.subject,
        "tenant": found.tenant,
        "traces": traces,
        "raw": "none" if not _has_raw(store, found) else "told" if raw else "left out",
    }
    ids: set[str] = set()
    outside: set[str] = set()
    for some in _pages(store, found):
        ids.update(some)
        with store.read() as connection:
            owned = belongings(connection, some)
            on_hold = set(
                connection.execute(
                    select(SPAN.c.id).where(SPAN.c.id.in_(some), holds.held(connection, store.key))
                ).scalars()
            )
        yield from _traces(store, owned.spans, on_hold, raw)
        yield from _about(store, owned, outside)
    if found.kind == "user":
        yield from _named(store, found, outside)
    with store.read() as connection:
        yield from written.rows(connection, found.written)
    yield from refused_records(store, found, ids)
    yield from _runs(store, found, ids)
    yield from _acts(store, found)


def _has_raw(store: Store, found: Meant) -> bool:
    """Whether texts from before the guardrails are held."""
    kept = select(BLOB.c.id).join(MESSAGE_REF, MESSAGE_REF.c.blob_id == BLOB.c.id)
    kept = kept.join(SPAN, SPAN.c.id == MESSAGE_REF.c.span_id).where(MESSAGE_REF.c.side.in_(_RAW))
    with store.read() as connection:
        those = kept.where(erasures.every(found.tenant, found.conditions)).limit(1)
        return connection.execute(those).first() is not None


def _pages(store: Store, found: Meant) -> Iterator[Sequence[str]]:
    last = ""
    while True:
        query = select(SPAN.c.id).where(erasures.every(found.tenant, found.conditions), SPAN.c.id > last)
        with store.read() as connection:
            ids = connection.execute(query.order_by(SPAN.c.id).limit(AT_ONCE)).scalars().all()
        if ids:
            yield ids
        if len(ids) < AT_ONCE:
            return
        last = ids[-1]


def _traces(store: Store, ids: Sequence[str], on_hold: set[str], raw: bool) -> Iterator[Record]:
    for id in ids:
        trace = get_trace(store, id)
        if trace is None:
            continue
        yield {"kind": "trace", "id": id, "held": id in on_hold, "trace": trace}
        if raw:
            with store.read() as connection:
                yield from _raw(connection, store, id)


def _raw(connection: Connection, store: Store, id: str) -> Iterator[Record]:
    query = select(MESSAGE_REF).where(MESSAGE_REF.c.span_id == id, MESSAGE_REF.c.side.in_(_RAW))
    rows = connection.execute(query.order_by(MESSAGE_REF.c.side, MESSAGE_REF.c.seq)).mappings().all()
    texts = read_blobs(connection, store.keys, {row["blob_id"] for row in rows})
    for row in rows:
        if (data := texts.get(row["blob_id"])) is not None:
            yield {"kind": "raw", "trace": id, "side": row["side"], **_bytes(data)}


def _bytes(data: bytes) -> Record:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _about(store: Store, owned: Belongings, outside: set[str]) -> Iterator[Record]:
    """What others said of some traces, and the spans of apps that tell of them and were not told yet."""
    with store.read() as connection:
        told = connection.execute(select(ANNOTATION).where(ANNOTATION.c.span_id.in_(owned.spans))).mappings()
        yield from ({"kind": "annotation", **row} for row in told.all())
        yield from _reviewed(connection, owned)
        spoken = connection.execute(select(COMMENT).where(COMMENT.c.span_id.in_(owned.spans))).mappings()
        yield from ({"kind": "comment", **row} for row in spoken.all())
        meant = candidates.of_traces(connection, store.keys, owned.spans)
        yield from ({"kind": "golden_candidate", **asdict(each)} for each in meant)
        thought = (
            connection.execute(select(FEEDBACK).where(FEEDBACK.c.target.in_(owned.spans))).mappings().all()
        )
        texts = read_blobs(
            connection, store.keys, {row["comment_blob"] for row in thought if row["comment_blob"]}
        )
        for row in thought:
            comment = text_of(texts, row["comment_blob"])
            yield {"kind": "feedback", **{**row, "comment_blob": None}, "comment": comment}
        seen = connection.execute(select(REVEAL).where(REVEAL.c.span_id.in_(owned.spans))).mappings().all()
        yield from ({"kind": "reveal", **row} for row in seen)
        fresh = [id for id in owned.outside if id not in outside]
        outside.update(fresh)
        yield from _spans(connection, store, fresh)


def _reviewed(connection: Connection, owned: Belongings) -> Iterator[Record]:
    """The queues that some traces are in, and who reviews them there."""
    items = connection.execute(select(ITEM).where(ITEM.c.span_id.in_(owned.spans))).mappings()
    yield from ({"kind": "review_item", **row} for row in items.all())
    columns = [column for column in ASSIGNMENT.c if column.name != "token"]
    places = connection.execute(select(*columns).where(ASSIGNMENT.c.span_id.in_(owned.spans))).mappings()
    yield from ({"kind": "review_assignment", **row} for row in places.all())


def _spans(connection: Connection, store: Store, ids: Sequence[str]) -> Iterator[Record]:
    for row in spans_by_id(connection, store.keys, ids):
        yield {"kind": "outside_span", "id": row["id"], "span": row}


def _named(store: Store, found: Meant, outside: set[str]) -> Iterator[Record]:
    """The spans of apps that name the person."""
    after = ""
    while True:
        with store.read() as connection:
            ids = of_person(connection, found.tenant, found.subject, _ALWAYS, after).outside
            fresh = [id for id in ids if id not in outside]
            yield from _spans(connection, store, fresh)
        if len(ids) < AT_ONCE:
            return
        after = ids[-1]


def refused_records(store: Store, found: Meant, ids: set[str]) -> Iterator[Record]:
    """What the database refused to take, in the spool; a document of None is one that nobody can read."""
    row = {"tenant": found.tenant, "kind": found.kind, "subject": found.subject, "requested_us": _ALWAYS}
    row["fingerprints"] = orjson.dumps(found.fingerprints).decode()
    yield from ({"kind": "refused", **one} for one in refused.found(store.refused, store.key, row, ids))


def _runs(store: Store, found: Meant, ids: set[str]) -> Iterator[Record]:
    subject = found.subject if found.kind == "user" else ""
    for id, run in erased_runs.runs(store, found.tenant):
        items, cases = erased_runs.items_of(run, ids, subject)
        yield from ({"kind": "run_item", "run": id, "item": item} for item in items)
        yield from ({"kind": "run_case", "run": id, "case": case} for case in cases)


def _acts(store: Store, found: Meant) -> Iterator[Record]:
    """Earlier erasures of the same."""
    query = select(ERASURE).where(ERASURE.c.tenant == found.tenant, ERASURE.c.subject == found.subject)
    with store.read() as connection:
        for row in connection.execute(query.order_by(ERASURE.c.requested_us)).mappings().all():
            yield {"kind": "erasure", **_plainly(dict(row))}


def _plainly(row: Mapping[str, Any]) -> Record:
    names = ("id", "requested_us", "done_us", "reason", "actor")
    return {**{name: row[name] for name in names}, "rows": orjson.loads(row["counts"]).get("rows", {})}
