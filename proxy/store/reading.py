"""Reads whole trace documents, one or many at a time, in as many queries for two hundred as for one.

A stream of them is read in pages: each page on a snapshot of its own, from a fixed upper bound downwards, so a trace
that is stored meanwhile is neither half in it nor twice. A page's texts are read in parts of bounded size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, exists, false, func, or_, select, tuple_

from proxy.store import bodies, refs, rows
from proxy.store.blindness import hidden_from
from proxy.store.blobs import Texts, read_blobs, text_of
from proxy.store.bodies import Keys
from proxy.store.db import Store
from proxy.store.feedback import feedback_on
from proxy.store.outside import below, chunks, outside, told_of
from proxy.store.refs import Piece
from proxy.store.tables import ANNOTATION, BLOB, FINDING, MESSAGE_REF, RETRIEVAL_HIT, SPAN, TOOL_CALL

PAGE = 200
"""Traces of a page."""
MOST_BYTES = 4 << 20
"""Bytes of requests and replies that are held at a time, unless one trace alone has more."""
SIDES = ("request", "response")
"""Sides of an exchange as the guardrails let them through; `raw_request` and `raw_response` are never shown here."""
_BLOBS = ("arguments_blob", "result_blob", "text_blob")

Row = dict[str, Any]


def documents(
    store: Store,
    where: Sequence[ColumnElement[bool]] = (),
    limit: int | None = None,
    reader: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Trace documents, newest first, read as they are asked for; at most `limit`.

    `reader`: who is given them; judgements that a blind review keeps from them are left out.

    A trace that is stored after the first was asked for, and began after every one then stored, is not among them.
    """
    order = (SPAN.c.started_us, SPAN.c.id)
    newest = select(*order).where(*where).order_by(*(column.desc() for column in order)).limit(1)
    with store.read() as connection:
        first = connection.execute(newest).first()
    if first is None:
        return
    bound: ColumnElement[bool] = tuple_(*order) <= tuple_(*first)
    left = limit
    while left is None or left > 0:
        size = PAGE if left is None else min(left, PAGE)
        page = select(SPAN).where(*where, bound).order_by(*(column.desc() for column in order)).limit(size)
        with store.read() as connection:
            spans = [dict(row) for row in connection.execute(page).mappings()]
            parts = _parts(connection, spans)
        for part in parts:
            with store.read() as connection:
                found = read_many(connection, store.keys, part)
                blind = set() if reader is None else hidden_from(connection, ids_of(part), reader)
            yield from (_without_others(each, reader) if each["id"] in blind else each for each in found)
        if len(spans) < size:
            return
        left = None if left is None else left - len(spans)
        bound = tuple_(*order) < tuple_(spans[-1]["started_us"], spans[-1]["id"])


def ids_of(spans: Sequence[Row]) -> list[str]:
    """Ids of some rows of `span`."""
    return [span["id"] for span in spans]


def _without_others(trace: dict[str, Any], reader: str | None) -> dict[str, Any]:
    return {**trace, "reviews": [each for each in trace["reviews"] if each["author"] == reader]}


def matching(store: Store, where: Sequence[ColumnElement[bool]] = ()) -> int:
    """How many traces there are of some kind."""
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(SPAN).where(*where)).scalar_one())


def _parts(connection: Connection, spans: Sequence[Row]) -> list[list[Row]]:
    """The spans in their order, in parts whose texts are of bounded size."""
    sizes = _sizes(connection, [span["id"] for span in spans])
    parts: list[list[Row]] = [[]]
    held = 0
    for span in spans:
        more = sizes.get(span["id"], 0)
        if held + more > MOST_BYTES and parts[-1]:
            parts.append([])
            held = 0
        parts[-1].append(span)
        held += more
    return [part for part in parts if part]


