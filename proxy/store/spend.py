"""What traces that go were charged with, kept by day and key: budgets count it although the traces are gone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects import postgresql, sqlite

from proxy.store.tables import SPAN
from proxy.store.tables_rollups import SPEND_DAY

_DAY_US = 86_400_000_000


def carry(connection: Connection, which: ColumnElement[bool]) -> None:
    """Keep what some traces were charged with; call it in the transaction that deletes them, before it does."""
    day = SPAN.c.started_us - SPAN.c.started_us % _DAY_US
    key = (day, SPAN.c.tenant, func.coalesce(SPAN.c.team, ""), func.coalesce(SPAN.c.key_id, ""))
    charged = func.sum(func.coalesce(SPAN.c.charged_nanousd, SPAN.c.cost_nanousd))
    # A shadow is the operator's own.
    query = select(*key, charged).where(which, SPAN.c.shadow_of.is_(None)).group_by(*key)
    names = [column.name for column in SPEND_DAY.columns]
    # PostgreSQL sums whole numbers into decimals.
    rows: list[dict[str, Any]] = [
        dict(zip(names, (*found[:-1], int(found[-1])), strict=True))
        for found in connection.execute(query)
        if found[-1]
    ]
    if rows:
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(SPEND_DAY)
        more = SPEND_DAY.c.nanousd + insert.excluded.nanousd
        added = insert.on_conflict_do_update(index_elements=names[:-1], set_={"nanousd": more})
        connection.execute(added, rows)
