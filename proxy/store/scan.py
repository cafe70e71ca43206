"""The first traces of a filter, in time: all at once where an index leads to them, else window by window.

A filter that no index serves may have to look at every trace there is. When that takes too long, the list is read
in windows of time, each wider than the one before, until there are enough or the time is over. What was found until
then is the answer, marked, with the place from where to go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, select, tuple_

from proxy.store.deadline import Late, Timed
from proxy.store.filters import EVERYTHING, FOREVER_US, Filter, between, bounds, phrases, where
from proxy.store.sql import unindexed
from proxy.store.tables import SPAN
from proxy.store.texts import nth

WHOLE_SHARE = 0.5
"""Part of the time in which an index may lead to the answer."""
FIRST_WINDOW = 1_000
"""Traces in the first window; of a text search, traces that say it."""
WIDER = 4
FIRST_ID = "0"
"""Less than any id: they are hexadecimal and longer."""

ORDER: tuple[ColumnElement[Any], ColumnElement[Any]] = (SPAN.c.started_us, SPAN.c.id)
Place = tuple[int, str]
"""Start and id of a trace."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which traces to read."""

    filter: Filter
    key: bytes
    search: bool
    place: Place | None = None
    """Where to begin: only what lies beyond is read."""
    upward: bool = False
    """From older to newer."""

    def narrowed(self, query: Select[Any], window: Filter = EVERYTHING) -> Select[Any]:
        """A query on SPAN for these traces alone, in their order."""
        conditions = where(self.filter + window, self.key, search=self.search)
        if self.place is not None:
            here, place = tuple_(*ORDER), tuple_(*self.place)
            conditions.append(here > place if self.upward else here < place)
        # What a window's texts name is little: SQLite shall begin with it, and not with what is newest.
        order = [unindexed(column) for column in ORDER] if phrases(self.filter) else ORDER
        return query.where(*conditions).order_by(*(c.asc() if self.upward else c.desc() for c in order))


@dataclass(frozen=True, slots=True)
class Found:
    """Some rows, in order."""

    rows: list[dict[str, Any]]
    searched_to: int | None = None
    """Start of the last trace that was surely looked at, when the time was over; None when not even one was."""
    partial: bool = False
    """Whether the time was over before all was looked at."""


def first(timed: Timed, asked: Asked, query: Select[Any], most: int) -> Found:
    """The first rows of a query on SPAN that are in a filter, at most so many."""
    if not (timed.sqlite and phrases(asked.filter)):
        # SQLite would look up every trace that says a text: there, windows are the way.
        try:
            return Found(timed.rows(asked.narrowed(query).limit(most), WHOLE_SHARE))
        except Late:
            pass
    rows: list[dict[str, Any]] = []
    searched: int | None = None
    try:
        for low, high in _windows(timed, asked):
            rows += timed.rows(asked.narrowed(query, between(low, high)).limit(most - len(rows)))
            searched = high if asked.upward else low
            if len(rows) >= most:
                break
    except Late:
        return Found(rows, searched, partial=True)
    return Found(rows)


def _windows(timed: Timed, asked: Asked) -> Iterator[tuple[int | None, int | None]]:
    """Times between which to look, one after the other; the last is open at its far end."""
    low, high = bounds(asked.filter)
    near = low if asked.upward else high
    if asked.place is not None:
        # Nothing lies before the id with which a list goes on that ran out of time.
        us = asked.place[0] + (asked.place[1] != FIRST_ID)
        near = max(low, asked.place[0]) if asked.upward else min(high, us)
    size = FIRST_WINDOW
    while True:
        with timed.limited():
            far = _far(timed, asked, near, size)
        if far is None or not low < far < high:
            yield (near, None) if asked.upward else (None, near if near < FOREVER_US else None)
            return
        yield (near, far) if asked.upward else (far, near if near < FOREVER_US else None)
        near, size = far, size * WIDER


def _far(timed: Timed, asked: Asked, near: int, size: int) -> int | None:
    """Where the window ends that begins there, so that it has about so many traces; None when there are fewer."""
    sought = phrases(asked.filter)
    if timed.sqlite and sought:
        return nth(timed.connection, sought, near, size, asked.upward)
    beyond = SPAN.c.started_us > near if asked.upward else SPAN.c.started_us < near
    order = SPAN.c.started_us.asc() if asked.upward else SPAN.c.started_us.desc()
    query = select(SPAN.c.started_us).where(beyond).order_by(order).limit(1).offset(size)
    found: int | None = timed.connection.execute(query).scalar()
    return found
