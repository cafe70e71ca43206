"""What was used, and what it cost: sums over the traces of callers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func, select

from proxy.key_terms import told_time
from proxy.store.db import Store
from proxy.store.queries import QueryError
from proxy.store.tables import API_KEY, SPAN

BY = ("key", "team", "model", "day")
"""What sums can be asked for by."""
_DAY_US = 86_400_000_000
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which traces are summed, and by what."""

    by: str = "key"
    since_us: int | None = None
    """Started at or after, microseconds UTC."""
    until_us: int | None = None
    """Started before."""
    tenant: str | None = None


def usage(store: Store, asked: Asked) -> list[dict[str, Any]]:
    """One row for each key, team, model or day (UTC), the dearest first, days in order; at most 1,000.

    Each has `requests`, `tokens_in`, `tokens_out`, `cost_nanousd` (the sum of what is known) and `cost_unknown`: how
    many of the requests cost what nobody knows. Shadows, and requests for objects that a provider keeps, are left out.
    Raises QueryError for a `by` that is none.
    """
    if asked.by not in BY:
        raise QueryError(f"by takes one of {', '.join(BY)}.")
    group = _group(asked.by)
    cost = func.coalesce(func.sum(SPAN.c.cost_nanousd), 0).label("cost_nanousd")
    query = (
        select(
            group.label("group"),
            func.count().label("requests"),
            func.coalesce(func.sum(SPAN.c.tokens_in), 0).label("tokens_in"),
            func.coalesce(func.sum(SPAN.c.tokens_out), 0).label("tokens_out"),
            cost,
            func.sum(case((SPAN.c.cost_nanousd.is_(None), 1), else_=0)).label("cost_unknown"),
        )
        .where(*_conditions(asked))
        .group_by(group)
        .order_by(group if asked.by == "day" else cost.desc(), group)
        .limit(_MOST)
    )
    with store.read() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
        names = {row.id: row.name for row in connection.execute(select(API_KEY.c.id, API_KEY.c.name))}
    return [_told(asked.by, row, names) for row in rows]


def _group(by: str) -> ColumnElement[Any]:
    if by == "day":
        return SPAN.c.started_us - SPAN.c.started_us % _DAY_US
    return {"key": SPAN.c.key_id, "team": SPAN.c.team, "model": SPAN.c.model}[by]


def _conditions(asked: Asked) -> list[ColumnElement[bool]]:
    # What stands in braces is an object that was paid for when it was made.
    found: list[ColumnElement[bool]] = [SPAN.c.shadow_of.is_(None), SPAN.c.path.not_like("%{%")]
    if asked.since_us is not None:
        found.append(SPAN.c.started_us >= asked.since_us)
    if asked.until_us is not None:
        found.append(SPAN.c.started_us < asked.until_us)
    if asked.tenant is not None:
        found.append(SPAN.c.tenant == asked.tenant)
    return found


def _told(by: str, row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    group = row.pop("group")
    told = {by: told_time(group)[:10] if by == "day" else group}
    if by == "key":
        told["name"] = names.get(group)
    # PostgreSQL sums whole numbers into decimals.
    return {**told, **{name: int(value) for name, value in row.items()}}
