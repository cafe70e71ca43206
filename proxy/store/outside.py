"""Reads what apps' own spans tell of an exchange: the retrievals and tools that it was fed, and how that is known.

Everything is tied within one tenant and key: another key learns nothing of an exchange and adds nothing to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, select

from proxy.store import bodies
from proxy.store.blobs import Texts, read_blobs, text_of
from proxy.store.bodies import Keys
from proxy.store.joining import Asked, Sent, fed, pairs
from proxy.store.tables import OUTSIDE_SPAN, RETRIEVAL_HIT, SPAN, TOOL_CALL

TEXT_WINDOW_US = 600_000_000
"""How far apart, in time, an LLM span and an exchange may be that are tied by what was asked alone."""
MOST = 5_000
"""Spans and exchanges of one trace that are looked at."""
_OTHER = "other"
"""Kind of spans that tell nothing of models: an HTTP client's, alone in a trace of its own."""
_MOST_TIED = 200
_PARAMETERS = 500

Row = dict[str, Any]


def outside(connection: Connection, keys: Keys, span: Row, named: Sequence[str] = ()) -> list[Row]:
    """The app's spans that fed an exchange, in order of time, each with its hits and tool calls.

    Args:
        connection: reads on one snapshot.
        keys: decrypt what stands in blobs.
        span: the exchange's row.
        named: ids of the retrievals that its request named.
    """
    if span["shadow_of"] is not None:
        return []
    found = {row["id"]: {**row, "linked_by": "request"} for row in _retrievals(connection, span, named)}
    for trace_id, linked_by in traces_of(connection, span).items():
        for row in _fed(connection, span, trace_id):
            found.setdefault(row["id"], {**row, "linked_by": linked_by})
    rows = sorted(found.values(), key=lambda row: (row["started_us"], row["id"]))
    return _with_details(connection, keys, rows)


def _all(connection: Connection, query: Any) -> list[Row]:
    return [dict(row) for row in connection.execute(query).mappings()]


def _own(table: Any, span: Row) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The condition of what came with the key of an exchange."""
    return table.c.tenant == span["tenant"], table.c.key_id == span["key_id"]


def _retrievals(connection: Connection, span: Row, named: Sequence[str]) -> list[Row]:
    if not named:
        return []
    own = _own(OUTSIDE_SPAN, span)
    return _all(connection, select(OUTSIDE_SPAN).where(OUTSIDE_SPAN.c.id.in_(list(named)), *own))


def traces_of(connection: Connection, span: Row) -> dict[str, str]:
    """Trace ids of the app that the exchange belongs to, with what tells so: the surest that there is."""
    own = _own(OUTSIDE_SPAN, span)
    here = (OUTSIDE_SPAN.c.trace_id == span["trace_id"], OUTSIDE_SPAN.c.kind != _OTHER)
    by_trace = select(OUTSIDE_SPAN.c.trace_id).where(*own, *here).limit(1)
    if connection.execute(by_trace).first() is not None:
        return {span["trace_id"]: "trace"}
    if span["response_id"] is not None:
        named = (OUTSIDE_SPAN.c.kind == "llm", OUTSIDE_SPAN.c.response_id == span["response_id"])
        llms = _all(connection, select(OUTSIDE_SPAN).where(*own, *named).limit(_MOST_TIED))
        if llms:
            # Some servers number their replies from 1 after each start.
            return {
                min(llms, key=lambda row: abs(row["started_us"] - span["started_us"]))["trace_id"]: "response"
            }
    tied = _tied_by_text(connection, span, {span["asked"]: span["started_us"]})
    llm = tied.get(span["id"])
    return {} if llm is None else {llm["trace_id"]: "text"}


def _tied_by_text(connection: Connection, span: Row, asked: dict[str | None, int]) -> dict[str, Row]:
    """LLM span by id of the exchange that asked the same text at about the same time, under the span's key."""
    found: dict[str, Row] = {}
    for text, near_us in asked.items():
        if text is None:
            continue
        llm = (OUTSIDE_SPAN.c.kind == "llm", *_own(OUTSIDE_SPAN, span))
        spans = _near(connection, OUTSIDE_SPAN, near_us, text, llm)
        surer = exists().where(
            OUTSIDE_SPAN.c.trace_id == SPAN.c.trace_id,
            OUTSIDE_SPAN.c.kind != _OTHER,
            *_own(OUTSIDE_SPAN, span),
        )
        own = (SPAN.c.shadow_of.is_(None), ~surer, *_own(SPAN, span))
        exchanges = _near(connection, SPAN, near_us, text, own)
        # Frameworks tell of one call by several spans, one inside the other: the innermost is the call.
        outer = {(row["trace_id"], row["parent_span"]) for row in spans}
        inner = {row["id"]: row for row in spans if (row["trace_id"], row["id"][32:48]) not in outer}
        tied = pairs(_starts(inner.values()), _starts(exchanges))
        found |= {exchange: inner[id] for exchange, id in tied.items()}
    return found


