"""Finds the traces in which a text stands, by decrypting and reading everything that is stored. Slow, and sure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, func, or_, select

from proxy.store import bodies, candidates
from proxy.store.belongings import AT_ONCE, users
from proxy.store.data_keys import Shredded
from proxy.store.db import Store
from proxy.store.outside import exchanges_of
from proxy.store.tables import ANNOTATION, BLOB, OUTSIDE_SPAN, RETRIEVAL_HIT, SPAN, TOOL_CALL
from proxy.store.tables_review import CANDIDATE, COMMENT

_PLAIN = (
    (SPAN, "id", ("preview", "error_message", "error_param", "detail", "tags")),
    (ANNOTATION, "span_id", ("note",)),
    (COMMENT, "span_id", ("text",)),
    (TOOL_CALL, "span_id", ("name", "call_id")),
    (RETRIEVAL_HIT, "span_id", ("doc_id",)),
    (OUTSIDE_SPAN, "id", ("name", "service")),
)
"""Columns that hold a text of an exchange, or about one."""


def spans_saying(store: Store, tenant: str, texts: Iterable[str]) -> set[str]:
    """Ids of a tenant's traces in which one of some texts stands, in capitals or not."""
    wanted = [text.strip().lower() for text in texts if text.strip()]
    if not wanted:
        return set()
    needles = [spelling for text in wanted for spelling in _spellings(text)]
    owners: set[str] = set()
    with store.read() as connection:
        blobs = set(_blobs(store, connection, tenant, needles))
        owners.update(owner for _, owner in users(connection, blobs))
        owners.update(_labelled(store, connection, tenant, needles))
        for table, owner, columns in _PLAIN:
            says = [
                func.lower(table.c[name]).contains(text, autoescape=True)
                for name in columns
                for text in wanted
            ]
            owners.update(
                connection.execute(
                    select(table.c[owner]).where(
                        table.c.tenant == tenant, table.c[owner].is_not(None), or_(*says)
                    )
                ).scalars()
            )
        return owners | exchanges_of(connection, owners)


def _spellings(text: str) -> set[bytes]:
    """A text as it is, as JSON writes it, and as JSON writes that inside a string."""
    found, last = {text}, {text}
    for _ in range(2):
        last = {json.dumps(one, ensure_ascii=plain)[1:-1].lower() for one in last for plain in (True, False)}
        found |= last
    return {one.encode("utf-8", "surrogatepass") for one in found}


def _labelled(store: Store, connection: Connection, tenant: str, needles: list[bytes]) -> Iterator[str]:
    """Traces of which a reviewer expects something that says so."""
    rows = connection.execute(select(CANDIDATE).where(CANDIDATE.c.tenant == tenant)).mappings().all()
    for one in (candidates.read(store.keys, dict(row)) for row in rows):
        said = bodies.encode(one.labels or {}).lower()
        if any(needle in said for needle in needles):
            yield one.span_id


def _blobs(store: Store, connection: Connection, tenant: str, needles: list[bytes]) -> Iterator[str]:
    last = ""
    while True:
        page = (
            select(BLOB).where(BLOB.c.tenant == tenant, BLOB.c.id > last).order_by(BLOB.c.id).limit(AT_ONCE)
        )
        rows = connection.execute(page).mappings().all()
        for row in rows:
            try:
                said = bodies.unpack(dict(row), store.keys).lower()
            except Shredded:
                continue
            if any(needle in said for needle in needles):
                yield row["id"]
        if len(rows) < AT_ONCE:
            return
        last = rows[-1]["id"]
