"""Retention: takes away what its clock has run out for, in small transactions, and says what went and what is held.

Each transaction also brings the run's row up to date: whatever ends a run, its receipt is true. Months of which
nothing is left to keep are dropped as partitions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, func, not_, or_, select, tuple_
from sqlalchemy.exc import OperationalError

from proxy.config_retention import Clocks
from proxy.exchange import new_id
from proxy.store import holds, partitions, seals, shrinking, spend
from proxy.store.audit import Act, note
from proxy.store.data_keys import Kind
from proxy.store.db import AWAY, Store
from proxy.store.doomed import OF_OUTSIDE, OF_SPAN, TEXTS_OF_SPAN, Cutoffs, Doomed, cutoffs
from proxy.store.partitions import PARTITIONED, Month
from proxy.store.tables import BLOB, OUTSIDE_SPAN, RUN, SPAN
from proxy.store.tables_governance import AUDIT_EVENT, DATA_KEY, RETENTION_RUN

PROXY = "proxy"
"""Who acts when the proxy does so by itself."""
_SPANS = 200
"""Traces that go in one transaction, with all that belongs to them."""
_ROWS = 1_000
_CUT_OFF_US = 6 * 3_600_000_000
"""Age from which on a run that has no end was cut off."""

_APART_S = 86_400.0
"""What our clock and the database's may differ by."""

Counts = dict[str, dict[str, int]]


class ClockError(Exception):
    """Nobody can say what is old. The message says why."""


@dataclass(slots=True)
class Tally:
    """What a run took, or would take: rows by clock and table."""

    counts: Counts = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    """Rows whose time is over and that are held, by table."""
    done: bool = True
    """False: time was up before everything went. The next run goes on."""
    id: str | None = None
    """The row of `retention_run`; None when nothing went, and in a dry run."""

    def add(self, clock: str, table: str, rows: int) -> None:
        """Count rows."""
        if rows:
            by_table = self.counts.setdefault(clock, {})
            # SQLAlchemy's names are texts of a kind of their own, which JSON does not take for keys.
            by_table[str(table)] = by_table.get(table, 0) + rows

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(sum(by_table.values()) for by_table in self.counts.values())


@dataclass(frozen=True, slots=True)
class Limits:
    """How a run may behave."""

    actor: str = PROXY
    budget_s: float | None = None
    """Seconds after which it leaves the rest for the next run; None: it goes on to the end."""
    gentle: bool = False
    """Whether it rests after each transaction for as long as that took, so that others write too."""
    stop: Callable[[], bool] = lambda: False
    """Whether to leave the rest now."""
    tell: Callable[[Tally], None] = lambda tally: None
    """Hears of each transaction."""


def plan(store: Store, clocks: Clocks, now_us: int | None = None) -> Tally:
    """What a run would take now, and what is held. Deletes nothing. Raises HoldError."""
    cut = cutoffs(clocks, _now() if now_us is None else now_us)
    tally = Tally()
    with store.read() as connection:
        doomed = Doomed.at(connection, store.key, cut)

        def count(table: Table, where: ColumnElement[bool]) -> int:
            return connection.execute(select(func.count()).select_from(table).where(where)).scalar_one()

        def add(clock: str, table: Table, where: ColumnElement[bool]) -> None:
            tally.add(clock, table.name, count(table, where))

        owners = select(OUTSIDE_SPAN.c.id).where(doomed.outside())
        for table, of in OF_OUTSIDE.items():
            add("metadata", table, of.in_(owners))
        add("metadata", OUTSIDE_SPAN, doomed.outside())
        spans = select(SPAN.c.id).where(doomed.spans()).correlate(None)
        for table, column in OF_SPAN.items():
            add("metadata", table, column.in_(spans))
        add("metadata", SPAN, doomed.spans())
        for table, names in TEXTS_OF_SPAN.items():
            add("content", table, names.in_(select(SPAN.c.id).where(doomed.texts()).correlate(None)))
        for clock, table, where in doomed.plain():
            add(clock, table, where)
        add("audit", AUDIT_EVENT, doomed.events())
        _plan_blobs(doomed, tally, count)
        tally.held = _held(doomed, count)
    return tally


