"""Does bulk jobs, batch by batch: each in one transaction with the place from where to go on.

A worker holds a lease that each batch renews. Whoever is killed leaves the job as its last batch left it; another
takes it when the lease is over, and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, select
from sqlalchemy.exc import DataError

from proxy.exchange import new_id
from proxy.store import bulk, holds
from proxy.store.bulk import LEASE_US, RUNS, Job, Started, chosen, told_of
from proxy.store.db import Store
from proxy.store.filling import add_items
from proxy.store.filter_fields import WITHDRAWN
from proxy.store.filters import FilterError
from proxy.store.late import beside_others
from proxy.store.queries import Page, list_spans
from proxy.store.reviews import NewReview, ReviewError, judge, take_back
from proxy.store.tables import ANNOTATION, FINDING, SPAN
from proxy.store.tables_review import ASSIGNMENT, BULK, ITEM, QUEUE

BATCH = 100
"""Traces of one transaction."""
LIST_S = 5.0
"""Seconds in which the traces of a batch are looked for; then what was found is done."""
MOST_FAILURES = 100
"""Failures that are told one by one."""
MOST_FINDINGS = 1_000
"""Findings of one trace that are judged at once."""
STUCK = 20
"""Batches in a row for which nothing could be found in time, after which a job gives up."""
GONE = "It is not there any more."
HELD = "It is under a legal hold."

MayGoOn = Callable[[Job], str | None]
"""Why who ordered a job may not do so any more; None while they may."""
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: Sequence[str]
    next: str | None
    """Where to go on; None at the end."""


@dataclass(slots=True)
class _Tally:
    done: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)


class _Stopped(Exception):
    """The job was cancelled, or is another worker's."""


