"""Which traces that something else names are still there, which were erased, and what those that are there cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from proxy.store.db import Store
from proxy.store.outside import chunks
from proxy.store.tables import SPAN
from proxy.store.tables_governance import ERASED_TRACE


@dataclass(frozen=True, slots=True)
class Present:
    """What became of some traces."""

    there: frozenset[str]
    erased: frozenset[str]
    """Of those that are gone, the ones that an erasure took; retention took the others, or they were never here."""
    cost_nanousd: int | None
    """Of those that are there and whose cost is known; None where none is."""


def present(store: Store, ids: Iterable[str], tenant: str | None = None) -> Present:
    """What became of the traces with these ids, of one tenant where it is named."""
    there: set[str] = set()
    erased: set[str] = set()
    costs: list[int] = []
    with store.read() as connection:
        for some in chunks(ids):
            query = select(SPAN.c.id, SPAN.c.cost_nanousd).where(SPAN.c.id.in_(some))
            for row in connection.execute(query if tenant is None else query.where(SPAN.c.tenant == tenant)):
                there.add(row.id)
                costs += [row.cost_nanousd] if row.cost_nanousd is not None else []
            gone = select(ERASED_TRACE.c.span_id).where(ERASED_TRACE.c.span_id.in_(some))
            erased.update(connection.execute(gone).scalars())
    return Present(frozenset(there), frozenset(erased - there), sum(costs) if costs else None)