def _plan_blobs(doomed: Doomed, tally: Tally, count: Callable[[Table, ColumnElement[bool]], int]) -> None:
    raw = doomed.keys("raw")
    for id, day in raw:
        tally.add("raw", "blob", count(BLOB, doomed.raw(id, day)))
    ids = [id for id, _ in raw]
    for day in doomed.days():
        rest = or_(BLOB.c.key_id.is_(None), BLOB.c.key_id.not_in(ids))
        tally.add("content", "blob", count(BLOB, and_(doomed.content(day), rest)))
    for kind in _KINDS:
        for id, day in doomed.keys(kind):
            kept = and_(BLOB.c.created_us == day, BLOB.c.key_id == id, not_(doomed.content(day)))
            if not _needed(doomed, id, kept):
                tally.add(kind, "data_key", 1)


def _needed(doomed: Doomed, key_id: str, blobs: ColumnElement[bool]) -> bool:
    """Whether blobs of some kind, an eval run, or what is expected of a held trace are there that a key encrypts."""
    runs = select(RUN.c.id).where(RUN.c.key_id == key_id)
    tried = (select(BLOB.c.id).where(blobs), runs, doomed.held_labels(key_id))
    return any(doomed.connection.execute(each.limit(1)).first() for each in tried)


_KINDS: tuple[Kind, ...] = ("raw", "content")


def _held(doomed: Doomed, count: Callable[[Table, ColumnElement[bool]], int]) -> dict[str, int]:
    if doomed.nothing_held:
        return {}
    late = {
        "span": count(SPAN, and_(SPAN.c.started_us < doomed.cut.metadata, doomed.held)),
        "outside_span": count(
            OUTSIDE_SPAN, and_(OUTSIDE_SPAN.c.received_us < doomed.cut.metadata, doomed.outside_held())
        ),
        "blob": sum(
            count(BLOB, and_(BLOB.c.created_us == day, not_(doomed.content(day)))) for day in doomed.days()
        ),
    }
    return {table: rows for table, rows in late.items() if rows}


def run(store: Store, clocks: Clocks, limits: Limits, now_us: int | None = None) -> Tally:
    """Take away what the clocks have run out for; returns what went.

    A run that finds nothing leaves no trace. Raises ClockError when our clock and the database's are days apart,
    HoldError when a hold cannot be read, sqlalchemy's errors when the database is away; what went until then is gone,
    and told in its row.
    """
    there = store.clock()
    if there is not None and abs(there - time.time()) > _APART_S:
        raise ClockError(
            "the clocks of this machine and of the database are over a day apart: nothing was deleted"
        )
    _end_those_cut_off(store)
    one = _Run(store, cutoffs(clocks, _now() if now_us is None else now_us), limits)
    failed: str | None = "failed"
    try:
        one.work()
        failed = None
    except (*AWAY, holds.HoldError) as error:
        failed = type(error).__name__
        raise
    finally:
        if failed:
            with suppress(*AWAY):
                one.end(failed)
    one.end(None)
    return one.tally


def _now() -> int:
    return time.time_ns() // 1000


class _TimeIsUp(Exception):
    """The budget is spent."""


