"""Blind review: until somebody has said what they think of a trace, they are not told what others said of it.

A trace hides the judgements of others from a reader while it waits for reviews in a blind queue, and the reader has not
submitted one: whether they have claimed it, or still may. What the reader said they always see.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select, true

from proxy.store.tables import ANNOTATION
from proxy.store.tables_review import ASSIGNMENT, ITEM, QUEUE

_MOST_IDS = 500
"""Values of one IN list."""


def hidden_from(connection: Connection, span_ids: Iterable[str], reader: str) -> set[str]:
    """The traces of these on which a reader must not see what others said."""
    ids = sorted({*span_ids})
    found: set[str] = set()
    for first in range(0, len(ids), _MOST_IDS):
        some = ITEM.c.span_id.in_(ids[first : first + _MOST_IDS])
        found.update(connection.execute(select(ITEM.c.span_id).where(some, _blind_to(reader))).scalars())
    return found


def jobs_hidden_from(connection: Connection, job_ids: Iterable[str], reader: str) -> set[str]:
    """The bulk jobs of these that said something which is kept from a reader."""
    own = and_(ANNOTATION.c.author != reader, ITEM.c.span_id == ANNOTATION.c.span_id, _blind_to(reader))
    said = select(ANNOTATION.c.job_id).where(ANNOTATION.c.job_id.in_([*job_ids]), exists().where(own))
    return set(connection.execute(said.distinct()).scalars())


def told_to(reader: str | None) -> ColumnElement[bool]:
    """The condition of judgements that a reader may see; None: whoever sees all."""
    if reader is None:
        return true()
    hidden = exists().where(ITEM.c.span_id == ANNOTATION.c.span_id, _blind_to(reader))
    return or_(ANNOTATION.c.author == reader, ~hidden)


def _blind_to(reader: str) -> ColumnElement[bool]:
    """Of items."""
    given = exists().where(
        ASSIGNMENT.c.item_id == ITEM.c.id, ASSIGNMENT.c.reviewer == reader, ASSIGNMENT.c.state == "submitted"
    )
    blind = exists().where(QUEUE.c.id == ITEM.c.queue_id, QUEUE.c.blind.is_(True))
    return and_(ITEM.c.state == "open", blind, ~given)
