"""Which objects at providers a key made: read from the traces of their making."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, select
from sqlalchemy.exc import SQLAlchemyError

from proxy.store.db import Store, StoreError
from proxy.store.tables import SPAN


class Maker(NamedTuple):
    """Who asks for objects, and on which route they are made."""

    tenant: str
    key_id: str
    path: str
    """Route whose replies they are, e.g. `/v1/responses`."""


class Made(NamedTuple):
    """Where an object was made."""

    deployment: str
    """Id of the deployment that keeps it."""
    model: str
    """Alias that was asked for."""


def made(store: Store, maker: Maker, ids: Sequence[str]) -> dict[str, Made]:
    """Where each of these objects was made that this key made on this route; of two with one id, the newer.

    At most a few hundred ids. Raises StoreError when the database does not answer.
    """
    query = (
        select(SPAN.c.object_id, SPAN.c.deployment, SPAN.c.model)
        .where(SPAN.c.object_id.in_(ids), SPAN.c.key_id == maker.key_id)
        .where(SPAN.c.tenant == maker.tenant, SPAN.c.path == maker.path)
        .order_by(SPAN.c.started_us, SPAN.c.id)
    )
    return {row.object_id: Made(row.deployment, row.model) for row in _rows(store, query)}


def makers(store: Store, path: str, id: str) -> set[Maker]:
    """Whoever made an object of that id on that route. Raises StoreError when the database does not answer."""
    query = select(SPAN.c.tenant, SPAN.c.key_id).where(SPAN.c.object_id == id, SPAN.c.path == path).distinct()
    return {Maker(row.tenant, row.key_id, path) for row in _rows(store, query)}


def _rows(store: Store, query: Select[Any]) -> Sequence[Row[Any]]:
    try:
        with store.read() as connection:
            return connection.execute(query).all()
    except SQLAlchemyError as error:
        raise StoreError(f"the database does not answer ({type(error).__name__}).") from None
