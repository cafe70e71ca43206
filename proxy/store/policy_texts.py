"""The texts of policies that were in force, once for each revision: what a label on an old trace meant."""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select

from proxy.store import bodies
from proxy.store.data_keys import Shredded
from proxy.store.db import Store
from proxy.store.tables_review import POLICY_TEXT
from proxy.store.tables_rollups import ROLLUP_HOUR

_PREFIX = "policy/"
_MOST_VERSIONS = 50


class File(NamedTuple):
    """One file of a policy."""

    name: str
    text: str


def keep(store: Store, found: Mapping[str, Sequence[File]]) -> None:
    """Keep the files of policies by their labels, those that are not kept yet."""
    there = readable(store, list(found))
    now = time.time_ns() // 1000
    rows = []
    for label in sorted(found.keys() - there.keys()):
        packed = zlib.compress(bodies.encode([[*file] for file in found[label]]), 6)
        key_id, sealed = store.keys.encrypt("content", now, f"{_PREFIX}{label}", packed)
        rows.append({"id": label, "tenant": "", "files": sealed, "key_id": key_id, "created_us": now})
    if not rows:
        return
    with store.begin() as connection:
        # One whose key was deleted is written anew.
        connection.execute(POLICY_TEXT.delete().where(POLICY_TEXT.c.id.in_([row["id"] for row in rows])))
        connection.execute(store.insert_or_ignore(POLICY_TEXT), rows)


def readable(store: Store, labels: Sequence[str]) -> dict[str, list[File]]:
    """The files of some policies by label; one that is not kept, or not readable any more, is left out."""
    with store.read() as connection:
        query = select(POLICY_TEXT).where(POLICY_TEXT.c.id.in_(labels))
        rows = connection.execute(query).mappings().all()
    found = {}
    for row in rows:
        try:
            packed = store.keys.decrypt(row["key_id"], f"{_PREFIX}{row['id']}", bytes(row["files"]))
        except Shredded:
            continue
        found[row["id"]] = [File(name, text) for name, text in bodies.decode(zlib.decompress(packed))]
    return found


def versions(store: Store, name: str, tenant: str | None) -> list[dict[str, Any]]:
    """The revisions of a policy that judged traffic, the newest first, to the hour."""
    table = ROLLUP_HOUR
    query = (
        select(
            table.c.policy.label("label"),
            func.min(table.c.hour_us).label("first_us"),
            func.max(table.c.hour_us).label("last_us"),
            func.sum(table.c.n).label("traces"),
        )
        .where(table.c.policy.startswith(f"{name}@", autoescape=True), table.c.shadow.is_(False))
        .where(*([] if tenant is None else [table.c.tenant == tenant]))
        .group_by(table.c.policy)
        .order_by(func.max(table.c.hour_us).desc(), table.c.policy)
        .limit(_MOST_VERSIONS)
    )
    with store.read() as connection:
        return [{**row, "traces": int(row["traces"])} for row in connection.execute(query).mappings()]
