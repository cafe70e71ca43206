"""How many traces of a filter are newer than a list: a small number, cheaply."""

from __future__ import annotations

from sqlalchemy import func, select

from proxy.store.db import Store
from proxy.store.deadline import Late, timed
from proxy.store.filters import Filter, where
from proxy.store.tables import SPAN

NEWER_S = 0.15
"""Seconds that counting may take."""
MOST = 100
"""More are told as so many."""


def newer(store: Store, filter: Filter, since_us: int) -> int:
    """Traces of a filter that started after a moment, at most MOST; 0 when they cannot be counted in time."""
    conditions = where(filter, store.key, search=store.search)
    some = select(SPAN.c.id).where(*conditions, SPAN.c.started_us > since_us).limit(MOST).subquery()
    try:
        with timed(store, NEWER_S) as clock:
            return int(clock.rows(select(func.count().label("n")).select_from(some))[0]["n"])
    except Late:
        return 0
