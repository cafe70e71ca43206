"""Records that come after an erasure which they belong to: from the spool, or from an app that is told too late.

They are not stored. Who writes and who erases keep out of each other's way, so that none slips through between.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select, text

from proxy.store.tables_governance import ERASED_TRACE, ERASURE, HOLD

_LOCK = 0x6572617365
"""Advisory lock ("erase" in ASCII) that writers share, and that whoever erases holds alone for one transaction."""
_PARAMETERS = 500

Document = Mapping[str, Any]


def beside_others(connection: Connection) -> None:
    """Write in this transaction while others write, and nobody erases. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:id)"), {"id": _LOCK})


def patient(connection: Connection) -> None:
    """Wait for this connection's statements as long as they take: one of them may read every trace there is."""
    if connection.dialect.name == "postgresql":
        from proxy.store.postgresql import be_patient

        be_patient(connection)


def alone(connection: Connection) -> None:
    """Erase in this transaction while nobody writes."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK})


def late(connection: Connection, documents: Sequence[Document]) -> set[int]:
    """Places of the documents that are to be dropped: their trace or their person was erased after they began.

    While a hold is open, what was never stored is kept all the same, and the erasure goes on when it is resumed.
    """
    oldest = min((_began_us(document) for document in documents), default=0)
    query = select(ERASURE).where(ERASURE.c.requested_us >= oldest)
    erasures = [dict(row) for row in connection.execute(query).mappings()]
    if not erasures:
        return set()
    again = _erased(connection, documents)
    fresh = {
        place: erasure
        for place, document in enumerate(documents)
        if place not in again
        for erasure in erasures
        if concerns(erasure, document)
    }
    holding = select(HOLD.c.tenant).where(HOLD.c.released_us.is_(None))
    tenants = set(connection.execute(holding).scalars()) if fresh else set()
    kept = {place: erasure for place, erasure in fresh.items() if erasure["tenant"] in tenants}
    if kept:
        ids = sorted({erasure["id"] for erasure in kept.values()})
        connection.execute(ERASURE.update().where(ERASURE.c.id.in_(ids)).values(done_us=None))
    dropped = {place: erasure for place, erasure in fresh.items() if place not in kept}
    traces = {
        documents[place]["id"]: (documents[place], erasure)
        for place, erasure in dropped.items()
        if "kind" not in documents[place]
    }
    if traces:
        connection.execute(ERASED_TRACE.insert(), [erased_row(*pair) for pair in traces.values()])
    return again | dropped.keys()


def erased_row(document: Document, erasure: Mapping[str, Any]) -> dict[str, Any]:
    """What is remembered of a trace that was dropped."""
    names = ("key_id", "session_id", "object_id")
    return {
        "span_id": document["id"],
        "tenant": document["tenant"],
        "erasure_id": erasure["id"],
        "trace_id": document["trace_id"],
        "started_us": document["started_us"],
        "done": True,
        **{name: document.get(name) for name in names},
    }


def _erased(connection: Connection, documents: Sequence[Document]) -> set[int]:
    """Places of the documents of traces, or about traces, that are erased already."""
    ids = sorted({id for document in documents for id in about(document)})
    spans: set[str] = set()
    traces: set[tuple[str, str | None, str]] = set()
    for first in range(0, len(ids), _PARAMETERS):
        some = ids[first : first + _PARAMETERS]
        for column in (ERASED_TRACE.c.span_id, ERASED_TRACE.c.trace_id):
            for row in connection.execute(select(ERASED_TRACE).where(column.in_(some))).mappings():
                spans.add(row["span_id"])
                traces.add((row["tenant"], row["key_id"], row["trace_id"]))
    found = set()
    for place, document in enumerate(documents):
        if document.get("kind") == "outside_span":
            there = (document.get("tenant"), document.get("key_id"), document.get("trace_id")) in traces
        else:
            there = not spans.isdisjoint(about(document))
        if there:
            found.add(place)
    return found


def about(document: Document) -> Sequence[str]:
    """Ids of the traces that a document tells of."""
    kind = document.get("kind")
    name = {None: "id", "feedback": "target", "outside_span": "trace_id"}.get(kind, "")
    told = document.get(name)
    return (told,) if isinstance(told, str) else ()


def concerns(erasure: Mapping[str, Any], document: Document) -> bool:
    """Whether a trace or a span of an app is one that an erasure means."""
    if document.get("tenant") != erasure["tenant"] or _began_us(document) > erasure["requested_us"]:
        return False
    kind, subject = erasure["kind"], erasure["subject"]
    if document.get("kind") == "outside_span":
        return bool(kind == "user" and document.get("subject") == subject)
    if document.get("kind") is not None:
        return False
    if kind == "value":
        fingerprints = set(orjson.loads(erasure["fingerprints"]))
        return any(
            isinstance(found, Mapping) and found.get("fingerprint") in fingerprints
            for found in document.get("findings") or ()
        )
    name = {"user": "subject", "session": "session_id"}.get(kind)
    return name is not None and document.get(name) == subject


def _began_us(document: Document) -> int:
    """When what a document tells of began, by our own clock."""
    if document.get("kind") == "feedback":
        try:
            return int(document["target"][:12], 16) * 1000
        except (KeyError, TypeError, ValueError):
            return 0
    name = "received_us" if document.get("kind") == "outside_span" else "started_us"
    began = document.get(name)
    return began if isinstance(began, int) else time.time_ns() // 1000
