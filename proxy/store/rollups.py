"""Counts what happens by the hour, in the transaction that stores it: each exchange once, ever.

Only numbers and names of ours are kept, no content: the rollups stay when traces are pruned or erased. Every sum is
added to what stands there, so several proxies may count at once; they take the rows in one order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, func, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from proxy.store.rows import clean, flagged, tokens_in, tokens_out
from proxy.store.tables_rollups import ROLLUP_HOUR, ROLLUP_LATENCY, ROLLUP_RULE

HOUR_US = 3_600_000_000
OTHER = "(other)"
"""The name that stands for all those of an hour which came after it was full."""
MOST_ROWS = 1_000
"""Rows of an hour with names of their own, in each table; what comes after is counted under OTHER."""
BOUNDS_US = tuple(round(1000 * 2 ** (bucket / 4)) for bucket in range(1, 100))
"""Where the buckets of durations end, in microseconds."""
ONE_MOST, ROW_MOST = 2**40 - 1, 2**48 - 1
"""What one exchange adds to a sum at most, and where a sum stops: no provider's number may make one overflow."""

Trace = Mapping[str, Any]
Key = tuple[Any, ...]
Sums = tuple[int, ...]
_FOLDED = {
    "rollup_hour": ("team", "model", "policy"),
    "rollup_rule": ("policy", "rule", "entity"),
    "rollup_latency": ("model",),
}
"""Columns that become OTHER in a full hour; the others have few values by themselves."""


def count(connection: Connection, fresh: Iterable[Trace]) -> None:
    """Add traces that were just stored for the first time."""
    hours: dict[Key, Sums] = {}
    rules: dict[Key, Sums] = {}
    latencies: Counter[Key] = Counter()
    for trace in fresh:
        hour = trace["started_us"] - trace["started_us"] % HOUR_US
        tenant, model, policy = clean(trace["tenant"]), clean(trace["model"]), clean(trace["policy"])
        shadow = trace.get("shadow_of") is not None
        names = (
            clean(trace.get("team")) or "",
            model,
            policy,
            clean(trace["outcome"]),
            clean(trace["action"]),
        )
        _add(hours, (hour, tenant, *names, shadow), _of_trace(trace))
        if shadow:
            continue
        for found, times in _found(trace).items():
            _add(rules, (hour, tenant, policy, *found), (times, 1))
        if trace["duration_us"] is not None:
            latencies[hour, tenant, model, bucket_of(trace["duration_us"])] += 1
    _keep(connection, ROLLUP_HOUR, hours)
    _keep(connection, ROLLUP_RULE, rules)
    _keep(connection, ROLLUP_LATENCY, {key: (times,) for key, times in latencies.items()})


def bucket_of(duration_us: int) -> int:
    """The bucket of the histogram that a duration falls into."""
    return bisect_right(BOUNDS_US, duration_us)


def _of_trace(trace: Trace) -> Sums:
    """What a trace adds to its hour, in the order of the columns."""
    usage, cost = trace["usage"] or {}, trace.get("cost_nanousd")
    read, written = tokens_in(usage), tokens_out(usage)
    # What stands in braces is an object that was paid for when it was made.
    paid = "{" not in trace["path"]
    silent = trace["upstream_called"] and read is None and written is None
    return (
        1,
        int(flagged(trace)),
        len(trace["findings"]),
        len(trace["tool_calls"]),
        len(trace["retrieval"]),
        min(read or 0, ONE_MOST) if paid else 0,
        min(written or 0, ONE_MOST) if paid else 0,
        int(paid and silent),
        min(cost or 0, ONE_MOST) if paid else 0,
        int(paid and cost is None),
        min(trace["duration_us"] or 0, ONE_MOST),
    )


def _found(trace: Trace) -> Counter[Key]:
    """How often each rule found what in a trace, and what became of it."""
    return Counter(
        tuple(clean(str(finding[name])) for name in ("rule", "entity", "action", "mode", "side"))
        for finding in trace["findings"]
    )


def _add(into: dict[Key, Sums], key: Key, more: Sums) -> None:
    there = into.get(key)
    into[key] = more if there is None else tuple(map(sum, zip(there, more, strict=True)))


def _keep(connection: Connection, table: Table, found: dict[Key, Sums]) -> None:
    """Add sums to a table's rows, in the order of their keys: whoever else does so waits, and holds up nobody."""
    if not found:
        return
    added: dict[Key, Sums] = {}
    for key, sums in _bounded(connection, table, found):
        _add(added, key, sums)
    rows = [(*key, *(min(each, ROW_MOST) for each in added[key])) for key in sorted(added)]
    upsert = _upsert(table, connection.dialect.name)
    if isinstance(upsert, str):
        connection.exec_driver_sql(upsert, rows)
    else:
        names = table.columns.keys()
        connection.execute(upsert, [dict(zip(names, row, strict=True)) for row in rows])


def _bounded(connection: Connection, table: Table, found: dict[Key, Sums]) -> list[tuple[Key, Sums]]:
    """The sums by the key that they are kept under: a new one of an hour that is full goes to OTHER."""
    told: list[tuple[Key, Sums]] = []
    for hour, tenant in sorted({key[:2] for key in found}):
        keys = sorted(key for key in found if key[:2] == (hour, tenant))
        own = (table.c.hour_us == hour, table.c.tenant == tenant)
        rows = connection.execute(select(func.count()).select_from(table).where(*own)).scalar_one()
        if rows + len(keys) <= MOST_ROWS:
            told += [(key, found[key]) for key in keys]
            continue
        there = {tuple(row) for row in connection.execute(select(*table.primary_key.columns).where(*own))}
        for key in keys:
            if key not in there and len(there) >= MOST_ROWS:
                told.append((_folded(table, key), found[key]))
            else:
                there.add(key)
                told.append((key, found[key]))
    return told


def _folded(table: Table, key: Key) -> Key:
    names = table.primary_key.columns.keys()
    folded = _FOLDED[table.name]
    return tuple(OTHER if name in folded else value for name, value in zip(names, key, strict=True))


@cache
def _upsert(table: Table, dialect: str) -> Any:
    """An insert of whole rows that adds to the sums of a row that is there, up to ROW_MOST; for SQLite, its SQL."""
    lite = dialect == "sqlite"
    insert: Any = sqlite.insert(table) if lite else postgresql.insert(table)
    least = "min" if lite else "least"
    more: dict[str, Any] = {
        column.name: literal_column(
            f"{least}({table.name}.{column.name} + excluded.{column.name}, {ROW_MOST})"
        )
        for column in table.columns
        if not column.primary_key
    }
    upsert = insert.on_conflict_do_update(index_elements=table.primary_key.columns.keys(), set_=more)
    # Plain rows: SQLAlchemy would only copy each of them, at twice the price.
    return str(upsert.compile(dialect=sqlite.dialect(paramstyle="qmark"))) if lite else upsert