def _near(
    connection: Connection, table: Any, near_us: int, text: str, more: Iterable[ColumnElement[bool]]
) -> list[Row]:
    query = select(table).where(
        table.c.asked == text,
        table.c.started_us.between(near_us - TEXT_WINDOW_US, near_us + TEXT_WINDOW_US),
        *more,
    )
    return _all(connection, query.order_by(table.c.started_us, table.c.id).limit(_MOST_TIED))


def _fed(connection: Connection, span: Row, trace_id: str) -> list[Row]:
    """The spans of a trace that fed the exchange."""
    where = (*_own(OUTSIDE_SPAN, span), OUTSIDE_SPAN.c.trace_id == trace_id)
    order = (OUTSIDE_SPAN.c.started_us, OUTSIDE_SPAN.c.id)
    spans = _all(connection, select(OUTSIDE_SPAN).where(*where).order_by(*order).limit(MOST))
    hits = _hits_of(connection, [row["id"] for row in spans if row["kind"] in ("retrieval", "reranker")])
    sent = [
        Sent(
            id=row["id"],
            span=row["id"][32:48] if row["source"] == "otlp" else row["id"],
            parent=row["parent_span"],
            kind=row["kind"],
            started_us=row["started_us"],
            ended_us=row["started_us"] if row["ended_us"] is None else row["ended_us"],
            ours=row["source"] == "api",
            hits=row["id"] in hits,
        )
        for row in spans
    ]
    fed_by = fed(sent, _asked(connection, span, trace_id, spans))
    return [row for row in spans if fed_by.get(row["id"]) == span["id"]]


def _asked(connection: Connection, span: Row, trace_id: str, spans: Sequence[Row]) -> list[Asked]:
    """Every exchange that is tied to a trace: by its id, by a reply that is named in it, by what was asked."""
    same: dict[str, str] = {}
    own = (*_own(SPAN, span), SPAN.c.shadow_of.is_(None))
    found = {
        row["id"]: row
        for row in _all(connection, select(SPAN).where(*own, SPAN.c.trace_id == trace_id).limit(MOST))
    }
    llms = [row for row in spans if row["kind"] == "llm"]
    replies: dict[str, list[Row]] = {}
    for row in llms:
        if row["response_id"]:
            replies.setdefault(row["response_id"], []).append(row)
    for some in chunks(replies):
        query = select(SPAN).where(*own, SPAN.c.response_id.in_(some)).limit(MOST)
        told: dict[str, list[Row]] = {}
        for row in _all(connection, query):
            told.setdefault(row["response_id"], []).append(row)
        for id, rows in told.items():
            tied = pairs(_starts(replies[id][:_MOST_TIED]), _starts(rows[:_MOST_TIED]))
            found |= {row["id"]: row for row in rows if row["id"] in tied}
            same |= {exchange: llm[32:48] for exchange, llm in tied.items()}
    asked: dict[str, int] = {}
    for row in llms:
        if row["asked"] and row["id"][32:48] not in same.values():
            asked.setdefault(row["asked"], row["started_us"])
    for text, near_us in list(asked.items())[:_MOST_TIED]:
        for id, llm in _tied_by_text(connection, span, {text: near_us}).items():
            if llm["trace_id"] == trace_id and id not in same:
                if id not in found:
                    [found[id]] = _all(connection, select(SPAN).where(SPAN.c.id == id))
                same[id] = llm["id"][32:48]
    return [
        Asked(
            id=row["id"],
            started_us=row["started_us"],
            ended_us=row["started_us"] + (row["duration_us"] or 0),
            parent=row["parent_span"],
            same=same.get(row["id"]),
        )
        for row in found.values()
    ]


