"""Every read, and every write but the traces' own: one named function each. Synchronous."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, or_, select, tuple_

from proxy.exchange import new_id
from proxy.store import bodies, rows
from proxy.store.db import Store
from proxy.store.feedback import feedback_on, judged_as
from proxy.store.outside import outside
from proxy.store.tables import ANNOTATION, BLOB, FINDING, MESSAGE_REF, RETRIEVAL_HIT, RUN, SPAN, TOOL_CALL

MOST = 200
"""The longest page."""
VERDICTS = (
    "true_positive",
    "false_positive",
    "wrong_action",
    "missed",
    "unsure",
    "pass",
    "fail",
    "defer",
)
"""What a reviewer can say: five words about a finding or what was missed, three about the trace."""
_CURSOR = re.compile(r"(\d{1,18})\.([0-9A-Za-z_.:-]{1,128})", re.ASCII)
_AGE = re.compile(r"(\d{1,6})([smhd])", re.ASCII)
_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PARAMETERS = 500
"""Values in one IN list."""


@dataclass(frozen=True, slots=True)
class SpanFilter:
    """Which traces to list; None means any."""

    outcome: str | None = None
    action: str | None = None
    """Strictest action that was applied."""
    flagged: bool | None = None
    rule: str | None = None
    """A rule that found something."""
    entity: str | None = None
    model: str | None = None
    """Model the caller asked for."""
    key_id: str | None = None
    team: str | None = None
    """Team of the key."""
    tenant: str | None = None
    since_us: int | None = None
    """Started at or after, microseconds UTC."""
    until_us: int | None = None
    """Started before."""
    reviewed: bool | None = None
    """Whether somebody has judged the trace or one of its findings."""
    prompt: str | None = None
    """Name of the prompt template that made the request."""
    prompt_version: str | None = None
    feedback: str | None = None
    """What somebody thought of it: `up`, `down` or `any`."""
    shadow: bool | None = None
    """Whether it is a shadow, or else a caller's own."""
    shadow_of: str | None = None
    """The trace that it is a shadow of."""
    trace_id: str | None = None
    """W3C trace id."""
    run_id: str | None = None
    session_id: str | None = None
    """Keyed hash of the session by name."""


EVERYTHING = SpanFilter()


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, newest first, and where the next page starts."""

    items: list[dict[str, Any]]
    next: str | None
    """Cursor to give as `before`; None on the last page."""


@dataclass(frozen=True, slots=True)
class NewReview:
    """A reviewer's judgement, about to be kept."""

    verdict: str
    author: str
    note: str = ""
    finding: int | None = None
    """Index of the finding judged; None for the whole trace."""


class QueryError(ValueError):
    """A value that a query does not take. The message says which one and what it takes."""


def moment(name: str, text: str) -> int:
    """Microseconds UTC of an RFC 3339 time, or of an age (`24h` ago). Raises QueryError for anything else."""
    if age := _AGE.fullmatch(text):
        return time.time_ns() // 1000 - int(age[1]) * _UNIT[age[2]] * 1_000_000
    try:
        # A plus sign in a URL that was not escaped arrives as a space.
        when = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise QueryError(f"{name} takes an RFC 3339 time with zone, or an age such as 24h or 7d.")
    return int(when.timestamp() * 1_000_000)


def list_spans(
    store: Store, filters: SpanFilter = EVERYTHING, limit: int = 50, before: str | None = None
) -> Page:
    """Traces newest first: each the span's columns, with `rules` and `entities` as lists and `reviewed`.

    At most 200 a page. Raises QueryError for a limit or cursor that is none.
    """
    judged = exists().where(ANNOTATION.c.span_id == SPAN.c.id)
    query = select(SPAN, judged.label("reviewed")).where(*_conditions(filters, judged))
    page = _page(store, query, (SPAN.c.started_us, SPAN.c.id), limit, before)
    return Page([rows.summary(span) for span in page.items], page.next)


def _conditions(filters: SpanFilter, judged: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        SPAN.c[name] == value
        for name in (
            "outcome",
            "action",
            "model",
            "key_id",
            "team",
            "tenant",
            "shadow_of",
            "trace_id",
            "run_id",
            "session_id",
            "prompt",
            "prompt_version",
        )
        if (value := getattr(filters, name)) is not None
    ]
    if filters.shadow is not None:
        found.append(SPAN.c.shadow_of.is_not(None) if filters.shadow else SPAN.c.shadow_of.is_(None))
    if filters.flagged is not None:
        found.append(SPAN.c.flagged.is_(filters.flagged))
    if filters.since_us is not None:
        found.append(SPAN.c.started_us >= filters.since_us)
    if filters.until_us is not None:
        found.append(SPAN.c.started_us < filters.until_us)
    if filters.reviewed is not None:
        found.append(judged if filters.reviewed else ~judged)
    if filters.feedback is not None:
        found.append(judged_as(filters.feedback))
    named = [FINDING.c[name] == value for name in ("rule", "entity") if (value := getattr(filters, name))]
    if named:
        found.append(exists().where(FINDING.c.span_id == SPAN.c.id, *named))
    return found