class _Run:
    """One run under way."""

    def __init__(self, store: Store, cut: Cutoffs, limits: Limits) -> None:
        self._store, self._cut, self._limits = store, cut, limits
        self._began, self._began_us = time.monotonic(), _now()
        self.tally = Tally()

    def work(self) -> None:
        """Everything, in an order in which nothing is ever left behind."""
        try:
            self._outside()
            self._months_of_spans()
            self._spans()
            self._texts()
            for index in range(len(self._plain())):
                self._rows(index)
            self._events()
            self._raw()
            self._months_of_blobs()
            self._content()
            self._keys()
            shrinking.shrink(self._store, self._in_time, deleted=self.tally.rows > 0)
        except _TimeIsUp:
            self.tally.done = False

    @contextmanager
    def _step(self) -> Iterator[tuple[Connection, Doomed]]:
        """One transaction: nobody makes a hold meanwhile."""
        self._in_time()
        began, rows = time.monotonic(), self.tally.rows
        before, id = deepcopy(self.tally.counts), self.tally.id
        whole = False
        try:
            with self._store.begin() as connection:
                holds.lock(connection)
                yield connection, Doomed.at(connection, self._store.key, self._cut)
                if self.tally.rows > rows:
                    self._keep(connection)
            whole = True
        finally:
            if not whole:
                self.tally.counts, self.tally.id = before, id
        self._limits.tell(self.tally)
        if self._limits.gentle:
            time.sleep(time.monotonic() - began)

    def _in_time(self) -> None:
        budget = self._limits.budget_s
        if self._limits.stop() or (budget is not None and time.monotonic() - self._began > budget):
            raise _TimeIsUp

    # --- the receipt

    def _keep(self, connection: Connection, **more: Any) -> None:
        values = {"counts": orjson.dumps(self.tally.counts).decode(), **more}
        if self.tally.id is None:
            self.tally.id = new_id()
            row = {"id": self.tally.id, "tenant": "default", "actor": self._limits.actor}
            start = {"started_us": self._began_us, "ended_us": None, "error": None}
            connection.execute(RETENTION_RUN.insert(), [{**row, **start, **values}])
        else:
            mine = RETENTION_RUN.c.id == self.tally.id
            connection.execute(RETENTION_RUN.update().where(mine).values(values))

    def end(self, error: str | None) -> None:
        """Close the receipt, if anything went."""
        if self.tally.id is None:
            return
        with self._store.begin() as connection:
            self._keep(connection, ended_us=_now(), error=error)
            told = {"counts": self.tally.counts, "done": self.tally.done, "error": error}
            note(connection, Act(self._limits.actor, "retention.run", self.tally.id, told))

    # --- traces, and what apps told

    def _spans(self) -> None:
        after = (-1, "")
        while True:
            with self._step() as (connection, doomed):
                later = tuple_(SPAN.c.started_us, SPAN.c.id) > after
                order = (SPAN.c.started_us, SPAN.c.id)
                query = select(SPAN.c.id, SPAN.c.started_us).where(doomed.spans(), later).order_by(*order)
                found = connection.execute(query.limit(_SPANS)).all()
                if not found:
                    return
                after = (found[-1].started_us, found[-1].id)
                ids = [row.id for row in found]
                unsealed = seals.unseal(connection, ids)
                spend.carry(connection, SPAN.c.id.in_(ids))
                for table, column in (*OF_SPAN.items(), *TEXTS_OF_SPAN.items()):
                    clock = "content" if table in TEXTS_OF_SPAN else "metadata"
                    self._delete(connection, clock, table, column.in_(ids))
                self._delete(connection, "metadata", SPAN, SPAN.c.id.in_(ids))
                self._receipt(connection, unsealed)

    def _outside(self) -> None:
        while True:
            with self._step() as (connection, doomed):
                query = select(OUTSIDE_SPAN.c.id).where(doomed.outside()).limit(_SPANS)
                ids = list(connection.execute(query).scalars())
                if not ids:
                    return
                for table, column in OF_OUTSIDE.items():
                    self._delete(connection, "metadata", table, column.in_(ids))
                self._delete(connection, "metadata", OUTSIDE_SPAN, OUTSIDE_SPAN.c.id.in_(ids))

    def _texts(self) -> None:
        for table, column in TEXTS_OF_SPAN.items():
            more = True
            while more:
                with self._step() as (connection, doomed):
                    over = select(SPAN.c.id).where(doomed.texts()).correlate(None)
                    some = select(column).where(column.in_(over)).limit(_ROWS)
                    more = self._delete(connection, "content", table, column.in_(some)) > 0

    def _delete(self, connection: Connection, clock: str, table: Table, where: ColumnElement[bool]) -> int:
        rows = connection.execute(delete(table).where(where)).rowcount
        self.tally.add(clock, table.name, rows)
        return rows

    def _plain(self) -> list[tuple[str, Table, ColumnElement[bool]]]:
        with self._store.read() as connection:
            return Doomed.at(connection, self._store.key, self._cut).plain()

    def _rows(self, index: int) -> None:
        more = True
        while more:
            with self._step() as (connection, doomed):
                clock, table, where = doomed.plain()[index]
                more = self._some(connection, clock, table, where) > 0

    def _some(self, connection: Connection, clock: str, table: Table, where: ColumnElement[bool]) -> int:
        """Delete up to so many rows of a condition."""
        key = list(table.primary_key.columns)
        one = key[0] if len(key) == 1 else tuple_(*key)
        some = select(*key).where(where).limit(_ROWS).correlate(None)
        return self._delete(connection, clock, table, one.in_(some))

    def _events(self) -> None:
        """The oldest acts. What the verifier needs to go on from there is an act itself, in the same transaction."""
        more, most = True, None
        while more:
            with self._step() as (connection, doomed):
                # Up to where it was at first: what this adds to the log itself is not to be taken.
                most = doomed.through() if most is None else most
                through = min(most, doomed.through())
                where = AUDIT_EVENT.c.seq <= through
                first = connection.execute(select(func.min(AUDIT_EVENT.c.seq)).where(where)).scalar()
                if first is not None:
                    last = min(first + _ROWS - 1, through)
                    end = select(AUDIT_EVENT.c.hash).where(AUDIT_EVENT.c.seq == last)
                    told = {"through": last, "hash": connection.execute(end).scalar()}
                    note(connection, Act(self._limits.actor, "audit.prune", "audit_event", told))
                    more = self._delete(connection, "audit", AUDIT_EVENT, AUDIT_EVENT.c.seq <= last) > 0
                else:
                    unchained = and_(AUDIT_EVENT.c.seq.is_(None), AUDIT_EVENT.c.at_us < self._cut.audit)
                    more = self._some(connection, "audit", AUDIT_EVENT, unchained) > 0

    # --- contents

    def _raw(self) -> None:
        for id, day in self._keys_over("raw"):
            self._blobs("raw", lambda doomed, id=id, day=day: doomed.raw(id, day))  # type: ignore[misc]

    def _content(self) -> None:
        with self._store.read() as connection:
            days = list(Doomed.at(connection, self._store.key, self._cut).days())
        for day in days:
            self._blobs("content", lambda doomed, day=day: doomed.content(day))  # type: ignore[misc]

    def _blobs(self, clock: str, where: Callable[[Doomed], ColumnElement[bool]]) -> None:
        more = True
        while more:
            with self._step() as (connection, doomed):
                more = self._some(connection, clock, BLOB, where(doomed)) > 0

    def _keys_over(self, kind: Kind) -> list[tuple[str, int]]:
        with self._store.read() as connection:
            return Doomed.at(connection, self._store.key, self._cut).keys(kind)

    def _keys(self) -> None:
        """Keys of days that nothing needs any more: whatever copy there is of their contents, nobody reads it."""
        for kind in _KINDS:
            for id, day in self._keys_over(kind):
                with self._step() as (connection, doomed):
                    if not _needed(doomed, id, and_(BLOB.c.created_us == day, BLOB.c.key_id == id)):
                        self._delete(connection, kind, DATA_KEY, DATA_KEY.c.id == id)
        self._store.keys.forget()

    # --- whole months

    def _months_of_spans(self) -> None:
        whole = [SPAN, *(table for table in (*OF_SPAN, *TEXTS_OF_SPAN) if table.name in PARTITIONED)]
        for month in self._months("span", self._cut.metadata):
            self._drop(whole, month, self._month_of_spans)

    def _month_of_spans(
        self, connection: Connection, doomed: Doomed, whole: Sequence[Table], month: Month
    ) -> None:
        kept = or_(
            exists(select(SPAN.c.id).where(month.has(SPAN.c.id), not_(doomed.spans()))),
            # Hits and calls of what apps told stand there too.
            exists(select(OUTSIDE_SPAN.c.id).where(month.has(OUTSIDE_SPAN.c.id))),
        )
        if connection.execute(select(kept)).scalar():
            return
        unsealed = _unsealed_month(connection, month)
        spend.carry(connection, month.has(SPAN.c.id))
        for table in (table for table in OF_SPAN if table not in whole):
            self._delete(connection, "metadata", table, month.has(OF_SPAN[table]))
        for table in whole:
            self._count(connection, "content" if table in TEXTS_OF_SPAN else "metadata", table, month)
        partitions.drop(connection, whole, month)
        self._receipt(connection, unsealed)

    def _receipt(self, connection: Connection, unsealed: seals.Told) -> None:
        """What the verifier needs to know of the traces that go here; in their transaction, as a run may be cut off."""
        note(connection, Act(self._limits.actor, "retention.traces", "span", {"unsealed": unsealed}))

    def _months_of_blobs(self) -> None:
        for month in self._months("blob", self._cut.content):
            self._drop([BLOB], month, self._month_of_blobs)

    def _month_of_blobs(
        self, connection: Connection, doomed: Doomed, whole: Sequence[Table], month: Month
    ) -> None:
        kept = BLOB.c.created_us >= self._cut.content
        if not doomed.nothing_held:
            kept = or_(kept, BLOB.c.id.in_(doomed.held_blobs()))
        some = select(BLOB.c.id).where(month.has(BLOB.c.id), kept).limit(1)
        if connection.execute(some).first() is None:
            self._count(connection, "content", BLOB, month)
            partitions.drop(connection, whole, month)

    def _drop(
        self,
        whole: Sequence[Table],
        month: Month,
        work: Callable[[Connection, Doomed, Sequence[Table], Month], None],
    ) -> None:
        """Work that drops a month, while nobody writes to it. One that is in use is left, and goes row by row."""
        try:
            with self._step() as (connection, doomed):
                partitions.close(connection, whole, month)
                work(connection, doomed, whole, month)
        except OperationalError as error:
            if not partitions.is_busy(error):
                raise

    def _count(self, connection: Connection, clock: str, table: Table, month: Month) -> None:
        here = month.has(table.c[PARTITIONED[table.name]])
        rows = connection.execute(select(func.count()).select_from(table).where(here)).scalar_one()
        self.tally.add(clock, table.name, rows)

    def _months(self, table: str, before_us: int) -> list[Month]:
        with self._store.read() as connection:
            found = partitions.months(connection, table)
        return [month for month in found if month.next.start_us <= before_us]


