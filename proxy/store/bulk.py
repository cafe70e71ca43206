"""Bulk jobs: the same act on every trace of a filter, or on some that were ticked. `bulk_work` does them.

A job is one row: what is to be done, how far it is, who does it now. Where it goes on stands in the row and moves
in the transaction that did the work before it, so that nothing is done twice and nothing is left out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, func, select, text

from proxy.exchange import new_id
from proxy.store.audit import Act, note
from proxy.store.db import Store
from proxy.store.deadline import Late, timed
from proxy.store.filter_fields import TAGS, VERDICTS
from proxy.store.filters import Filter, between, of, parse, where
from proxy.store.tables import SPAN
from proxy.store.tables_review import BULK, QUEUE

MOST_TRACES = 100_000
"""Traces of one job."""
MOST_JOBS = 3
"""Jobs of one tenant at once."""
MOST_TICKED = 200
LEASE_US = 30_000_000
"""For how long a worker that is not heard of is taken to be there."""
COUNT_S = 10.0
"""Seconds that counting a filter may take."""
KINDS = ("verdict", "queue", "close")
OF_FINDINGS = ("true_positive", "false_positive", "wrong_action", "unsure")
"""What can be said of every finding of a rule."""
RUNS = ("running", "undoing")
"""States in which there is something to do."""
_LONGEST_NOTE = 10_000
_LOCK = 0x6775616264
"""Advisory lock of PostgreSQL under which jobs begin: no more at once than there may be."""


class BulkError(ValueError):
    """A job that cannot be. The message begins with the name of what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Order:
    """A job that somebody wants."""

    kind: str
    """`verdict`: judge; `queue`: put into a queue; `close`: end the review of."""
    actor: str
    tenant: str
    """Whose job it is."""
    scope: str | None
    """The only tenant whose traces it may touch; None: every one's."""
    filter: str = ""
    traces: Sequence[str] = ()
    """In place of a filter: these very traces."""
    verdict: str = ""
    rule: str = ""
    """With `verdict`: it is said of every finding of this rule, and not of the trace."""
    entity: str = ""
    """With `rule`: of this kind alone."""
    tags: Sequence[str] = ()
    note: str = ""
    """After guardrails."""
    queue_id: str = ""
    """With `queue` and `close`; `close` without one ends the review in every queue."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now."""

    id: str
    tenant: str
    scope: str | None
    actor: str
    kind: str
    filter: str
    detail: Mapping[str, Any]
    state: str
    why: str | None
    total: int
    done: int
    failed: int
    undone: int
    failures: Sequence[Mapping[str, str]]
    cursor: str
    created_us: int
    ended_us: int | None

    @property
    def ended(self) -> bool:
        """Whether nothing is being done any more."""
        return self.state not in RUNS

    @property
    def can_undo(self) -> bool:
        """Whether it said something that can be taken back."""
        return self.kind == "verdict" and self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Counted:
    """How many traces a job would have."""

    traces: int
    exact: bool = True
    """False: the time was over, or there are more than a job may have."""


@dataclass(frozen=True, slots=True)
class Started:
    """A job that has begun."""

    job: Job
    worker: str = field(repr=False)
    """Who is to do it."""


def counted(store: Store, filter: Filter, within_s: float = COUNT_S) -> Counted:
    """How many traces are in a filter. Raises FilterError."""
    conditions = where(filter, store.key, search=store.search)
    some = select(SPAN.c.id).where(*conditions).limit(MOST_TRACES + 1).subquery()
    try:
        with timed(store, within_s) as clock:
            found = clock.rows(select(func.count().label("n")).select_from(some))[0]["n"]
    except Late:
        return Counted(0, exact=False)
    return Counted(min(found, MOST_TRACES), found <= MOST_TRACES)


def chosen(order: Order | Job, now_us: int) -> Filter:
    """The traces of a job that begins at a moment. Raises FilterError."""
    found = replace(parse(order.filter, now_us), reader=order.actor) + between(None, now_us + 1)
    return found if order.scope is None else found + of(tenant=order.scope)


def start(store: Store, order: Order) -> Started:
    """Begin a job; whoever does may work on it until its lease is over. Raises BulkError, and FilterError."""
    _check(order)
    now = time.time_ns() // 1000
    total = len(_ticked(store, order)) if order.traces else _total(store, order, now)
    if not total:
        raise BulkError("filter has no trace: nothing would be done.")
    detail = {
        "verdict": order.verdict, "rule": order.rule, "entity": order.entity, "tags": sorted({*order.tags}),
        "note": order.note.replace("\0", "�"), "queue_id": order.queue_id,
        "traces": sorted({*order.traces}),
    }  # fmt: skip
    row: dict[str, Any] = {
        "id": new_id(), "tenant": order.tenant, "scope": order.scope, "actor": order.actor, "kind": order.kind,
        "filter": order.filter, "detail": orjson.dumps(detail).decode(), "state": "running", "why": None,
        "total": total, "done": 0, "failed": 0, "undone": 0, "failures": "[]", "cursor": "",
        "worker": new_id(), "lease_us": now + LEASE_US, "created_us": now, "ended_us": None,
    }  # fmt: skip
    with store.begin() as connection:
        _lock(connection)
        at_once = select(func.count()).where(BULK.c.tenant == order.tenant, BULK.c.state.in_(RUNS))
        if connection.execute(at_once).scalar_one() >= MOST_JOBS:
            raise BulkError(f"jobs: {MOST_JOBS} are under way. Wait for one to end, or cancel it.")
        if order.queue_id:
            _check_queue(connection, order)
        connection.execute(BULK.insert(), [row])
        told = {"kind": order.kind, "traces": total, "verdict": order.verdict, "rule": order.rule}
        note(connection, Act(order.actor, "bulk.start", row["id"], told, order.tenant))
    return Started(told_of(row), row["worker"])


