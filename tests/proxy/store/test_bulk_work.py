"""Bulk jobs as they are done: each trace once, whoever is killed, until they end, are cancelled or undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from proxy.exchange import new_id
from proxy.store import bulk_work, holds, reviews
from proxy.store.audit import acts
from proxy.store.bulk import Job, cancel, job, start, undo
from proxy.store.bulk_work import take, work
from proxy.store.db import Store
from proxy.store.filters import of, parse
from proxy.store.queries import count_spans
from proxy.store.tables import ANNOTATION, SPAN
from proxy.store.tables_review import ASSIGNMENT, BULK, ITEM, QUEUE
from tests.proxy.store.test_bulk import ALL, fill, order

LATER = 1 << 60


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_work, "BATCH", 3)


class Killed(BaseException):
    """Stands for a signal that nothing survives."""


def _may(_: Job) -> None:
    return None


def _killing(after: int) -> Callable[[Job], None]:
    """Lets so many batches be done, and then kills."""
    left = [after]

    def may_go_on(_: Job) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    return may_go_on


def _judgements(store: Store) -> dict[str, int]:
    query = select(ANNOTATION.c.span_id, func.count()).group_by(ANNOTATION.c.span_id)
    with store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _done(store: Store, **over: Any) -> Job:
    started = start(store, order(**over))
    work(store, started, _may)
    found = job(store, started.job.id, None)
    assert found is not None
    return found


@pytest.mark.parametrize("ticked", [False, True])
def test_every_trace_of_the_filter_is_judged_once(store: Store, ticked: bool) -> None:
    """Also when what is said takes it out of the filter; the act has the counts."""
    ids = fill(store, 7)
    fill(store, 2, "acme")
    over = {"filter": "", "traces": ids} if ticked else {"filter": "reviewed:false"}
    found = _done(store, **over)

    assert (found.state, found.total, found.done, found.failed) == ("done", 7, 7, 0)
    assert _judgements(store) == dict.fromkeys(ids, 1)
    said = reviews.reviews(store, ids[0])[0]
    assert (said["verdict"], said["author"], said["job_id"]) == ("pass", "ann", found.id)
    last = acts(store, 1)[0]
    assert (last["action"], last["object"], last["detail"]["done"]) == ("bulk.end", found.id, 7)


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_another_goes_on_where_one_was_killed_between_batches(store: Store, batches: int) -> None:
    """Once its lease is over, and not before."""
    ids = fill(store, 7)
    started = start(store, ALL)
    with pytest.raises(Killed):
        work(store, started, _killing(batches))
    assert len(_judgements(store)) == 3 * batches
    assert take(store) is None
    taken = take(store, LATER)
    assert taken is not None and taken.worker != started.worker
    work(store, taken, _may)

    assert _judgements(store) == dict.fromkeys(ids, 1)
    found = job(store, started.job.id, None)
    assert found is not None and (found.state, found.done) == ("done", 7)


def test_one_that_was_killed_in_a_batch_leaves_nothing_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second batch is done wholly, by the other."""
    ids = fill(store, 7)
    started = start(store, ALL)
    real, left = reviews.judge, [5]

    def judge(*given: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(bulk_work, "judge", judge)
        with pytest.raises(Killed):
            work(store, started, _may)
    assert len(_judgements(store)) == 3
    taken = take(store, LATER)
    assert taken is not None
    work(store, taken, _may)
    assert _judgements(store) == dict.fromkeys(ids, 1)


def test_who_was_taken_for_gone_does_nothing_more(store: Store) -> None:
    """Both work at once: each trace is judged once."""
    ids = fill(store, 7)
    started = start(store, ALL)
    taken = take(store, LATER)
    assert taken is not None
    work(store, started, _may)
    assert _judgements(store) == {}
    work(store, taken, _may)
    assert _judgements(store) == dict.fromkeys(ids, 1)


def test_a_cancelled_job_stops_after_the_batch(store: Store) -> None:
    """What it did stays, and can be undone."""
    fill(store, 7)
    started = start(store, ALL)
    seen = []

    def may_go_on(now: Job) -> None:
        seen.append(now.done)
        if len(seen) == 2:
            cancel(store, now.id, "default", "bob")

    work(store, started, may_go_on)
    found = job(store, started.job.id, None)
    assert found is not None and (found.state, found.done, found.can_undo) == ("cancelled", 3, True)
    assert len(_judgements(store)) == 3


def test_who_may_not_any_more_is_stopped_with_the_reason(store: Store) -> None:
    """In the midst."""
    fill(store, 7)
    started = start(store, ALL)
    work(store, started, lambda now: "Not any more." if now.done >= 3 else None)
    found = job(store, started.job.id, None)

    assert found is not None and (found.state, found.why, found.done) == ("failed", "Not any more.", 3)


def test_a_stopping_process_leaves_the_job_to_another_at_once(store: Store) -> None:
    """Nobody waits for the lease."""
    fill(store, 4)
    started = start(store, ALL)
    stops = iter([False, True])
    work(store, started, _may, lambda: next(stops))
    taken = take(store)
    assert taken is not None and taken.job.done == 3


def test_undoing_takes_back_only_what_still_stands(store: Store) -> None:
    """And goes on where it was killed, too."""
    ids = fill(store, 7)
    found = _done(store)
    reviews.add_review(store, ids[2], reviews.NewReview("fail", "ann"))
    reviews.add_review(store, ids[3], reviews.NewReview("fail", "bob"))
    begun = undo(store, found.id, "default", "bob")
    assert begun is not None
    with pytest.raises(Killed):
        work(store, begun, _killing(1))
    taken = take(store, LATER)
    assert taken is not None
    work(store, taken, _may)
    after = job(store, found.id, None)

    assert after is not None and (after.state, after.undone) == ("undone", 6)
    assert count_spans(store, parse("reviewed:true")) == 2
    assert acts(store, 1)[0]["action"] == "bulk.undo" and acts(store, 1)[0]["actor"] == "bob"


def test_every_finding_of_a_rule_is_judged(store: Store) -> None:
    """Of the kind that was named; a trace without one is told."""
    ids = fill(store, 2)
    found = _done(store, verdict="false_positive", rule="pii", entity="EMAIL_ADDRESS")

    assert found.done == 2
    assert [one["finding"] for one in reviews.reviews(store, ids[0])] == [0]
    other = _done(store, verdict="unsure", rule="other")
    assert (other.done, other.failed, other.failures[0]["why"]) == (0, 2, "It has no such finding.")


def test_what_is_gone_or_held_is_told(store: Store) -> None:
    """Each with its reason; the others are judged."""
    ids = fill(store, 7)
    holds.add(store, f"trace:{ids[0]}", "a case", "cy")
    started = start(store, ALL)
    real = bulk_work._next

    def erased(*given: Any) -> Any:
        batch = real(*given)
        with store.begin() as connection:
            connection.execute(SPAN.delete().where(SPAN.c.id == ids[6]))
        return batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_work, "_next", erased)
        work(store, started, _may)
    found = job(store, started.job.id, None)
    assert found is not None and (found.done, found.failed) == (5, 2)
    assert [(one["id"], one["why"]) for one in found.failures] == [
        (ids[6], bulk_work.GONE),
        (ids[0], bulk_work.HELD),
    ]