def take(store: Store, now_us: int | None = None) -> Started | None:
    """Take over a job whose worker is gone; None when there is none."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    left = (BULK.c.state.in_(RUNS), BULK.c.lease_us < now)
    query = select(BULK.c.id, BULK.c.lease_us).where(*left).order_by(BULK.c.created_us).limit(bulk.MOST_JOBS)
    with store.read() as connection:
        found = connection.execute(query).all()
    for id, lease_us in found:
        worker = new_id()
        same = (BULK.c.id == id, BULK.c.lease_us == lease_us, BULK.c.state.in_(RUNS))
        taken = BULK.update().where(*same).values(worker=worker, lease_us=now + LEASE_US).returning(BULK)
        with store.begin() as connection:
            row = connection.execute(taken).mappings().first()
        if row is not None:
            return Started(told_of(row), worker)
    return None


def work(store: Store, started: Started, may_go_on: MayGoOn, stop: Stop = lambda: False) -> None:
    """Go on with a job until it ends, is cancelled, or `stop` says so; the rest is then another's.

    Raises sqlalchemy's errors when the database is away: the lease then runs out by itself.
    """
    job, stuck = started.job, 0
    try:
        while not job.ended:
            if stop():
                _leave(store, job, started.worker)
                return
            before = job.cursor
            job = _step(store, job, started.worker, may_go_on)
            stuck = stuck + 1 if job.cursor == before else 0
            if stuck >= STUCK and not job.ended:
                job = _fail(
                    store, job, started.worker, "Its traces could not be found in time: narrow the filter."
                )
    except _Stopped:
        return
    except DataError:
        # Not that the database is away: it will never take this.
        with suppress(_Stopped):
            _fail(store, job, started.worker, "It holds what the database does not take.")


def _step(store: Store, job: Job, worker: str, may_go_on: MayGoOn) -> Job:
    """One batch. Raises _Stopped."""
    why = may_go_on(job)
    if why is not None:
        return _fail(store, job, worker, why)
    if job.state == "undoing":
        return _undo(store, job, worker)
    try:
        return _do(store, job, worker, _next(store, job))
    except holds.HoldError as error:
        return _fail(store, job, worker, f"{error}.")
    except FilterError as error:
        return _fail(store, job, worker, f"The filter means nothing any more: {error}")


def _next(store: Store, job: Job) -> _Batch:
    """The traces of the next batch, found before anything is locked."""
    ticked: Sequence[str] = job.detail["traces"]
    if ticked:
        rest = [id for id in ticked if id > job.cursor]
        some = rest[:BATCH]
        return _Batch(some, some[-1] if len(rest) > BATCH else None)
    page: Page = list_spans(store, chosen(job, job.created_us), BATCH, job.cursor or None, LIST_S)
    return _Batch([span["id"] for span in page.items], page.next)


def _do(store: Store, job: Job, worker: str, batch: _Batch) -> Job:
    with store.begin() as connection:
        # Nobody erases meanwhile.
        beside_others(connection)
        _move(connection, job, worker, batch.next)
        held = _held(connection, store.key, batch.ids)
        tally = _Tally(failures=[{"id": id, "why": HELD} for id in batch.ids if id in held])
        _acted(connection, job, [id for id in batch.ids if id not in held], tally)
        return _told(connection, job, tally, "done" if batch.next is None else None)


def _move(connection: Connection, job: Job, worker: str, to: str | None) -> None:
    """Go on to the next place, if the job is still this worker's and where it was. Raises _Stopped."""
    own = (
        BULK.c.id == job.id,
        BULK.c.worker == worker,
        BULK.c.state == job.state,
        BULK.c.cursor == job.cursor,
    )
    values = {"cursor": job.cursor if to is None else to, "lease_us": time.time_ns() // 1000 + LEASE_US}
    if connection.execute(BULK.update().where(*own).values(values).returning(BULK.c.id)).first() is None:
        raise _Stopped


def _held(connection: Connection, key: bytes, ids: Sequence[str]) -> set[str]:
    condition = holds.held(connection, key)
    return set(connection.execute(select(SPAN.c.id).where(SPAN.c.id.in_(ids), condition)).scalars())


def _acted(connection: Connection, job: Job, ids: Sequence[str], tally: _Tally) -> None:
    """Do what the job is for."""
    if job.kind != "verdict":
        there = _there(connection, job, ids)
        tally.done += len(there)
        gone = (
            GONE if job.kind == "close" else "It is not there any more, or of another tenant than the queue."
        )
        tally.failures += [{"id": id, "why": gone} for id in ids if id not in there]
        if job.kind == "close":
            close_items(connection, there, job.detail["queue_id"] or None)
        else:
            add_items(connection, job.detail["queue_id"], there)
        return
    for id in ids:
        try:
            why = _judged(connection, job, id)
        except ReviewError as error:
            why = str(error)
        if why is None:
            tally.done += 1
        else:
            tally.failures.append({"id": id, "why": why})


def _there(connection: Connection, job: Job, ids: Sequence[str]) -> list[str]:
    """Those of some traces that are still stored, and that the job may touch."""
    own = [] if job.scope is None else [SPAN.c.tenant == job.scope]
    if job.kind == "queue":
        queue = select(QUEUE.c.tenant).where(QUEUE.c.id == job.detail["queue_id"])
        own.append(SPAN.c.tenant == queue.scalar_subquery())
    found = set(connection.execute(select(SPAN.c.id).where(SPAN.c.id.in_(ids), *own)).scalars())
    return [id for id in ids if id in found]


def close_items(connection: Connection, span_ids: Iterable[str], queue_id: str | None) -> int:
    """End the review of some traces that is not ended, in one queue or in all; how many items."""
    own = [] if queue_id is None else [ITEM.c.queue_id == queue_id]
    open_ones = (ITEM.c.span_id.in_([*span_ids]), ITEM.c.state.in_(("open", "disputed")), *own)
    values = {"state": "closed", "ended_us": time.time_ns() // 1000}
    ended = list(
        connection.execute(ITEM.update().where(*open_ones).values(values).returning(ITEM.c.id)).scalars()
    )
    wanted = (ASSIGNMENT.c.item_id.in_(ended), ASSIGNMENT.c.state != "submitted")
    connection.execute(ASSIGNMENT.delete().where(*wanted))
    return len(ended)


def _judged(connection: Connection, job: Job, span_id: str) -> str | None:
    """Say of one trace what the job says; why it could not be. Raises ReviewError."""
    detail = job.detail
    findings: Sequence[int | None] = [None]
    if detail["rule"]:
        of = [FINDING.c.span_id == span_id, FINDING.c.rule == detail["rule"]]
        of += [FINDING.c.entity == detail["entity"]] if detail["entity"] else []
        query = select(FINDING.c.seq).where(*of).order_by(FINDING.c.seq).limit(MOST_FINDINGS + 1)
        findings = list(connection.execute(query).scalars())
        if len(findings) > MOST_FINDINGS:
            return f"It has over {MOST_FINDINGS:,} such findings: judge it by itself."
        if not findings:
            return "It has no such finding." if _there(connection, job, [span_id]) else GONE
    for finding in findings:
        said = NewReview(
            detail["verdict"], job.actor, detail["note"], finding, tuple(detail["tags"]), job_id=job.id
        )
        if judge(connection, span_id, said, job.scope) is None:
            return GONE
    return None


def _undo(store: Store, job: Job, worker: str) -> Job:
    """Take back the next of what the job said, as far as it still stands."""
    said = (ANNOTATION.c.job_id == job.id, ANNOTATION.c.verdict != WITHDRAWN, ANNOTATION.c.id > job.cursor)
    query = (
        select(ANNOTATION.c.id, ANNOTATION.c.author).where(*said).order_by(ANNOTATION.c.id).limit(BATCH + 1)
    )
    with store.begin() as connection:
        found = connection.execute(query).all()
        end = len(found) <= BATCH
        _move(connection, job, worker, None if end else found[BATCH - 1].id)
        back = sum(take_back(connection, each.id, each.author, job.id) is not None for each in found[:BATCH])
        return _told(connection, job, _Tally(), "undone" if end else None, back)


def _told(connection: Connection, job: Job, tally: _Tally, end: str | None, undone: int = 0) -> Job:
    """Keep what a batch came to; with `end`, that it was the last."""
    failures = [*job.failures, *tally.failures][:MOST_FAILURES]
    values: dict[str, Any] = {
        "done": BULK.c.done + tally.done, "failed": BULK.c.failed + len(tally.failures),
        "undone": BULK.c.undone + undone, "failures": orjson.dumps(failures).decode(),
    }  # fmt: skip
    if end is not None:
        values |= {"state": end, "worker": None, "ended_us": time.time_ns() // 1000}
    changed = BULK.update().where(BULK.c.id == job.id).values(values).returning(BULK)
    row: Mapping[Any, Any] = connection.execute(changed).mappings().one()
    now = told_of(row)
    if end is not None:
        bulk.note_end(
            connection, row, now.detail.get("undone_by", now.actor) if end == "undone" else now.actor
        )
    return now


def _fail(store: Store, job: Job, worker: str, why: str) -> Job:
    """End a job that cannot go on. Raises _Stopped."""
    own = (BULK.c.id == job.id, BULK.c.worker == worker, BULK.c.state == job.state)
    values = {"state": "failed", "why": why, "worker": None, "ended_us": time.time_ns() // 1000}
    with store.begin() as connection:
        row = connection.execute(BULK.update().where(*own).values(values).returning(BULK)).mappings().first()
        if row is None:
            raise _Stopped
        bulk.note_end(connection, row, job.actor)
    return told_of(row)


def _leave(store: Store, job: Job, worker: str) -> None:
    """Let another go on at once."""
    with store.begin() as connection:
        own = (BULK.c.id == job.id, BULK.c.worker == worker)
        connection.execute(BULK.update().where(*own).values(lease_us=0))
