"""Orders of bulk jobs: what is refused, how many, whose, and how they are stopped."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from proxy.exchange import Principal
from proxy.store import bulk
from proxy.store.audit import acts
from proxy.store.bulk import BulkError, Order, cancel, counted, job, jobs, start, undo
from proxy.store.db import Store
from proxy.store.filters import FilterError, parse
from tests.proxy.exchanges import masked

ALL = Order("verdict", "ann", "default", "default", "flagged:true", verdict="pass")


def fill(store: Store, count: int, tenant: str = "default") -> list[str]:
    """Store traces with one finding of `pii` each; their ids, oldest first."""
    told = [document(masked(principal=Principal("k", tenant))) for _ in range(count)]
    assert (
        store.write(
            [{**one, "started_us": one["started_us"] - count + place} for place, one in enumerate(told)]
        )
        == []
    )
    return [one["id"] for one in told]


def order(**over: Any) -> Order:
    """The plain order, but for some of it."""
    return Order(**{**{name: getattr(ALL, name) for name in ALL.__slots__}, **over})


@pytest.mark.parametrize(
    ("over", "named"),
    [
        ({"kind": "erase"}, "kind"),
        ({"filter": ""}, "filter"),
        ({"traces": ["a"]}, "filter"),
        ({"filter": "", "traces": ["a"] * 201}, "traces"),
        ({"verdict": "great"}, "verdict"),
        ({"verdict": "pass", "rule": "pii"}, "verdict"),
        ({"entity": "EMAIL_ADDRESS"}, "entity"),
        ({"tags": ["bad"]}, "tags"),
        ({"note": "x" * 10_001}, "note"),
        ({"kind": "queue"}, "queue"),
        ({"kind": "queue", "queue_id": "none"}, "queue"),
        ({"filter": "rule:nothing"}, "filter"),
        ({"verdict": "true_positive", "rule": "\0x"}, "rule"),
        ({"filter": "", "traces": ["\0"]}, "rule"),
    ],
)
def test_an_order_without_sense_is_refused(store: Store, over: dict[str, Any], named: str) -> None:
    """By the name of what is wrong; nothing is kept."""
    fill(store, 1)
    with pytest.raises(BulkError, match=f"^{named}"):
        start(store, order(**over))
    with pytest.raises(FilterError):
        start(store, order(filter="colour:red"))
    assert jobs(store, None) == []


def test_a_job_counts_the_traces_of_its_tenant(store: Store) -> None:
    """And is told to nobody of another one; its start is an act."""
    fill(store, 3)
    fill(store, 2, "acme")
    ours, every = start(store, ALL).job, start(store, order(scope=None, tenant="acme")).job

    assert (ours.total, every.total) == (3, 5)
    assert job(store, ours.id, "acme") is None and not cancel(store, ours.id, "acme", "bob")
    assert [one.id for one in jobs(store, "default")] == [ours.id]
    assert {one.id for one in jobs(store, None)} == {ours.id, every.id}
    assert [act["action"] for act in acts(store, 2)] == ["bulk.start", "bulk.start"]
    assert acts(store, 1)[0]["detail"]["traces"] == 5


def test_there_are_only_so_many_at_once(store: Store) -> None:
    """Of one tenant; a place is free when one is cancelled."""
    fill(store, 1)
    first, *_ = [start(store, ALL) for _ in range(bulk.MOST_JOBS)]
    with pytest.raises(BulkError, match="jobs: "):
        start(store, ALL)
    assert cancel(store, first.job.id, "default", "bob") and not cancel(store, first.job.id, "default", "bob")
    assert acts(store, 1)[0]["actor"] == "bob"
    assert start(store, ALL).job.state == "running"


def test_a_filter_with_too_many_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As is one that cannot be counted in time; an order of ticked traces has those that are there."""
    ids = fill(store, 3)
    assert start(store, order(filter="", traces=[*ids[:2], "0" * 32])).job.total == 2
    monkeypatch.setattr(bulk, "MOST_TRACES", 2)
    with pytest.raises(BulkError, match="over 2 traces"):
        start(store, ALL)
    assert counted(store, parse("flagged:true")) == bulk.Counted(2, exact=False)
    assert counted(store, parse("flagged:true"), within_s=0) == bulk.Counted(0, exact=False)


def test_only_what_has_ended_and_said_something_can_be_undone(store: Store) -> None:
    """Once."""
    fill(store, 1)
    running, closing = start(store, ALL).job, start(store, order(kind="close", verdict="")).job
    assert undo(store, running.id, "default", "ann") is None
    for each in (running, closing):
        cancel(store, each.id, None, "ann")
    assert undo(store, closing.id, "default", "ann") is None
    assert undo(store, running.id, "acme", "ann") is None
    begun = undo(store, running.id, "default", "bob")
    assert begun is not None and begun.job.state == "undoing"
    assert undo(store, running.id, "default", "bob") is None
