"""Judgements: what a reviewer says of a trace, of a finding, or of a place that no rule found. Append-only.

A later one of the same author on the same thing supersedes it; so does a withdrawal, which says nothing in its place.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, select

from proxy.exchange import new_id
from proxy.store.audit import Act, note, note_all
from proxy.store.db import Store
from proxy.store.filter_fields import TAGS, VERDICTS, WITHDRAWN
from proxy.store.reading import reviews_of
from proxy.store.tables import ANNOTATION, SPAN

OF_QUEUE = (
    "review belongs to a queue, whose item counts it: undo the whole review in the seconds after it was submitted, "
    "or say something else of the trace, which then stands in its place."
)
"""Why one judgement of a queue's review is not taken back by itself."""


class ReviewError(ValueError):
    """A judgement that makes no sense. The message begins with the name of what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A range of a stored text, as findings name it; offsets in code points."""

    side: str
    """`input` or `output`."""
    pointer: str
    within: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NewReview:
    """A reviewer's judgement, about to be kept."""

    verdict: str
    author: str
    """Public id of a key, or `user:NAME`."""
    note: str = ""
    """After guardrails."""
    finding: int | None = None
    """Index of the finding judged; None for the whole trace, or for a place."""
    tags: Sequence[str] = ()
    """What went wrong, of TAGS."""
    place: Place | None = None
    """With `missed`: where there is something that no rule found."""
    entity: str | None = None
    """With `place`: what kind of thing."""
    item_id: str | None = None
    """The item of a queue in whose review it is said."""
    job_id: str | None = None
    """The bulk job that says it."""


def judge(
    connection: Connection, span_id: str, review: NewReview, tenant: str | None = None
) -> dict[str, Any] | None:
    """Keep a judgement on a connection of `Store.begin`; returns its row, or None when there is no such trace.

    `tenant`: the only one whose traces the author may judge. Raises ReviewError. The caller notes the act.
    """
    query = select(SPAN.c.tenant, SPAN.c.findings).where(SPAN.c.id == span_id)
    span = connection.execute(query).first()
    if span is None or tenant not in (None, span.tenant):
        return None
    _check(review, span.findings)
    same = select(ANNOTATION.c.id).where(*_same(span_id, review))
    newest = same.order_by(ANNOTATION.c.created_us.desc(), ANNOTATION.c.id.desc()).limit(1)
    place: Mapping[str, Any] = dict.fromkeys(("side", "pointer", "within", "start", "end"))
    if review.place is not None:
        place = asdict(review.place)
    row = {
        "id": new_id(),
        "tenant": span.tenant,
        "span_id": span_id,
        "finding": review.finding,
        "verdict": review.verdict,
        "note": review.note.replace("\0", "�"),
        "author": review.author,
        "created_us": time.time_ns() // 1000,
        "supersedes": connection.execute(newest).scalar(),
        "tags": orjson.dumps(sorted({*review.tags})).decode() if review.tags else None,
        **place,
        "entity": review.entity,
        "item_id": review.item_id,
        "job_id": review.job_id,
    }
    connection.execute(ANNOTATION.insert(), [row])
    return row


def add_review(
    store: Store, span_id: str, review: NewReview, tenant: str | None = None
) -> dict[str, Any] | None:
    """Keep a judgement and note the act; returns it as `reviews` lists it, or None when there is no such trace.

    Raises ReviewError.
    """
    with store.begin() as connection:
        row = judge(connection, span_id, review, tenant)
        if row is None:
            return None
        note(connection, Act(review.author, "review.add", row["id"], told(row), row["tenant"]))
    return {**row, "tags": sorted({*review.tags}), "superseded": False}


def add_reviews(
    store: Store, span_id: str, given: Sequence[NewReview], tenant: str | None = None
) -> list[dict[str, Any]] | None:
    """Keep some judgements on one trace, all or none, and note the acts; None when there is no such trace.

    Raises ReviewError.
    """
    with store.begin() as connection:
        rows = [row for each in given if (row := judge(connection, span_id, each, tenant)) is not None]
        note_all(
            connection,
            [Act(row["author"], "review.add", row["id"], told(row), row["tenant"]) for row in rows],
        )
    return rows if rows or not given else None


