"""A review that was just submitted is taken back whole, or stays whole, whoever else is at its item."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from proxy.store import claims
from proxy.store.adjudication import labels
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.filter_fields import WITHDRAWN
from proxy.store.reopening import UNDO_US, take_back_submitted
from proxy.store.reviews import NewReview, ReviewError, reviews, withdraw, withdraw_since
from proxy.store.tables_review import ASSIGNMENT, ITEM
from tests.proxy.store.reviewing import give, queue, taken

NOW = 1_800_000_000_000_000
BOTH = [NewReview("fail", ""), NewReview("true_positive", "", finding=0)]


def item(store: Store) -> tuple[str, str | None, int, int | None]:
    """State, verdict, reviews and end of the only item."""
    with store.read() as connection:
        row = connection.execute(select(ITEM)).one()
    return row.state, row.verdict, row.submitted, row.ended_us


def standing(store: Store, span_id: str) -> list[str]:
    """The verdicts on a trace that stand."""
    return [
        each["verdict"]
        for each in reviews(store, span_id)
        if not each["superseded"] and each["verdict"] != WITHDRAWN
    ]


def test_a_review_is_taken_back_whole_and_given_anew(store: Store) -> None:
    """Item, verdicts and claim are as before it; a second one counts as if there had been no first."""
    claim = taken(store, queue(store, 1), "ann", NOW)
    assert claims.submit(store, claims.Hold(claim.item_id, "ann", claim.token), BOTH, None, NOW)
    assert item(store)[0] == "agreed" and len(standing(store, claim.span_id)) == 2

    held = take_back_submitted(store, claim.item_id, "ann", None, NOW + UNDO_US)

    assert isinstance(held, claims.Held) and held.span_id == claim.span_id and held.token != claim.token
    assert item(store) == ("open", None, 0, None)
    assert standing(store, claim.span_id) == []
    assert [act["action"] for act in acts(store)][:3] == ["item.reopen", "review.withdraw", "review.withdraw"]
    assert claims.take_next(store, claim.queue_id, "bob", None, NOW + UNDO_US) is None
    assert not claims.submit(store, claims.Hold(claim.item_id, "ann", claim.token), BOTH, None, NOW)
    assert claims.submit(
        store, claims.Hold(held.item_id, "ann", held.token), [NewReview("pass", "")], None, NOW + UNDO_US
    )
    assert item(store)[:3] == ("agreed", "pass", 1)
    with store.read() as connection:
        assert labels(connection, [claim.item_id])[claim.item_id]["ann"]["trace"] == "pass"


@pytest.mark.parametrize(
    ("who", "tenant", "later", "why"),
    [("ann", None, UNDO_US + 1, "late"), ("bob", None, 0, "none"), ("ann", "another", 0, "none")],
)
def test_what_is_not_to_be_taken_back_stays(
    store: Store, who: str, tenant: str | None, later: int, why: str
) -> None:
    """Too late, somebody else's, another tenant's: told why, and nothing has changed."""
    claim = taken(store, queue(store, 1), "ann", NOW)
    assert take_back_submitted(store, claim.item_id, "ann", None, NOW) == "none"
    assert claims.submit(store, claims.Hold(claim.item_id, "ann", claim.token), BOTH, None, NOW)
    before = item(store)

    assert take_back_submitted(store, claim.item_id, who, tenant, NOW + later) == why

    assert item(store) == before and len(standing(store, claim.span_id)) == 2


def test_a_dispute_that_nobody_decides_yet_goes_with_its_review(store: Store) -> None:
    """Its place for an adjudicator too; one who has taken it keeps it, and then the review stays."""
    claim = taken(store, queue(store, 1, reviews=2), "ann")
    assert give(store, claim, "ann", "pass")
    second = taken(store, claim.queue_id, "bob")
    assert give(store, second, "bob", "fail") and item(store)[0] == "disputed"

    held = take_back_submitted(store, claim.item_id, "bob", None)

    assert isinstance(held, claims.Held) and item(store) == ("open", None, 1, None)
    with store.read() as connection:
        assert set(connection.execute(select(ASSIGNMENT.c.place)).scalars()) == {0, 1}
    assert claims.submit(store, claims.Hold(held.item_id, "bob", held.token), [NewReview("fail", "")], None)
    deciding = claims.take(store, claim.item_id, "eve", None)
    assert deciding is not None
    assert take_back_submitted(store, claim.item_id, "bob", None) == "decided"
    assert item(store)[0] == "disputed" and give(store, deciding, "eve", "fail")
    assert take_back_submitted(store, claim.item_id, "bob", None) == "decided"
    assert take_back_submitted(store, claim.item_id, "eve", None) == "decided"
    assert item(store)[:2] == ("adjudicated", "fail")


def test_in_a_blind_queue_a_review_stays_once_others_could_be_read(store: Store) -> None:
    """The first of two may be taken back, the second not: it would be said again with the other in view."""
    claim = taken(store, queue(store, 1, reviews=2, blind=True), "ann")
    assert give(store, claim, "ann")
    held = take_back_submitted(store, claim.item_id, "ann", None)
    assert isinstance(held, claims.Held)
    assert claims.submit(store, claims.Hold(held.item_id, "ann", held.token), [NewReview("pass", "")], None)
    assert give(store, taken(store, claim.queue_id, "bob"), "bob")
    before = item(store)

    assert {take_back_submitted(store, claim.item_id, each, None) for each in ("ann", "bob")} == {"seen"}

    assert item(store) == before and standing(store, claim.span_id) == ["pass", "pass"]


def test_one_judgement_of_a_queues_review_is_not_taken_back_alone(store: Store) -> None:
    """Neither by its id nor by its time: the item counts it."""
    claim = taken(store, queue(store, 1), "ann")
    assert give(store, claim, "ann")
    [said] = reviews(store, claim.span_id)

    with pytest.raises(ReviewError, match="belongs to a queue"):
        withdraw(store, said["id"], "ann")
    assert not withdraw(store, said["id"], "bob")
    assert withdraw_since(store, claim.span_id, "ann", 0) == []
    assert standing(store, claim.span_id) == ["pass"]
