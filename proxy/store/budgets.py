"""What keys and teams have spent: the traces in the database say, and the days of those that are gone."""

from __future__ import annotations

from sqlalchemy import func, select

from proxy.store.db import Store
from proxy.store.tables import SPAN
from proxy.store.tables_rollups import SPEND_DAY


def spent(store: Store, scope: str, begins: int, ends: int | None, ended_before: int | None) -> int:
    """Billionths of a US dollar that a scope was charged with for exchanges which started from one time to another.

    Args:
        store: where the traces are.
        scope: `key:<id>` or `team:<tenant>/<name>`.
        begins: Unix seconds.
        ends: the same; None: no end.
        ended_before: leaves out what ended at this time or later.
    """
    kind, _, name = scope.partition(":")
    mine, gone = [SPAN.c.key_id == name], [SPEND_DAY.c.key_id == name]
    if kind == "team":
        tenant, _, team = name.rpartition("/")
        mine = [SPAN.c.tenant == tenant, SPAN.c.team == team]
        gone = [SPEND_DAY.c.tenant == tenant, SPEND_DAY.c.team == team]
    gone.append(SPEND_DAY.c.day_us >= begins * 1_000_000)
    # A shadow is the operator's own.
    mine += [SPAN.c.shadow_of.is_(None), SPAN.c.started_us >= begins * 1_000_000]
    if ends is not None:
        mine.append(SPAN.c.started_us < ends * 1_000_000)
        gone.append(SPEND_DAY.c.day_us < ends * 1_000_000)
    if ended_before is not None:
        mine.append(SPAN.c.started_us + func.coalesce(SPAN.c.duration_us, 0) < ended_before * 1_000_000)
    charged = func.coalesce(SPAN.c.charged_nanousd, SPAN.c.cost_nanousd)
    with store.read() as connection:
        sums = (select(func.sum(charged)).where(*mine), select(func.sum(SPEND_DAY.c.nanousd)).where(*gone))
        return sum(int(connection.execute(query).scalar() or 0) for query in sums)