def _unsealed_month(connection: Connection, month: Month) -> seals.Told:
    """The sums of a month that is dropped: as sealed for its whole hours, read anew for those at its ends.

    A trace belongs to the month by its id, and to an hour by its start, which may be just before or after.
    """
    first, end = month.start_us + seals.HOUR_US, month.next.start_us - seals.HOUR_US
    inside = and_(SPAN.c.started_us >= first, SPAN.c.started_us < end)
    elsewhere = select(SPAN.c.id).where(inside, not_(month.has(SPAN.c.id))).limit(1)
    if connection.execute(elsewhere).first() is not None:
        return seals.unseal_where(connection, month.has(SPAN.c.id))
    ends = seals.unseal_where(connection, and_(month.has(SPAN.c.id), not_(inside)))
    return seals.unseal_hours(connection, first, end) | ends


def _end_those_cut_off(store: Store) -> None:
    """Runs whose process was killed have no end: they get one, and are told like the others."""
    open_ = and_(RETENTION_RUN.c.ended_us.is_(None), RETENTION_RUN.c.started_us < _now() - _CUT_OFF_US)
    with store.read() as connection:
        found = connection.execute(select(RETENTION_RUN).where(open_)).mappings().all()
    for row in found:
        with store.begin() as connection:
            mine = and_(RETENTION_RUN.c.id == row["id"], RETENTION_RUN.c.ended_us.is_(None))
            told = {"ended_us": _now(), "error": "cut off"}
            if connection.execute(RETENTION_RUN.update().where(mine).values(told)).rowcount:
                detail = {"counts": orjson.loads(row["counts"]), "done": False, "error": "cut off"}
                note(connection, Act(row["actor"], "retention.run", row["id"], detail))