def _starts(rows: Iterable[Row]) -> dict[str, int]:
    return {row["id"]: row["started_us"] for row in rows}


def told_of(connection: Connection, spans: Iterable[Row]) -> set[str]:
    """Ids of those exchanges that apps may have told of; of the others `outside` gives nothing that is not named."""
    found: set[str] = set()
    rows = [span for span in spans if span["shadow_of"] is None]
    for name in ("trace_id", "response_id", "asked"):
        column = OUTSIDE_SPAN.c[name]
        known: set[str] = set()
        for some in chunks({span[name] for span in rows if span[name] is not None}):
            known.update(connection.execute(select(column).where(column.in_(some)).distinct()).scalars())
        found.update(span["id"] for span in rows if span[name] in known)
    return found


def chunks(ids: Iterable[str]) -> Iterable[list[str]]:
    """Some ids, each once and in order, in lists that a statement takes."""
    wanted = sorted(set(ids))
    return (wanted[first : first + _PARAMETERS] for first in range(0, len(wanted), _PARAMETERS))


def _hits_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[Row]]:
    return below(connection, RETRIEVAL_HIT, ids)


def below(
    connection: Connection, table: Any, ids: Iterable[str], *where: ColumnElement[bool]
) -> dict[str, list[Row]]:
    """Rows that stand under some spans, by the span's id, in their order; a span without any is left out."""
    found: dict[str, list[Row]] = {}
    for some in chunks(ids):
        query = select(table).where(table.c.span_id.in_(some), *where)
        for row in _all(connection, query.order_by(table.c.span_id, table.c.seq)):
            found.setdefault(row["span_id"], []).append(row)
    return found


def _with_details(connection: Connection, keys: Keys, rows: Sequence[Row]) -> list[Row]:
    ids = [row["id"] for row in rows]
    hits, calls = _hits_of(connection, ids), below(connection, TOOL_CALL, ids)
    wanted = {row["detail_blob"] for row in rows if row["detail_blob"]}
    wanted |= {hit["text_blob"] for some in hits.values() for hit in some}
    wanted |= {
        call[n]
        for some in calls.values()
        for call in some
        for n in ("arguments_blob", "result_blob")
        if call[n]
    }
    texts = read_blobs(connection, keys, wanted)
    return [_document(row, hits.get(row["id"], ()), calls.get(row["id"], ()), texts) for row in rows]


def _document(row: Row, hits: Iterable[Row], calls: Iterable[Row], texts: Texts) -> Row:
    names = (
        "id",
        "kind",
        "name",
        "service",
        "source",
        "linked_by",
        "started_us",
        "ended_us",
        "error",
        "key_id",
    )
    return {
        **{name: row[name] for name in names},
        "detail": bodies.decode(texts[row["detail_blob"]]) if row["detail_blob"] in texts else {},
        "retrieval": [
            {
                "rank": hit["rank"], "doc_id": hit["doc_id"], "score": hit["score"], "source": hit["source"],
                "linked_by": row["linked_by"], "span": row["id"], "text": text_of(texts, hit["text_blob"]),
            }
            for hit in hits
        ],
        "tool_calls": [
            {
                "call_id": call["call_id"], "name": call["name"], "state": call["state"],
                "arguments": text_of(texts, call["arguments_blob"]),
                "result": text_of(texts, call["result_blob"]),
            }
            for call in calls
        ],
    }  # fmt: skip


def spans_by_id(connection: Connection, keys: Keys, ids: Sequence[str]) -> list[Row]:
    """Some spans of apps with all that is kept of them."""
    rows = [
        {**row, "linked_by": None}
        for some in chunks(ids)
        for row in _all(connection, select(OUTSIDE_SPAN).where(OUTSIDE_SPAN.c.id.in_(some)))
    ]
    return _with_details(connection, keys, rows)


def exchanges_of(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Ids of the exchanges of the same key and trace as some spans of apps."""
    found: set[str] = set()
    for some in chunks(ids):
        same = exists().where(
            OUTSIDE_SPAN.c.id.in_(some),
            OUTSIDE_SPAN.c.trace_id == SPAN.c.trace_id,
            OUTSIDE_SPAN.c.tenant == SPAN.c.tenant,
            OUTSIDE_SPAN.c.key_id.is_not_distinct_from(SPAN.c.key_id),
        )
        found.update(connection.execute(select(SPAN.c.id).where(same)).scalars())
    return found
