"""When reviewers agree and when not, as a table; and what then becomes of the item."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from proxy.store import claims
from proxy.store.adjudication import agree, differs, verdict_of
from proxy.store.db import Store
from proxy.store.reviews import NewReview, add_review
from proxy.store.tables_review import ITEM
from tests.proxy.store.reviewing import give, queue, reviewed, taken


@pytest.mark.parametrize(
    ("said", "agreed", "verdict"),
    [
        ([{"trace": "pass", "missed": "no"}], True, "pass"),
        ([{"trace": "pass"}, {"trace": "fail"}], False, None),
        ([{"trace": "pass", "missed": "no"}, {"trace": "pass", "missed": "yes"}], False, "pass"),
        ([{"finding.0": "true_positive"}, {"finding.0": "true_positive"}], True, "true_positive"),
        ([{"finding.0": "true_positive"}, {"finding.0": "wrong_action"}], False, None),
        ([{"finding.0": "true_positive"}, {"trace": "pass"}], True, "pass"),
        ([{"finding.0": "true_positive", "finding.1": "false_positive"}], True, None),
        ([{"trace": "defer"}, {"trace": "defer"}], False, "defer"),
        ([{"finding.2": "unsure", "trace": "pass"}], False, "pass"),
        ([{"missed": "yes"}], True, "missed"),
    ],
)
def test_what_goes_together(said: list[dict[str, str]], agreed: bool, verdict: str | None) -> None:
    """Two verdicts on one thing are a dispute, and so is one that asks for somebody else; silence is not."""
    assert agree(said) == agreed
    assert verdict_of(said) == verdict
    assert agreed == (not any(differs(said, what) for each in said for what in each))


def _state(store: Store, item: str) -> tuple[str, str | None]:
    with store.read() as connection:
        row = connection.execute(select(ITEM).where(ITEM.c.id == item)).one()
    return row.state, row.verdict


def test_an_item_is_decided_by_what_stands(store: Store) -> None:
    """What a reviewer said of the same trace outside of the queue, or in another review, is not in it."""
    id = queue(store, 1, reviews=2)
    first = taken(store, id, "ann")
    assert give(store, first, "ann", "fail", NewReview("true_positive", "ann", finding=0))
    assert _state(store, first.item_id) == ("open", None)
    second = taken(store, id, "bob")
    assert give(store, second, "bob", "fail", NewReview("false_positive", "bob", finding=0))
    assert _state(store, first.item_id) == ("disputed", None)

    deciding = claims.take(store, first.item_id, "eve", None)
    assert deciding is not None
    assert give(store, deciding, "eve", "pass", NewReview("true_positive", "eve", finding=0))
    assert _state(store, first.item_id) == ("adjudicated", "pass")


def test_who_defers_alone_hands_it_to_an_adjudicator(store: Store) -> None:
    """Also where one review is enough."""
    item = reviewed(store, queue(store, 1), ann="defer")
    assert _state(store, item) == ("disputed", None)
    assert claims.take(store, item, "bob", None) is not None


def test_a_vote_is_not_lost_by_what_its_author_says_elsewhere(store: Store) -> None:
    """Judged again on the trace itself, the review of the item stays what was submitted: the two still disagree."""
    id = queue(store, 1, reviews=2)
    first = taken(store, id, "ann")
    assert give(store, first, "ann", "fail")
    assert add_review(store, first.span_id, NewReview("pass", "ann"))
    assert give(store, taken(store, id, "bob"), "bob", "pass")

    assert _state(store, first.item_id) == ("disputed", None)
