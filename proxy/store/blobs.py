"""Reads blobs: bytes that retention, an erasure or a deleted key took away are missing, not an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, select

from proxy.store import bodies
from proxy.store.bodies import Keys
from proxy.store.data_keys import Shredded
from proxy.store.tables import BLOB

_PARAMETERS = 500
"""Values in one IN list."""

Texts = Mapping[str, bytes]
"""Bytes by blob id; what is gone is not in it."""


def read_blobs(connection: Connection, keys: Keys, ids: Iterable[str]) -> dict[str, bytes]:
    """The bytes of some blobs by id, without those that are gone. Raises ValueError for one that was changed."""
    wanted = sorted(ids)
    found: dict[str, bytes] = {}
    for first in range(0, len(wanted), _PARAMETERS):
        query = select(BLOB).where(BLOB.c.id.in_(wanted[first : first + _PARAMETERS]))
        for row in connection.execute(query).mappings().all():
            try:
                found[row["id"]] = bodies.unpack(dict(row), keys)
            except Shredded:
                continue
    return found


def text_of(texts: Texts, id: str | None) -> str | None:
    """A blob's text; None for no id, and for one that is gone."""
    data = None if id is None else texts.get(id)
    return None if data is None else data.decode("utf-8", "surrogatepass")