def cursor(name: str, text: str) -> tuple[int, str]:
    """The place that a cursor means. Raises QueryError, naming the parameter, when it is none."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise QueryError(f"{name} is not a cursor. Take it from `next` of the page before.")
    return int(match[1]), match[2]


def _page(store: Store, query: Select[Any], order: tuple[Any, Any], limit: int, before: str | None) -> Page:
    if not 1 <= limit <= MOST:
        raise QueryError(f"limit is {limit}. It takes 1 to {MOST}.")
    if before is not None:
        query = query.where(tuple_(*order) < tuple_(*cursor("before", before)))
    query = query.order_by(*(column.desc() for column in order)).limit(limit + 1)
    with store.read() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    items = found[:limit]
    more = len(found) > limit
    return Page(items, f"{items[-1][order[0].name]}.{items[-1][order[1].name]}" if more else None)


def get_trace(store: Store, id: str) -> dict[str, Any] | None:
    """The trace document, with `reviews`; None when there is no such trace.

    A tool call that a later request answered carries its result, `state: answered`, and `answered_by`: the id
    of that later trace.
    """
    with store.read() as connection:
        span = connection.execute(select(SPAN).where(SPAN.c.id == id)).mappings().first()
        if span is None:
            return None
        trace = rows.document(dict(span))
        refs = _of_span(connection, MESSAGE_REF, id, "seq")
        calls = _of_span(connection, TOOL_CALL, id, "seq")
        answers = _answers(connection, dict(span), calls)
        hits = _of_span(connection, RETRIEVAL_HIT, id, "seq")
        findings = _of_span(connection, FINDING, id, "seq")
        wanted = {
            row[name] for row in (*refs, *calls, *hits, *answers.values()) for name in _BLOBS if row.get(name)
        }
        texts = _blobs(connection, wanted)
        told = outside(connection, dict(span), trace.get("retrievals", ()))
        thought = feedback_on(connection, dict(span))
    for side in ("request", "response"):
        pieces = [row for row in refs if row["side"] == side]
        trace[side] = bodies.join((row["pointer"], bodies.decode(texts[row["blob_id"]])) for row in pieces)
    trace["findings"] = [{name: row[name] for name in rows.FINDING} for row in findings]
    trace["tool_calls"] = [_call(row, answers.get(row["call_id"]), texts) for row in calls]
    trace["retrieval"] = [
        {
            **{name: row[name] for name in ("rank", "doc_id", "score", "source")},
            "text": _text(texts[row["text_blob"]]),
        }
        for row in hits
    ]
    trace["retrieval"] += [hit for each in told for hit in each["retrieval"]]
    trace["outside"] = [{**each, "retrieval": len(each["retrieval"])} for each in told]
    trace["feedback"] = thought
    trace["reviews"] = reviews(store, id)
    return trace


_BLOBS = ("blob_id", "arguments_blob", "result_blob", "text_blob")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _of_span(connection: Connection, table: Any, id: str, *order: str) -> list[dict[str, Any]]:
    query = select(table).where(table.c.span_id == id).order_by(*(table.c[name] for name in order))
    return [dict(row) for row in connection.execute(query).mappings()]


def _blobs(connection: Connection, ids: Iterable[str]) -> dict[str, bytes]:
    wanted = sorted(ids)
    found: dict[str, bytes] = {}
    for first in range(0, len(wanted), _PARAMETERS):
        query = select(BLOB).where(BLOB.c.id.in_(wanted[first : first + _PARAMETERS]))
        for row in connection.execute(query).mappings():
            found[row["id"]] = bodies.unpack(row["codec"], row["body"])
    return found


def _answers(
    connection: Connection, span: dict[str, Any], calls: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """By call id: the next thing its run says about a call, if that is its answer. Shadows say nothing.

    Of a trace without a run, as older versions kept them: the next thing that any caller of the tenant says.
    """
    asked = sorted({call["call_id"] for call in calls if call["state"] == "requested"})
    if span["shadow_of"] is not None:
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


def _call(row: dict[str, Any], answer: dict[str, Any] | None, texts: dict[str, bytes]) -> dict[str, Any]:
    result = row["result_blob"]
    call = {
        "call_id": row["call_id"],
        "name": row["name"],
        "arguments": _text(texts[row["arguments_blob"]]),
        "result": None if result is None else _text(texts[result]),
        "state": row["state"],
    }
    if answer is not None and row["state"] == "requested" and answer["result_blob"] is not None:
        call |= {
            "result": _text(texts[answer["result_blob"]]),
            "state": "answered",
            "answered_by": answer["span_id"],
        }
    return call


def add_review(store: Store, span_id: str, review: NewReview) -> dict[str, Any] | None:
    """Keep a judgement; returns it as `reviews` lists it, or None when there is no such trace.

    It supersedes the author's earlier one on the same trace or finding. Raises QueryError for a verdict or
    finding that does not exist.
    """
    if review.verdict not in VERDICTS:
        raise QueryError(f"verdict is not one of {', '.join(VERDICTS)}.")
    with store.begin() as connection:
        span = connection.execute(select(SPAN.c.tenant, SPAN.c.findings).where(SPAN.c.id == span_id)).first()
        if span is None:
            return None
        if review.finding is not None and not 0 <= review.finding < span.findings:
            raise QueryError(
                f"finding is {review.finding}, but the trace has {span.findings} (counted from 0)."
            )
        same = (
            ANNOTATION.c.span_id == span_id,
            ANNOTATION.c.author == review.author,
            ANNOTATION.c.finding.is_not_distinct_from(review.finding),
        )
        newest = (
            select(ANNOTATION.c.id)
            .where(*same)
            .order_by(ANNOTATION.c.created_us.desc(), ANNOTATION.c.id.desc())
        )
        row = {
            "id": new_id(),
            "tenant": span.tenant,
            "span_id": span_id,
            "finding": review.finding,
            "verdict": review.verdict,
            "note": review.note.replace("\0", "�"),
            "author": review.author,
            "created_us": time.time_ns() // 1000,
            "supersedes": connection.execute(newest.limit(1)).scalar(),
        }
        connection.execute(ANNOTATION.insert(), [row])
    return {**row, "superseded": False}


def reviews(store: Store, span_id: str) -> list[dict[str, Any]]:
    """The judgements on a trace, oldest first; `superseded` marks those their author has since replaced."""
    query = (
        select(ANNOTATION)
        .where(ANNOTATION.c.span_id == span_id)
        .order_by(ANNOTATION.c.created_us, ANNOTATION.c.id)
    )
    with store.read() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    replaced = {row["supersedes"] for row in found}
    return [{**row, "superseded": row["id"] in replaced} for row in found]


def save_run(store: Store, run: dict[str, Any], tenant: str = "default") -> bool:
    """Keep a run document; False when a run with its id is already there, which then stays as it is."""
    head = {name: value for name, value in run.items() if name != "items"}
    row = {
        "id": run["id"],
        "tenant": tenant,
        "received_us": time.time_ns() // 1000,
        "created_at": run["created_at"],
        "suite": run["suite"],
        "head": bodies.encode(head).decode("utf-8", "replace"),
        "items": len(run["items"]),
        "document": zlib.compress(bodies.encode(run), 6),
    }
    with store.begin() as connection:
        there = connection.execute(select(RUN.c.id).where(RUN.c.id == row["id"])).first()
        connection.execute(store.insert_or_ignore(RUN), [row])
    return there is None


def list_runs(store: Store, limit: int = 50, before: str | None = None) -> Page:
    """Runs newest first: each the run document without `items`, with `n_items` and `received_us`."""
    query = select(RUN.c.id, RUN.c.received_us, RUN.c.head, RUN.c["items"])
    page = _page(store, query, (RUN.c.received_us, RUN.c.id), limit, before)
    return Page(
        [
            {
                **bodies.decode(row["head"].encode()),
                "n_items": row["items"],
                "received_us": row["received_us"],
            }
            for row in page.items
        ],
        page.next,
    )


def get_run(store: Store, id: str) -> dict[str, Any] | None:
    """A run document as it was given; None when there is no such run."""
    with store.read() as connection:
        body = connection.execute(select(RUN.c.document).where(RUN.c.id == id)).scalar()
    run: dict[str, Any] | None = None if body is None else bodies.decode(zlib.decompress(body))
    return run


def count_spans(store: Store, filters: SpanFilter = EVERYTHING) -> int:
    """How many traces a filter holds."""
    judged = exists().where(ANNOTATION.c.span_id == SPAN.c.id)
    query = select(func.count()).select_from(SPAN).where(*_conditions(filters, judged))
    with store.read() as connection:
        return int(connection.execute(query).scalar_one())


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What stands around a trace in a filter's list."""

    newer: str | None
    """Id of the trace just above it; None at the top."""
    older: str | None
    """Id of the trace just below it; None at the bottom."""
    above: int
    """How many traces of the filter are newer."""
    inside: bool
    """Whether the trace itself is in the filter."""


def neighbours(store: Store, filters: SpanFilter, started_us: int, id: str) -> Neighbours:
    """The traces next to one in a filter, wherever that one stands in it or would stand."""
    judged = exists().where(ANNOTATION.c.span_id == SPAN.c.id)
    order = (SPAN.c.started_us, SPAN.c.id)
    here, place = tuple_(*order), tuple_(started_us, id)
    query = select(SPAN.c.id).where(*_conditions(filters, judged))
    newer = query.where(here > place).order_by(*order).limit(1)
    older = query.where(here < place).order_by(*(column.desc() for column in order)).limit(1)
    above = query.where(here > place).with_only_columns(func.count())
    with store.read() as connection:
        return Neighbours(
            newer=connection.execute(newer).scalar(),
            older=connection.execute(older).scalar(),
            above=int(connection.execute(above).scalar_one()),
            inside=connection.execute(query.where(SPAN.c.id == id)).scalar() is not None,
        )
