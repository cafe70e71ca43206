"""The figures of rules, from rollups, verdicts and sampled traces; on both databases."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import select

from proxy.exchange import new_id
from proxy.store.db import Store
from proxy.store.deadline import Late
from proxy.store.reviews import NewReview, Place, add_review, withdraw
from proxy.store.rule_figures import DAY_US, figures
from proxy.store.tables import SPAN
from proxy.store.tables_review import ASSIGNMENT, ITEM
from tests.proxy.review.documents import masked

HERE = Place("input", "/messages/0/content", "", 0, 5)


def stored(store: Store, count: int) -> list[str]:
    """Traces with one finding each; their ids."""
    traces = [
        masked(n, "Write to EMAIL_ADDRESS_1f20c4d8e9", "EMAIL_ADDRESS_1f20c4d8e9", id=new_id())
        for n in range(count)
    ]
    assert store.write(traces) == []
    return [trace["id"] for trace in traces]


def drawn(store: Store, span_id: str, share: float, submitted: int = 1, **more: Any) -> str:
    """An item of a queue for a trace; its id."""
    now = time.time_ns() // 1000
    with store.read() as connection:
        started = connection.execute(select(SPAN.c.started_us).where(SPAN.c.id == span_id)).scalar_one()
    row = {
        "id": new_id(), "tenant": "default", "queue_id": "q", "span_id": span_id, "filter": "", "share": share,
        "reviews": 1, "priority": 0, "state": "agreed", "submitted": submitted, "created_us": now,
        "started_us": started, "ended_us": None, "verdict": None, **more,
    }  # fmt: skip
    with store.begin() as connection:
        connection.execute(ITEM.insert(), [row])
    return str(row["id"])


def judged(store: Store, span_id: str, verdict: str, author: str = "ada", **more: Any) -> str:
    """A verdict on the first finding; its id."""
    row = add_review(store, span_id, NewReview(verdict, author, finding=0, **more))
    assert row is not None
    return str(row["id"])


def since() -> int:
    """Thirty days ago."""
    return time.time_ns() // 1000 - 30 * DAY_US


def test_precision_counts_verdicts_once_each_finding(store: Store) -> None:
    """Wrong action is rightly found; unsure, ties and what was taken back are left out; two agree or not."""
    ids = stored(store, 9)
    for id in ids[:5]:
        judged(store, id, "true_positive")
    judged(store, ids[4], "true_positive", "bob")
    judged(store, ids[5], "wrong_action")
    judged(store, ids[6], "false_positive")
    judged(store, ids[7], "unsure")
    judged(store, ids[8], "false_positive")
    judged(store, ids[8], "true_positive", "bob")
    assert withdraw(store, judged(store, ids[8], "false_positive", "eve"), "eve")
    [found] = figures(store, None, since())

    assert (found.rule, found.findings, found.judged, sum(found.trend)) == ("pii", 9, 7, 9)
    assert found.precision is not None and found.precision.value == pytest.approx(6 / 7)
    assert found.precision.low < 6 / 7 < found.precision.high and found.precision.n == 7
    assert found.agreement == 0.5
    assert found.missed is None and found.recall is None, "no queue, no estimate"


def test_the_adjudicator_decides(store: Store) -> None:
    """Against any majority."""
    ids = stored(store, 5)
    for id in ids:
        item = drawn(store, id, 1.0)
        judged(store, id, "true_positive", "ada", item_id=item)
        judged(store, id, "true_positive", "bob", item_id=item)
        judged(store, id, "false_positive", "judge", item_id=item)
        row = {
            "item_id": item, "span_id": id, "place": -1, "tenant": "default", "queue_id": "q", "state": "submitted",
            "reviewer": "judge", "token": None, "lease_us": 0, "claimed_us": 0, "submitted_us": 1, "priority": 0,
            "started_us": 0,
        }  # fmt: skip
        with store.begin() as connection:
            connection.execute(ASSIGNMENT.insert(), [row])
    [found] = figures(store, None, since())

    assert found.precision is not None and found.precision.value == 0


def test_what_was_missed_is_weighted_by_the_share_that_was_looked_at(store: Store) -> None:
    """Half of a sample of a tenth was reviewed: each miss stands for twenty. One place counts once."""
    ids = stored(store, 80)
    items = [drawn(store, id, 0.1, submitted=int(place < 40)) for place, id in enumerate(ids)]
    for id, item in zip(ids[:6], items[:6], strict=True):
        judged(store, id, "true_positive", item_id=item)
    for author, start in (("ada", 0), ("bob", 2)):
        place = Place(HERE.side, HERE.pointer, HERE.within, start, start + 5)
        review = NewReview("missed", author, place=place, entity="EMAIL_ADDRESS", item_id=items[0])
        assert add_review(store, ids[0], review)
    other = NewReview("missed", "ada", place=HERE, entity="IBAN_CODE", item_id=items[1])
    assert add_review(store, ids[1], other)
    [found] = figures(store, None, since())

    assert found.sampled == 40 and found.missed is not None
    assert found.missed.value == pytest.approx(20), "the kind that the rule does not find is not its miss"
    assert found.missed.low < 20 < found.missed.high and found.missed.n == 40
    assert found.recall is not None and found.recall.low < found.recall.value < found.recall.high


def test_another_tenants_are_not_counted(store: Store) -> None:
    """Neither findings nor verdicts."""
    [id] = stored(store, 1)
    judged(store, id, "true_positive")

    assert figures(store, "elsewhere", since()) == []
    assert [each.rule for each in figures(store, "default", since())] == ["pii"]


def test_figures_end_in_time(store: Store) -> None:
    """Without time there is an error, and no half of a number."""
    stored(store, 1)
    with pytest.raises(Late):
        figures(store, None, since(), 0.0)