def _queue(store: Store, tenant: str = "default") -> str:
    row = {
        "id": new_id(), "tenant": tenant, "name": f"q-{tenant}", "filter": "", "share": 1.0, "reviews": 2, "blind": True,
        "priority": 0, "actor": "ann", "created_us": 1, "filled_us": 1, "closed_us": None,
    }  # fmt: skip
    with store.begin() as connection:
        connection.execute(QUEUE.insert(), [row])
    return str(row["id"])


def test_traces_are_put_into_a_queue_and_their_review_is_ended(store: Store) -> None:
    """Those of the queue's tenant; reviews that are still wanted are wanted no more."""
    fill(store, 4)
    fill(store, 1, "acme")
    queue = _queue(store)
    put = _done(store, kind="queue", queue_id=queue, scope=None)
    assert (put.done, put.failed) == (4, 1)
    assert count_spans(store, of(queue="q-default", state="open")) == 4
    ended = _done(store, kind="close", queue_id=queue)
    with store.read() as connection:
        assert connection.execute(select(func.count()).where(ITEM.c.state == "closed")).scalar() == 4
        assert connection.execute(select(func.count()).select_from(ASSIGNMENT)).scalar() == 0
        assert connection.execute(select(BULK.c.worker).where(BULK.c.id == ended.id)).scalar() is None
