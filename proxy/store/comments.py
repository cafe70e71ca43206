"""What people say to one another about a trace, or about a group of findings. Oldest first, bounded.

A comment is not changed; its author may delete it: its text goes, that there was one stays.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from proxy.exchange import new_id
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.tables import SPAN
from proxy.store.tables_review import COMMENT, GROUP

LONGEST = 4_000
"""Characters of one comment."""
MOST = 500
"""Comments on one trace or group."""


class CommentError(ValueError):
    """A comment that cannot be kept. The message begins with the name of what is wrong with it."""


@dataclass(frozen=True, slots=True)
class About:
    """What a comment is on: a trace or a group."""

    span_id: str | None = None
    group_id: str | None = None

    @property
    def id(self) -> str:
        """Id of the trace or group."""
        return self.span_id or self.group_id or ""

    def mine(self) -> ColumnElement[bool]:
        """The condition of the comments on it."""
        return (
            COMMENT.c.group_id == self.group_id if self.span_id is None else COMMENT.c.span_id == self.span_id
        )


def add_comment(
    store: Store, about: About, author: str, text: str, tenant: str | None = None
) -> dict[str, Any] | None:
    """Keep a comment, after the guardrails; returns it as `comments` lists it, or None when there is nothing it is on.

    `tenant`: the only one whose traces and groups the author may see. Raises CommentError.
    """
    said = text.replace("\0", "\ufffd").strip()
    if not said:
        raise CommentError("text is empty.")
    if len(said) > LONGEST:
        raise CommentError(f"text is over {LONGEST} characters.")
    with store.begin() as connection:
        whose = _tenant(connection, about)
        if whose is None or tenant not in (None, whose):
            return None
        if connection.execute(select(func.count()).where(about.mine())).scalar_one() >= MOST:
            raise CommentError(f"text is comment {MOST + 1}: no more than {MOST} are kept on one thing.")
        row: dict[str, Any] = {
            "id": new_id(),
            "tenant": whose,
            "span_id": about.span_id,
            "group_id": about.group_id,
            "author": author,
            "text": said,
            "created_us": time.time_ns() // 1000,
            "deleted_us": None,
        }
        connection.execute(COMMENT.insert(), [row])
        note(connection, Act(author, "comment.add", row["id"], {"about": about.id}, whose))
    return row


def delete_comment(store: Store, id: str, author: str, tenant: str | None = None) -> bool:
    """Empty a comment of the author's; whether it was there and not deleted before."""
    own = (COMMENT.c.id == id, COMMENT.c.author == author, COMMENT.c.deleted_us.is_(None))
    with store.begin() as connection:
        found = connection.execute(select(COMMENT).where(*own)).mappings().first()
        if found is None or tenant not in (None, found["tenant"]):
            return False
        gone = COMMENT.update().where(*own).values(text="", deleted_us=time.time_ns() // 1000)
        if connection.execute(gone).rowcount == 0:
            return False
        about = str(found["span_id"] or found["group_id"])
        note(connection, Act(author, "comment.delete", id, {"about": about}, found["tenant"]))
    return True


def comments(
    store: Store, about: About, tenant: str | None = None, authors: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """The comments on a trace or group, oldest first, deleted ones without their text.

    `authors`: the only ones whose comments are told, for who may not see what others say.
    """
    with store.read() as connection:
        return comments_on(connection, about, tenant, authors)


def comments_on(
    connection: Connection, about: About, tenant: str | None = None, authors: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """`comments` on a connection."""
    query = select(COMMENT).where(about.mine()).order_by(COMMENT.c.created_us, COMMENT.c.id).limit(MOST)
    if tenant is not None:
        query = query.where(COMMENT.c.tenant == tenant)
    if authors is not None:
        query = query.where(COMMENT.c.author.in_(authors))
    return [dict(row) for row in connection.execute(query).mappings()]


def _tenant(connection: Connection, about: About) -> str | None:
    """Whose the trace or group is; None when there is none. A comment is stored only beside what it is on."""
    query = select(GROUP.c.tenant).where(GROUP.c.id == about.group_id)
    if about.span_id is not None:
        query = select(SPAN.c.tenant).where(SPAN.c.id == about.span_id)
    found: str | None = connection.execute(query).scalar()
    return found
