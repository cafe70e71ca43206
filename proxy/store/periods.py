"""What happened in a stretch of time, added up from the rollups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Table, func, select

from proxy.store.charts import quantile_of
from proxy.store.db import Store
from proxy.store.tables_rollups import ROLLUP_HOUR, ROLLUP_LATENCY


@dataclass(frozen=True, slots=True)
class Period:
    """The sums of a stretch of time. Shadows are left out."""

    outcomes: dict[str, int] = field(default_factory=dict)
    """Exchanges, by what became of them."""
    tool_calls: int = 0
    cost_nanousd: int = 0
    no_cost: int = 0
    """Exchanges whose cost nobody knows: not in the sum."""
    p95_us: int | None = None

    @property
    def requests(self) -> int:
        """All exchanges."""
        return sum(self.outcomes.values())

    @property
    def stopped(self) -> int:
        """Those that a guardrail blocked or masked."""
        return self.outcomes.get("blocked", 0) + self.outcomes.get("masked", 0)


def period(store: Store, since_us: int, until_us: int, tenant: str | None = None) -> Period:
    """The sums of all hours that begin between two times."""
    hour, latency = (_where(table, since_us, until_us, tenant) for table in (ROLLUP_HOUR, ROLLUP_LATENCY))
    at = ROLLUP_HOUR.c
    sums = (func.sum(each) for each in (at.n, at.tool_calls, at.cost_nanousd, at.no_cost))
    by_outcome = select(at.outcome, *sums).where(*hour, at.shadow.is_(False)).group_by(at.outcome)
    buckets = select(ROLLUP_LATENCY.c.bucket, func.sum(ROLLUP_LATENCY.c.n)).where(*latency)
    with store.read() as connection:
        rows = [tuple(row) for row in connection.execute(by_outcome)]
        counts = {
            bucket: int(n) for bucket, n in connection.execute(buckets.group_by(ROLLUP_LATENCY.c.bucket))
        }
    return Period(
        outcomes={row[0]: int(row[1]) for row in rows},
        tool_calls=sum(int(row[2]) for row in rows),
        cost_nanousd=sum(int(row[3]) for row in rows),
        no_cost=sum(int(row[4]) for row in rows),
        p95_us=quantile_of(Counter(counts), 0.95),
    )


def any_traffic(store: Store, tenant: str | None = None) -> bool:
    """Whether anything ever came through, traces that are gone by now included."""
    query = select(ROLLUP_HOUR.c.hour_us).limit(1)
    if tenant is not None:
        query = query.where(ROLLUP_HOUR.c.tenant == tenant)
    with store.read() as connection:
        return connection.execute(query).first() is not None


def _where(table: Table, since_us: int, until_us: int, tenant: str | None) -> Sequence[ColumnElement[bool]]:
    own = [] if tenant is None else [table.c.tenant == tenant]
    return [table.c.hour_us >= since_us, table.c.hour_us < until_us, *own]
