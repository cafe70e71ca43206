"""What people wrote that belongs to no trace: found by the words in it, and erased with who or what they name.

Comments on groups, saved filters, bulk jobs, queues, and the filters that items were chosen by. No legal hold covers
them: holds name traces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Table, select

from proxy.store.bulk import RUNS
from proxy.store.filter_text import FilterError, Term
from proxy.store.filters import parse
from proxy.store.tables_review import BULK, COMMENT, ITEM, QUEUE, VIEW

NOTHING = "trace:erased"
"""The filter in place of one that was erased: no trace is in it."""
_WHY = "What it was asked for was erased."
_TEXTS: Mapping[Table, tuple[str, ...]] = {
    COMMENT: ("text",),
    VIEW: ("name", "filter"),
    BULK: ("filter", "detail"),
    QUEUE: ("name", "filter"),
    ITEM: ("filter",),
}
"""The columns with what somebody wrote."""
_KEY: Mapping[Table, str] = {table: "filter" if table is ITEM else "id" for table in _TEXTS}
"""The column that a row is known by: items have the filter of their queue, many the same."""
_BY_NAME = {table.name: table for table in _TEXTS}

Place = tuple[str, str]
"""A table, and the key of rows in it."""
Says = Callable[[Mapping[Any, Any], Sequence[str]], bool]


def saying(connection: Connection, tenant: str, texts: Sequence[str]) -> tuple[Place, ...]:
    """Where one of some texts stands, in capitals or not."""
    wanted = [text.strip().casefold() for text in texts if text.strip()]

    def says(row: Mapping[Any, Any], columns: Sequence[str]) -> bool:
        told = " ".join(_plain(name, row[name]) for name in columns).casefold()
        return any(text in told for text in wanted)

    return tuple(_found(connection, tenant, says)) if wanted else ()


def naming(connection: Connection, tenant: str, field: str, name: str) -> tuple[Place, ...]:
    """Filters that ask for a session or subject of this name, and no other."""

    def says(row: Mapping[Any, Any], columns: Sequence[str]) -> bool:
        return "filter" in columns and _asks(row["filter"], field, name.strip())

    return tuple(_found(connection, tenant, says))


def erase(connection: Connection, tenant: str, places: Sequence[Place]) -> dict[str, int]:
    """Erase what stands there of a tenant; how many rows, by table. Jobs under way end, queues take nothing more."""
    now, counts = time.time_ns() // 1000, dict[str, int]()
    for name, key in places:
        table = _BY_NAME[name]
        own = (table.c[_KEY[table]] == key, table.c.tenant == tenant)
        for row in connection.execute(select(table).where(*own)).mappings().all():
            one = table.c.id == row["id"]
            done = table.delete() if table is VIEW else table.update().values(_without(table, row, now))
            counts[name] = counts.get(name, 0) + connection.execute(done.where(one)).rowcount
    return counts


def rows(connection: Connection, places: Sequence[Place]) -> Iterator[dict[str, Any]]:
    """What stands there, each row with its table as `kind`, a job's own kind as `job`. Items tell nothing of theirs."""
    for name, key in places:
        table = _BY_NAME[name]
        if table is not ITEM:
            row = connection.execute(select(table).where(table.c.id == key)).mappings().first()
            if row is not None:
                yield {**row, "kind": name, **({"job": row["kind"]} if table is BULK else {})}


def _found(connection: Connection, tenant: str, says: Says) -> Iterator[Place]:
    for table, columns in _TEXTS.items():
        key = table.c[_KEY[table]]
        query = select(key.label("key"), *(table.c[name] for name in columns)).where(table.c.tenant == tenant)
        if table is COMMENT:
            query = query.where(COMMENT.c.span_id.is_(None))
        for row in connection.execute(query.distinct()).mappings().all():
            if says(row, columns):
                yield str(table.name), row["key"]


def _plain(column: str, text: str) -> str:
    """A text as it was written: not as JSON or a filter spells it."""
    if column == "detail":
        return " ".join(map(str, orjson.loads(text).values()))
    if column == "filter":
        return " ".join((text, *("*".join(value) for term in _terms(text) for value in term.values)))
    return text


def _asks(filter: str, field: str, name: str) -> bool:
    return any(term.field == field and (name,) in term.values for term in _terms(filter))


def _terms(filter: str) -> Sequence[Term]:
    try:
        return parse(filter).terms
    except FilterError:
        return ()


def _without(table: Table, row: Mapping[Any, Any], now: int) -> dict[str, Any]:
    """The columns of a row from which the words are gone."""
    if table is COMMENT:
        return {"text": "", "deleted_us": row["deleted_us"] or now}
    if table is QUEUE:
        return {"name": f"erased-{row['id']}", "filter": NOTHING, "closed_us": row["closed_us"] or now}
    if table is BULK:
        detail = {**orjson.loads(row["detail"]), "note": ""}
        kept = {"filter": NOTHING if row["filter"] else "", "detail": orjson.dumps(detail).decode()}
        ended = {"state": "cancelled", "worker": None, "why": _WHY, "ended_us": now}
        return kept | (ended if row["state"] in RUNS else {})
    return {"filter": NOTHING}
