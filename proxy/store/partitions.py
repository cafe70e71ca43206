"""Months of traces as partitions of their tables, on PostgreSQL: what is old goes as a file, not row by row.

Ids begin with their time (UUIDv7, and the day in names of blobs), so a range of ids is a month. Whatever has another
kind of id (spans of apps, blobs of older versions) stands in the partition DEFAULT, which each table has. SQLite has
no partitions: nothing is done there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, text
from sqlalchemy.exc import OperationalError

from proxy.store import holds
from proxy.store.db import Store
from proxy.store.postgresql import be_patient

PARTITIONED = {
    "span": "id",
    "message_ref": "span_id",
    "finding": "span_id",
    "tool_call": "span_id",
    "retrieval_hit": "span_id",
    "span_text": "span_id",
    "blob": "id",
}
"""The tables, each with its column of ids that begin with their time."""
AHEAD = 2
"""Months after this one whose partitions are made."""
MOST_MOVED = 200_000
"""Rows of DEFAULT that are moved into a new partition; where more of a month stand there, they stay."""
_LOCK = 0x677561726D
"""Advisory lock under which one process at a time makes or drops partitions."""
_PATIENCE_S = 45.0
"""How long the database may be silent while a partition is made: a proxy that stops waits for it."""
_WAIT_MS = 5_000
"""How long to wait for a lock on a table: everybody else waits behind whoever waits for it."""
_CHILD = re.compile(r"(.+)_(default|\d{4}_\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month, UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, at_us: int) -> Month:
        """The month of a moment, microseconds UTC."""
        when = datetime.fromtimestamp(at_us / 1_000_000, UTC)
        return cls(when.year, when.month)

    @property
    def name(self) -> str:
        """As partitions are called after it: `2026_01`."""
        return f"{self.year:04}_{self.month:02}"

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def start_us(self) -> int:
        """Its first moment, microseconds UTC."""
        return int(datetime(self.year, self.month, 1, tzinfo=UTC).timestamp()) * 1_000_000

    @property
    def first_id(self) -> str:
        """What no id of the month sorts before."""
        return f"{self.start_us // 1000:012x}"

    def has(self, ids: ColumnElement[str]) -> ColumnElement[bool]:
        """The condition of ids of this month."""
        return and_(ids >= self.first_id, ids < self.next.first_id)


def is_partition(name: str | None) -> bool:
    """Whether a table of this name is a partition of another one."""
    found = _CHILD.fullmatch(name or "")
    return found is not None and found[1] in PARTITIONED


def months(connection: Connection, table: str) -> list[Month]:
    """The months of which a table has a partition, oldest first; none on SQLite."""
    if connection.dialect.name == "sqlite":
        return []
    children = text(
        "SELECT child.relname FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid"
        " WHERE inhparent = to_regclass(:table)"
    )
    names = connection.execute(children, {"table": table}).scalars()
    tails = (name.removeprefix(f"{table}_") for name in names)
    return sorted(Month(*map(int, tail.split("_"))) for tail in tails if tail != "default")


def make_ahead(store: Store, now_us: int) -> list[str]:
    """Make the partitions of this month and the next ones that are missing; returns their names.

    Rows of such a month that stand in DEFAULT go along. Several processes may try at once. Raises sqlalchemy's errors.
    """
    if store.engine.dialect.name == "sqlite":
        return []
    wanted = [Month.of(now_us)]
    for _ in range(AHEAD):
        wanted.append(wanted[-1].next)
    made = []
    for table in PARTITIONED:
        for month in wanted:
            # One table at a time is locked, so that nobody who writes to several waits for us in a circle.
            with store.begin() as connection:
                if month not in months(connection, table):
                    made += _make(connection, table, month)
    return made


def _make(connection: Connection, table: str, month: Month) -> list[str]:
    # DEFAULT is read through while the partition is made, which may take longer than other statements.
    be_patient(connection, _PATIENCE_S)
    # Whoever deletes row by row would pass over those that are moved meanwhile. First, as retention does.
    holds.lock(connection)
    lock(connection)
    if month in months(connection, table):
        return []
    name, column = f"{table}_{month.name}", PARTITIONED[table]
    bounds = {"first": month.first_id, "end": month.next.first_id}
    connection.execute(text(f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE"))
    here = f"{column} >= :first AND {column} < :end"
    count = text(f"SELECT count(*) FROM (SELECT 1 FROM {table}_default WHERE {here} LIMIT :most) AS few")  # noqa: S608
    if connection.execute(count, {**bounds, "most": MOST_MOVED + 1}).scalar_one() > MOST_MOVED:
        return []
    connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    move = f"DELETE FROM {table}_default WHERE {here} RETURNING *"  # noqa: S608
    move = f"WITH moved AS ({move}) INSERT INTO {name} SELECT * FROM moved"  # noqa: S608
    connection.execute(text(move), bounds)
    # Bounds are hex digits; no statement of this kind takes parameters.
    attach = f"FOR VALUES FROM ('{bounds['first']}') TO ('{bounds['end']}')"
    connection.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {name} {attach}"))
    return [name]


def lock(connection: Connection) -> None:
    """Be the only one that changes partitions until the transaction ends, and do not wait long for their readers."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), :id))"), {"id": _LOCK}
    )
    connection.execute(text(f"SET LOCAL lock_timeout = {_WAIT_MS}"))


def close(connection: Connection, tables: Sequence[Table], month: Month) -> None:
    """Let nobody write to a month of some tables until the transaction ends; the other months go on."""
    be_patient(connection, _PATIENCE_S)
    lock(connection)
    for table in tables:
        if month in months(connection, table.name):
            connection.execute(text(f"LOCK TABLE {table.name}_{month.name} IN EXCLUSIVE MODE"))


def drop(connection: Connection, tables: Sequence[Table], month: Month) -> None:
    """Drop a month of some tables, those that have it. Ask `close` first."""
    # In one order, in which writers come too.
    names = ", ".join(table.name for table in tables)
    connection.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
    for table in tables:
        if month in months(connection, table.name):
            connection.execute(text(f"DROP TABLE {table.name}_{month.name}"))


def is_busy(error: BaseException) -> bool:
    """Whether an error only says that a table was read or written for too long: another try will do."""
    return isinstance(error, OperationalError) and getattr(error.orig, "sqlstate", "") == "55P03"