def job(store: Store, id: str, tenant: str | None) -> Job | None:
    """A job of a tenant, or of any; None when there is none with this id."""
    with store.read() as connection:
        row = connection.execute(select(BULK).where(BULK.c.id == id, *_own(tenant))).mappings().first()
    return None if row is None else told_of(row)


def jobs(store: Store, tenant: str | None, limit: int = 50) -> list[Job]:
    """The newest jobs of a tenant, or of all."""
    query = select(BULK).where(*_own(tenant)).order_by(BULK.c.created_us.desc(), BULK.c.id.desc())
    with store.read() as connection:
        return [told_of(row) for row in connection.execute(query.limit(limit)).mappings()]


def cancel(store: Store, id: str, tenant: str | None, actor: str) -> bool:
    """Stop a job; what it did stays. Returns whether there was something to stop."""
    now = time.time_ns() // 1000
    running = (BULK.c.id == id, BULK.c.state == "running", *_own(tenant))
    stopped = BULK.update().where(*running).values(state="cancelled", worker=None, ended_us=now)
    with store.begin() as connection:
        row = connection.execute(stopped.returning(BULK)).mappings().first()
        if row is None:
            return False
        note_end(connection, row, actor)
    return True


def undo(store: Store, id: str, tenant: str | None, actor: str) -> Started | None:
    """Begin to take back what a job said. None when there is no such job, or nothing of it to take back."""
    found = job(store, id, tenant)
    if found is None or not found.can_undo:
        return None
    now, worker = time.time_ns() // 1000, new_id()
    values = {
        "state": "undoing", "cursor": "", "worker": worker, "lease_us": now + LEASE_US, "ended_us": None,
        "why": None, "detail": orjson.dumps({**found.detail, "undone_by": actor}).decode(),
    }  # fmt: skip
    same = (BULK.c.id == id, BULK.c.state == found.state)
    with store.begin() as connection:
        changed = connection.execute(BULK.update().where(*same).values(values).returning(BULK))
        row = changed.mappings().first()
    return None if row is None else Started(told_of(row), worker)


def told_of(row: Mapping[Any, Any]) -> Job:
    """A job by its row."""
    names = [name for name in Job.__dataclass_fields__ if name not in ("detail", "failures")]
    detail, failures = orjson.loads(row["detail"]), orjson.loads(row["failures"])
    return Job(**{name: row[name] for name in names}, detail=detail, failures=failures)


def note_end(connection: Connection, row: Mapping[Any, Any], actor: str) -> None:
    """Keep that a job ended, with its counts. The last thing of a transaction."""
    told = {name: row[name] for name in ("kind", "state", "total", "done", "failed", "undone")}
    action = "bulk.undo" if row["state"] == "undone" else "bulk.end"
    note(connection, Act(actor, action, row["id"], told, row["tenant"]))


def _own(tenant: str | None) -> list[ColumnElement[bool]]:
    return [] if tenant is None else [BULK.c.tenant == tenant]


def _check(order: Order) -> None:
    if order.kind not in KINDS:
        raise BulkError(f"kind takes one of {', '.join(KINDS)}.")
    if bool(order.traces) == bool(order.filter.strip()):
        raise BulkError(
            "filter or traces: name one of them. A filter for everything is since:2000-01-01T00:00:00Z."
        )
    if len(order.traces) > MOST_TICKED:
        raise BulkError(f"traces takes at most {MOST_TICKED}: use a filter.")
    if order.kind == "verdict":
        words = OF_FINDINGS if order.rule else VERDICTS
        if order.verdict not in words:
            raise BulkError(f"verdict takes one of {', '.join(words)}{' for a rule' if order.rule else ''}.")
    if any("\0" in text for text in (order.rule, order.entity, order.queue_id, order.filter, *order.traces)):
        raise BulkError("rule, entity, queue, filter and traces take no NUL.")
    if order.entity and not order.rule:
        raise BulkError("entity goes with a rule.")
    if {*order.tags} - {*TAGS}:
        raise BulkError(f"tags takes {', '.join(TAGS)}.")
    if len(order.note) > _LONGEST_NOTE:
        raise BulkError(f"note is over {_LONGEST_NOTE} characters.")
    if order.kind == "queue" and not order.queue_id:
        raise BulkError("queue is missing: which one are they to be put into?")


def _check_queue(connection: Connection, order: Order) -> None:
    own = [] if order.scope is None else [QUEUE.c.tenant == order.scope]
    query = select(QUEUE.c.closed_us).where(QUEUE.c.id == order.queue_id, *own)
    found = connection.execute(query).first()
    if found is None:
        raise BulkError("queue is none that there is.")
    if order.kind == "queue" and found.closed_us is not None:
        raise BulkError("queue is closed: nothing more is put into it.")


def _total(store: Store, order: Order, now_us: int) -> int:
    found = counted(store, chosen(order, now_us))
    if not found.exact and found.traces:
        raise BulkError(f"filter has over {MOST_TRACES:,} traces: narrow it, for example by time.")
    if not found.exact:
        raise BulkError("filter could not be counted in time: narrow it, for example by time.")
    return found.traces


def _ticked(store: Store, order: Order) -> list[str]:
    own = [] if order.scope is None else [SPAN.c.tenant == order.scope]
    with store.read() as connection:
        return list(connection.execute(select(SPAN.c.id).where(SPAN.c.id.in_(order.traces), *own)).scalars())


def _lock(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), :id))"), {"id": _LOCK}
        )