def withdraw(store: Store, id: str, author: str, span_id: str | None = None) -> bool:
    """Take a judgement of the author's back, if it still stands (on this trace); returns whether it did.

    Raises ReviewError for one of a queue's review, which counts as a whole.
    """
    with store.begin() as connection:
        query = select(ANNOTATION.c.span_id, ANNOTATION.c.item_id).where(
            ANNOTATION.c.id == id, ANNOTATION.c.author == author
        )
        said = connection.execute(query).first()
        if said is None or span_id not in (None, said.span_id):
            return False
        if said.item_id is not None:
            raise ReviewError(OF_QUEUE)
        row = take_back(connection, id, author)
        if row is None:
            return False
        note(connection, Act(author, "review.withdraw", row["id"], told(row), row["tenant"]))
    return True


def withdraw_since(
    store: Store, span_id: str, author: str, since_us: int, tenant: str | None = None
) -> list[str]:
    """Take back what an author said of a trace from a moment on and what still stands; ids of what was taken back."""
    said = select(ANNOTATION.c.id).where(
        ANNOTATION.c.span_id == span_id,
        ANNOTATION.c.author == author,
        ANNOTATION.c.created_us >= since_us,
        ANNOTATION.c.verdict != WITHDRAWN,
        # A review of a queue is taken back as a whole, with its item: `proxy.store.reopening`.
        ANNOTATION.c.item_id.is_(None),
    )
    if tenant is not None:
        said = said.where(ANNOTATION.c.tenant == tenant)
    with store.begin() as connection:
        rows = [take_back(connection, id, author) for id in connection.execute(said).scalars().all()]
        gone = [row for row in rows if row is not None]
        note_all(
            connection, [Act(author, "review.withdraw", row["id"], told(row), row["tenant"]) for row in gone]
        )
    return [row["supersedes"] for row in gone]


def take_back(
    connection: Connection, id: str, author: str, job_id: str | None = None
) -> dict[str, Any] | None:
    """`withdraw` on a connection of `Store.begin`, not noted; the row that says so, or None."""
    later = ANNOTATION.alias()
    replaced = select(later.c.id).where(later.c.supersedes == id).exists()
    query = select(ANNOTATION).where(
        ANNOTATION.c.id == id,
        ANNOTATION.c.author == author,
        ANNOTATION.c.verdict != WITHDRAWN,
        ~replaced,
    )
    found = connection.execute(query).mappings().first()
    if found is None:
        return None
    row = {
        **found,
        "id": new_id(),
        "verdict": WITHDRAWN,
        "note": "",
        "tags": None,
        "created_us": time.time_ns() // 1000,
        "supersedes": id,
        "job_id": job_id,
    }
    connection.execute(ANNOTATION.insert(), [row])
    return row


def reviews(store: Store, span_id: str) -> list[dict[str, Any]]:
    """The judgements on a trace, oldest first; `superseded` marks those their author has since replaced."""
    with store.read() as connection:
        return reviews_of(connection, [span_id]).get(span_id, [])


def told(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log keeps of a judgement: no note."""
    return {name: row[name] for name in ("span_id", "finding", "verdict", "supersedes")}


def _check(review: NewReview, findings: int) -> None:
    if review.verdict not in VERDICTS:
        raise ReviewError(f"verdict is not one of {', '.join(VERDICTS)}.")
    if review.finding is not None and not 0 <= review.finding < findings:
        raise ReviewError(f"finding is {review.finding}, but the trace has {findings} (counted from 0).")
    unknown = sorted({*review.tags} - {*TAGS})
    if unknown:
        raise ReviewError(f"tags takes {', '.join(TAGS)}.")
    if review.place is None:
        return
    if review.verdict != "missed" or review.finding is not None:
        raise ReviewError("place goes with the verdict missed alone, and with no finding.")
    if not 0 <= review.place.start < review.place.end:
        raise ReviewError("place takes a start from 0, and an end after it.")


def _same(span_id: str, review: NewReview) -> list[ColumnElement[bool]]:
    """The author's judgements on the same thing: the trace, one finding, or one place."""
    place = review.place
    bounds = (None, None, None) if place is None else (place.pointer, place.start, place.end)
    columns = (ANNOTATION.c.pointer, ANNOTATION.c.start, ANNOTATION.c.end)
    return [
        ANNOTATION.c.span_id == span_id,
        ANNOTATION.c.author == review.author,
        ANNOTATION.c.finding.is_not_distinct_from(review.finding),
        *(column.is_not_distinct_from(value) for column, value in zip(columns, bounds, strict=True)),
        ANNOTATION.c.within.is_not_distinct_from(None if place is None else place.within),
        ANNOTATION.c.side.is_not_distinct_from(None if place is None else place.side),
    ]
