"""Where a trace stands in its run: the steps just before and after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_

from proxy.store import rows
from proxy.store.db import Store
from proxy.store.tables import SPAN

EACH = 20
"""Steps before a trace, and after it, that are told."""
_ORDER = (SPAN.c.started_us, SPAN.c.id)


@dataclass(frozen=True, slots=True)
class Steps:
    """A trace among the steps of its run. Shadows are no steps."""

    before: list[dict[str, Any]]
    """Summaries, oldest first."""
    after: list[dict[str, Any]]
    place: int
    """How many steps are before it."""
    total: int

    @property
    def previous(self) -> str | None:
        """Id of the step just before it."""
        return self.before[-1]["id"] if self.before else None


def around(store: Store, trace: Mapping[str, Any]) -> Steps | None:
    """The steps around a trace; None when it belongs to no run, or is the only one, or a shadow."""
    if not trace["run_id"] or trace["shadow_of"]:
        return None
    here = tuple_(trace["started_us"], trace["id"])
    mine = (SPAN.c.run_id == trace["run_id"], SPAN.c.tenant == trace["tenant"], SPAN.c.shadow_of.is_(None))
    older: ColumnElement[bool] = tuple_(*_ORDER) < here
    newer: ColumnElement[bool] = tuple_(*_ORDER) > here
    with store.read() as connection:
        total = connection.execute(select(func.count()).where(*mine)).scalar_one()
        if total < 2:
            return None
        down = select(SPAN).where(*mine, older).order_by(*(column.desc() for column in _ORDER)).limit(EACH)
        up = select(SPAN).where(*mine, newer).order_by(*_ORDER).limit(EACH)
        before = [rows.summary(dict(row)) for row in connection.execute(down).mappings()]
        after = [rows.summary(dict(row)) for row in connection.execute(up).mappings()]
        place = len(before)
        if place == EACH:
            place = connection.execute(select(func.count()).where(*mine, older)).scalar_one()
    return Steps(before[::-1], after, place, total)
