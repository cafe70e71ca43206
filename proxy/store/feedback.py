"""Feedback: what somebody thought of a reply, and which exchange that was. Counts only from who made the exchange."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, exists, func, or_, select, true
from sqlalchemy.exc import SQLAlchemyError

from proxy.auth import ADMIN, ANYONE
from proxy.store.blobs import read_blobs, text_of
from proxy.store.bodies import Keys
from proxy.store.db import Store
from proxy.store.tables import API_KEY, FEEDBACK, SPAN


class Away(Exception):
    """The database does not answer."""


UP_FROM = 0.5
"""A value from which on feedback is `up`; below, it is `down`. Thumbs are 1 and 0."""
_MOST = 200


def _may_judge() -> ColumnElement[bool]:
    """Feedback from the key that made the exchange, or from an administrator's."""
    admins = select(API_KEY.c.id).where(API_KEY.c.admin.is_(True))
    return or_(
        FEEDBACK.c.key_id == SPAN.c.key_id,
        FEEDBACK.c.key_id.in_((ADMIN.key_id, ANYONE.key_id)),
        FEEDBACK.c.key_id.in_(admins),
    )


def judged_as(thought: str) -> ColumnElement[bool]:
    """The condition of traces that have feedback: `up`, `down` or `any`."""
    conditions = {"up": [FEEDBACK.c.value >= UP_FROM], "down": [FEEDBACK.c.value < UP_FROM], "any": []}
    return exists().where(FEEDBACK.c.target == SPAN.c.id, _may_judge(), *conditions[thought])


def feedback_on(connection: Connection, keys: Keys, ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The feedback on some exchanges by their id, oldest first, at most the first 200 on each.

    Each has its name, value, comment (None when none was kept), key and time.
    """
    order = (FEEDBACK.c.created_us, FEEDBACK.c.id)
    place = func.row_number().over(partition_by=FEEDBACK.c.target, order_by=order).label("place")
    told = select(FEEDBACK, place).join(SPAN, SPAN.c.id == FEEDBACK.c.target)
    told = told.where(FEEDBACK.c.target.in_(list(ids)), _may_judge())
    each = told.subquery()
    query = select(each).where(each.c.place <= _MOST).order_by(each.c.created_us, each.c.id)
    rows = connection.execute(query).mappings().all()
    texts = read_blobs(connection, keys, {row["comment_blob"] for row in rows if row["comment_blob"]})
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        thought = {name: row[name] for name in ("id", "name", "value", "key_id", "created_us")}
        found.setdefault(row["target"], []).append(
            {**thought, "comment": text_of(texts, row["comment_blob"])}
        )
    return found


@dataclass(frozen=True, slots=True)
class Target:
    """The exchange that feedback is about."""

    id: str
    model: str
    own: bool
    """Whether the caller may judge it."""


def find_target(
    store: Store, key_id: str | None, trace_id: str | None, response_id: str | None
) -> Target | None:
    """The exchange of this id, the last of this W3C trace, or the last with this reply; None when there is none yet.

    Raises Away.

    One that the key made goes before others. Shadows are nobody's. `key_id` None: any key's.
    """
    named = SPAN.c.response_id == response_id
    if trace_id is not None:
        named = or_(SPAN.c.id == trace_id, SPAN.c.trace_id == trace_id)
    own = SPAN.c.key_id == key_id if key_id is not None else true()
    order = (case((own, 1), else_=0), SPAN.c.id == trace_id, SPAN.c.started_us, SPAN.c.id)
    query = select(SPAN.c.id, SPAN.c.model, own).where(named, SPAN.c.shadow_of.is_(None))
    try:
        with store.read() as connection:
            found = connection.execute(query.order_by(*(each.desc() for each in order)).limit(1)).first()
    except SQLAlchemyError as error:
        raise Away(type(error).__name__) from None
    return None if found is None else Target(found[0], found[1], bool(found[2]))