def _sizes(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    """Bytes of the requests and replies of some spans."""
    made = below(connection, MESSAGE_REF, ids, MESSAGE_REF.c.side.in_(SIDES))
    blobs = {id: [blob for row in some for blob in refs.blobs_of(row)] for id, some in made.items()}
    size: dict[str, int] = {}
    for some in chunks(blob for each in blobs.values() for blob in each):
        query = select(BLOB.c.id, BLOB.c.size).where(BLOB.c.id.in_(some))
        size |= {row.id: row.size for row in connection.execute(query)}
    return {id: sum(size.get(blob, 0) for blob in each) for id, each in blobs.items()}


def read_many(connection: Connection, keys: Keys, spans: Sequence[Row]) -> list[dict[str, Any]]:
    """The trace documents of some rows of `span`, with `reviews`, in their order.

    A tool call that a later request answered carries its result, `state: answered`, and `answered_by`: the id
    of that later trace.
    """
    ids = [span["id"] for span in spans]
    sides = _sides(connection, ids)
    calls, hits = below(connection, TOOL_CALL, ids), below(connection, RETRIEVAL_HIT, ids)
    findings = below(connection, FINDING, ids)
    answers = {
        span["id"]: _answers(connection, span, calls[span["id"]]) for span in spans if span["id"] in calls
    }
    wanted = {blob for own in sides.values() for pieces in own.values() for _, blob in pieces}
    wanted |= {
        row[name]
        for some in (*calls.values(), *hits.values(), *(a.values() for a in answers.values()))
        for row in some
        for name in _BLOBS
        if row.get(name)
    }
    texts = read_blobs(connection, keys, wanted)
    told = told_of(connection, spans)
    thought = feedback_on(connection, keys, ids)
    judged = reviews_of(connection, ids)
    found = []
    for span in spans:
        id = span["id"]
        own = _Own(
            sides.get(id, {}), calls.get(id, []), answers.get(id, {}), hits.get(id, []), findings.get(id, [])
        )
        trace = _document(span, own, texts)
        named = trace.get("retrievals", ())
        apps = outside(connection, keys, span, named) if id in told or named else []
        trace["retrieval"] += [hit for each in apps for hit in each["retrieval"]]
        trace["outside"] = [{**each, "retrieval": len(each["retrieval"])} for each in apps]
        trace["feedback"] = thought.get(id, [])
        trace["reviews"] = judged.get(id, [])
        found.append(trace)
    return found


def _sides(connection: Connection, ids: Iterable[str]) -> dict[str, dict[str, list[Piece]]]:
    """What the requests and replies of some spans are made of, by span and side."""
    found: dict[str, dict[str, list[Piece]]] = {}
    for id, some in below(connection, MESSAGE_REF, ids, MESSAGE_REF.c.side.in_(SIDES)).items():
        own = found.setdefault(id, {})
        for row in some:
            own.setdefault(row["side"], []).extend(refs.pieces_of(row))
    return found


@dataclass(frozen=True, slots=True)
class _Own:
    """The rows of one span."""

    sides: Mapping[str, list[Piece]]
    calls: list[Row]
    answers: Mapping[str, Row]
    hits: list[Row]
    findings: list[Row]


def _document(span: Row, own: _Own, texts: Texts) -> dict[str, Any]:
    trace = rows.document(span)
    for side in SIDES:
        pieces = own.sides.get(side, [])
        whole = all(blob in texts for _, blob in pieces)
        trace[side] = _joined(pieces, texts) if whole else None
    trace["content"] = _content([blob for pieces in own.sides.values() for _, blob in pieces], texts)
    trace["findings"] = [{name: row[name] for name in rows.FINDING} for row in own.findings]
    trace["tool_calls"] = [_call(row, own.answers.get(row["call_id"]), texts) for row in own.calls]
    trace["retrieval"] = [
        {
            **{name: row[name] for name in ("rank", "doc_id", "score", "source")},
            "text": text_of(texts, row["text_blob"]) or "",
        }
        for row in own.hits
    ]
    return trace


def _joined(pieces: Iterable[Piece], texts: Texts) -> dict[str, Any] | None:
    return bodies.join((pointer, bodies.decode(texts[blob])) for pointer, blob in pieces)


def _content(blobs: Sequence[str], texts: Texts) -> str:
    """What became of the texts: `kept`, `none` (never kept), or `gone` (its time was over, or it was erased)."""
    if not blobs:
        return "none"
    return "kept" if all(blob in texts for blob in blobs) else "gone"


def _answers(
    connection: Connection, span: dict[str, Any], calls: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """By call id: the next thing its run says about a call, if that is its answer. Shadows say nothing.

    Of a trace without a run, as older versions kept them: the next thing that any caller of the tenant says.
    """
    asked = sorted({call["call_id"] for call in calls if call["state"] == "requested"})
    if span["shadow_of"] is not None or not asked:
        return {}
    # Interleaved runs may number their calls alike: only what this run says counts, where runs are known.
    anothers = SPAN.c.run_id != span["run_id"] if span["run_id"] else false()
    other = or_(SPAN.c.shadow_of.is_not(None), anothers)
    copied = exists().where(SPAN.c.id == TOOL_CALL.c.span_id, other)
    found: dict[str, dict[str, Any]] = {}
    for call_id in asked:
        query = (
            select(TOOL_CALL)
            .where(TOOL_CALL.c.tenant == span["tenant"], TOOL_CALL.c.call_id == call_id, ~copied)
            .where(TOOL_CALL.c.state != "ran")
            .where(
                or_(
                    TOOL_CALL.c.started_us > span["started_us"],
                    and_(TOOL_CALL.c.started_us == span["started_us"], TOOL_CALL.c.span_id > span["id"]),
                )
            )
            .order_by(TOOL_CALL.c.started_us, TOOL_CALL.c.span_id, TOOL_CALL.c.seq)
            .limit(1)
        )
        # Some models number their calls from 1 in every chat: an id asked for again is another call.
        row = connection.execute(query).mappings().first()
        if row is not None and row["state"] == "answered":
            found[call_id] = dict(row)
    return found


def _call(row: dict[str, Any], answer: dict[str, Any] | None, texts: Texts) -> dict[str, Any]:
    result = row["result_blob"]
    call = {
        "call_id": row["call_id"],
        "name": row["name"],
        "arguments": text_of(texts, row["arguments_blob"]) or "",
        "result": text_of(texts, result),
        "state": row["state"],
    }
    if answer is not None and row["state"] == "requested" and answer["result_blob"] is not None:
        call |= {
            "result": text_of(texts, answer["result_blob"]),
            "state": "answered",
            "answered_by": answer["span_id"],
        }
    return call


def reviews_of(connection: Connection, ids: Iterable[str]) -> dict[str, list[Row]]:
    """The judgements on some traces by the trace's id, oldest first; `superseded` marks those since replaced."""
    found: dict[str, list[Row]] = {}
    for some in chunks(ids):
        query = select(ANNOTATION).where(ANNOTATION.c.span_id.in_(some))
        for row in connection.execute(query.order_by(ANNOTATION.c.created_us, ANNOTATION.c.id)).mappings():
            tags = orjson.loads(row["tags"]) if row["tags"] else []
            found.setdefault(row["span_id"], []).append({**row, "tags": tags})
    for judged in found.values():
        replaced = {each["supersedes"] for each in judged}
        for each in judged:
            each["superseded"] = each["id"] in replaced
    return found
