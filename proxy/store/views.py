"""Saved views: filters with a name, for everybody of a tenant."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import func, select

from proxy.exchange import new_id
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.filters import parse
from proxy.store.tables_review import VIEW

LONGEST_NAME = 60
"""Characters of a name."""
MOST = 100
"""Views of one tenant."""


class ViewError(ValueError):
    """A view that cannot be saved. The message says why."""


@dataclass(frozen=True, slots=True)
class View:
    """A filter with a name."""

    id: str
    tenant: str
    name: str
    filter: str
    actor: str
    created_us: int


def save(store: Store, tenant: str, name: str, filter: str, actor: str) -> View:
    """Give a filter a name. Raises ViewError, and FilterError for a filter that means nothing."""
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ViewError(f"name takes 1 to {LONGEST_NAME} printable characters.")
    parse(filter)
    view = View(new_id(), tenant, name, filter.strip(), actor, time.time_ns() // 1000)
    row = {field: getattr(view, field) for field in view.__slots__}
    own = VIEW.c.tenant == tenant
    with store.begin() as connection:
        if connection.execute(select(func.count()).where(own)).scalar_one() >= MOST:
            raise ViewError(f"There are {MOST} saved views. Delete one first.")
        new = store.insert_or_ignore(VIEW).values(row).returning(VIEW.c.id)
        if connection.execute(new).first() is None:
            raise ViewError("There is a saved view of this name. Take another, or delete that one first.")
        note(connection, Act(actor, "view.save", view.id, {}, tenant))
    return view


def views(store: Store, tenant: str | None) -> list[View]:
    """The views of a tenant, or every one's, by name."""
    own = [] if tenant is None else [VIEW.c.tenant == tenant]
    query = select(VIEW).where(*own).order_by(func.lower(VIEW.c.name), VIEW.c.id).limit(MOST)
    with store.read() as connection:
        return [View(**row) for row in connection.execute(query).mappings()]


def view(store: Store, id: str, tenant: str | None) -> View | None:
    """One of them; None when there is none with this id."""
    own = [] if tenant is None else [VIEW.c.tenant == tenant]
    with store.read() as connection:
        row = connection.execute(select(VIEW).where(VIEW.c.id == id, *own)).mappings().first()
    return None if row is None else View(**row)


def delete(store: Store, id: str, tenant: str | None, actor: str) -> bool:
    """Forget a view; returns whether it was there."""
    own = [] if tenant is None else [VIEW.c.tenant == tenant]
    with store.begin() as connection:
        found = connection.execute(select(VIEW.c.tenant).where(VIEW.c.id == id, *own)).scalar()
        if found is None or not connection.execute(VIEW.delete().where(VIEW.c.id == id)).rowcount:
            return False
        note(connection, Act(actor, "view.delete", id, {}, found))
    return True
