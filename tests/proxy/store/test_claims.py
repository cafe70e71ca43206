"""One place, one reviewer: whoever claims, beats, leaves and submits, in whatever order, on either database."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from proxy.store import claims, queues
from proxy.store.adjudication import labels
from proxy.store.audit import acts
from proxy.store.claims import LEASE_US, Claim
from proxy.store.db import Store, open_store
from proxy.store.reviews import NewReview, ReviewError, reviews
from proxy.store.tables import ANNOTATION
from proxy.store.tables_review import ASSIGNMENT, ITEM
from tests.proxy.store.databases import KEY
from tests.proxy.store.reviewing import give, queue, reviewed, taken

NOW = 1_800_000_000_000_000
PASS = [NewReview("pass", "")]


def test_a_claim_is_the_reviewers_own_until_it_is_submitted(store: Store) -> None:
    """Asked for again it is the same one; two reviewers of one review have two items; the progress counts up."""
    id = queue(store, 2)
    first, second = taken(store, id, "ann"), taken(store, id, "bob")

    assert first.item_id != second.item_id
    assert taken(store, id, "ann").token == first.token
    assert (first.done, first.total) == (0, 2)
    assert claims.take_next(store, id, "eve", None) is None
    assert give(store, first, "ann")
    assert claims.claim_of(store, first.item_id, "ann") is None
    assert [act["action"] for act in acts(store)][:2] == ["item.submit", "review.add"]


def test_who_adjudicates_is_told_of_disputed_items_alone(store: Store) -> None:
    """Not of the reviews that are free; and what was decided is no review of a queue."""
    id = queue(store, 5, reviews=2)
    item = reviewed(store, id, ann="pass", bob="fail")

    deciding = claims.take(store, item, "eve", None)
    assert deciding is not None and (deciding.done, deciding.total) == (0, 1)
    assert give(store, deciding, "eve", "fail")

    claim = taken(store, id, "eve")
    assert (claim.done, claim.total) == (0, 4)


def test_nobody_reviews_an_item_twice(store: Store) -> None:
    """Not while a second review is wanted, not after the own lease was over, and not as its adjudicator."""
    id = queue(store, 1, reviews=2)
    assert give(store, taken(store, id, "ann"), "ann", "pass")

    assert claims.take_next(store, id, "ann", None) is None
    claim = taken(store, id, "bob")
    assert give(store, claim, "bob", "fail")
    assert claims.take(store, claim.item_id, "ann", None) is None
    assert claims.take(store, claim.item_id, "bob", None) is None
    deciding = claims.take(store, claim.item_id, "eve", None)
    assert deciding is not None and deciding.adjudication
    assert claims.take(store, claim.item_id, "joe", None) is None
    assert give(store, deciding, "eve", "fail")
    with store.read() as connection:
        item = connection.execute(select(ITEM)).mappings().one()
    assert (item["state"], item["verdict"], item["submitted"]) == ("adjudicated", "fail", 2)


def test_a_lease_that_is_over_is_free_and_the_old_token_stale(store: Store) -> None:
    """Until somebody takes it, whoever had it may go on; then nothing is kept under the old token."""
    id = queue(store, 1)
    old = taken(store, id, "ann", NOW)
    assert claims.take_next(store, id, "bob", None, NOW + LEASE_US - 1) is None
    assert claims.claim_of(store, old.item_id, "ann", NOW + LEASE_US) is None
    assert claims.beat(store, old.item_id, "ann", old.token, NOW + LEASE_US) == NOW + 2 * LEASE_US

    new = taken(store, id, "bob", NOW + 2 * LEASE_US)

    assert new.item_id == old.item_id
    assert claims.beat(store, old.item_id, "ann", old.token) is None
    assert not claims.release(store, old.item_id, "ann", old.token)
    assert not claims.submit(store, claims.Hold(old.item_id, "ann", old.token), PASS, None)
    assert not claims.submit(store, claims.Hold(new.item_id, "ann", new.token), PASS, None)
    assert claims.why_not(store, old.item_id, "ann") == "taken"
    assert reviews(store, old.span_id) == []
    assert claims.submit(store, claims.Hold(new.item_id, "bob", new.token), PASS, None)
    assert not claims.submit(store, claims.Hold(new.item_id, "bob", new.token), PASS, None)
    assert claims.why_not(store, new.item_id, "bob") == "given"


def test_a_page_that_is_left_holds_its_claim_for_a_moment(store: Store) -> None:
    """Loaded again it goes on; else others have it soon. One that is given back they have at once."""
    id = queue(store, 1)
    claim = taken(store, id, "ann", NOW)

    assert claims.leave(store, claim.item_id, "ann", claim.token, NOW)
    assert claims.claim_of(store, claim.item_id, "ann", NOW + claims.LEAVE_US - 1) is not None
    assert taken(store, id, "bob", NOW + claims.LEAVE_US).item_id == claim.item_id
    assert claims.take_next(store, id, "eve", None, NOW + claims.LEAVE_US) is None
    bobs = claims.claim_of(store, claim.item_id, "bob", NOW + claims.LEAVE_US)
    assert bobs is not None and claims.release(store, bobs.item_id, "bob", bobs.token)
    assert taken(store, id, "eve", NOW + claims.LEAVE_US).item_id == claim.item_id


def test_a_review_that_cannot_be_kept_leaves_the_claim_as_it_was(store: Store) -> None:
    """All or nothing: one unfit judgement of several keeps the others out, and the claim goes on."""
    id = queue(store, 1)
    claim = taken(store, id, "ann")
    unfit: list[list[NewReview]] = [
        [],
        [NewReview("pass", "ann"), NewReview("true_positive", "ann", finding=99)],
    ]
    for said in unfit:
        with pytest.raises(ReviewError):
            claims.submit(store, claims.Hold(claim.item_id, "ann", claim.token), said, None)

    assert reviews(store, claim.span_id) == []
    assert claims.claim_of(store, claim.item_id, "ann") is not None
    assert not claims.submit(store, claims.Hold(claim.item_id, "ann", claim.token), PASS, "another")
    assert give(store, claim, "ann")


def test_another_tenants_items_and_closed_queues_are_not_taken(store: Store) -> None:
    """Who has a claim when the queue is closed may end it; open again, it goes on."""
    id = queue(store, 2)
    assert claims.take_next(store, id, "ann", "another") is None
    claim = taken(store, id, "ann")
    assert queues.close_queue(store, id, None, "ann")

    assert claims.take_next(store, id, "bob", None) is None
    assert give(store, claim, "ann")
    assert queues.open_queue(store, id, None, "ann")
    assert taken(store, id, "bob").item_id != claim.item_id


def test_a_higher_priority_and_an_older_trace_come_first(store: Store) -> None:
    """In this order, by one index."""
    id = queue(store, 3, priority=1)
    with store.begin() as connection:
        oldest, _, newest = connection.execute(select(ITEM).order_by(ITEM.c.started_us, ITEM.c.id)).mappings()
        urgent = ASSIGNMENT.update().where(ASSIGNMENT.c.item_id == newest["id"])
        connection.execute(urgent.values(priority=-2))

    assert taken(store, id, "ann").item_id == newest["id"]
    assert taken(store, id, "bob").item_id == oldest["id"]


def test_the_claims_of_a_reviewer_are_listed(store: Store) -> None:
    """The live ones, and the one of a token, whether its lease is over or not."""
    id = queue(store, 1)
    claim = taken(store, id, "ann")

    assert [each.item_id for each in claims.claims_of(store, "ann")] == [claim.item_id]
    assert claims.claims_of(store, "ann", claim.lease_us) == []
    found = claims.held(store, claim.item_id, "ann", claim.token)
    assert found is not None and found.span_id == claim.span_id
    assert claims.span_of(store, claim.item_id, "another") is None
    assert claims.span_of(store, claim.item_id, "default") == claim.span_id
    assert claims.why_not(store, "nothing", "ann") == "gone"


class Reviewers(RuleBasedStateMachine):
    """Three reviewers of four items with two reviews each, a clock, and what they should see by the book."""

    store: Store
    make: Callable[[], tuple[Store, str]]

    def __init__(self) -> None:
        super().__init__()
        self.store, self.queue = type(self).make()
        self.now = NOW
        self.tokens: list[tuple[str, Claim]] = []
        """Every claim that was ever given, with its reviewer."""
        self.holder: dict[tuple[str, int], tuple[str, str]] = {}
        """By place: who has it, under which token, as long as nobody else took it."""
        self.given: set[tuple[str, str]] = set()
        """Items with who submitted a review."""

    @rule(reviewer=st.sampled_from("abc"))
    def take(self, reviewer: str) -> None:
        """The own live claim, else an item that is free, and that the reviewer has no part in."""
        claim = claims.take_next(self.store, self.queue, reviewer, None, self.now)
        if claim is None:
            return
        assert (claim.item_id, reviewer) not in self.given
        key = (claim.item_id, claim.place)
        before = self.holder.get(key)
        if before is not None and before != (reviewer, claim.token):
            row = next(each for who, each in reversed(self.tokens) if each.token == before[1])
            assert self.leases[row.token] <= self.now, "a live claim was given to somebody else"
        self.holder[key] = (reviewer, claim.token)
        self.tokens.append((reviewer, claim))
        self.leases[claim.token] = self.now + LEASE_US

    @property
    def leases(self) -> dict[str, int]:
        """Until when each token holds."""
        return self.__dict__.setdefault("_leases", {})

    def _holds(self, reviewer: str, claim: Claim) -> bool:
        return self.holder.get((claim.item_id, claim.place)) == (reviewer, claim.token)

    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        """A claim beats as long as nobody took its place."""
        if self.tokens:
            reviewer, claim = data.draw(st.sampled_from(self.tokens))
            until = claims.beat(self.store, claim.item_id, reviewer, claim.token, self.now)
            assert (until is not None) == self._holds(reviewer, claim)
            if until is not None:
                self.leases[claim.token] = until

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        """So it is given back."""
        if self.tokens:
            reviewer, claim = data.draw(st.sampled_from(self.tokens))
            given = claims.release(self.store, claim.item_id, reviewer, claim.token)
            assert given == self._holds(reviewer, claim)
            if given:
                del self.holder[claim.item_id, claim.place]

    @rule(data=st.data(), verdict=st.sampled_from(["pass", "fail"]))
    def submit(self, data: st.DataObject, verdict: str) -> None:
        """A stale token keeps nothing; a good one counts once."""
        if self.tokens:
            reviewer, claim = data.draw(st.sampled_from(self.tokens))
            said = [NewReview(verdict, reviewer)]
            kept = claims.submit(
                self.store, claims.Hold(claim.item_id, reviewer, claim.token), said, None, self.now
            )
            assert kept == self._holds(reviewer, claim)
            if kept:
                del self.holder[claim.item_id, claim.place]
                self.given.add((claim.item_id, reviewer))

    @rule(seconds=st.sampled_from([1, 200, 301]))
    def wait(self, seconds: int) -> None:
        """Time goes by."""
        self.now += seconds * 1_000_000

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        """Every review that was taken is there, none more; an item counts its own, and ends with the last."""
        with self.store.read() as connection:
            rows = connection.execute(select(ASSIGNMENT)).mappings().all()
            items = connection.execute(select(ITEM)).mappings().all()
            judged = connection.execute(select(func.count()).select_from(ANNOTATION)).scalar_one()
        done = {(row["item_id"], row["reviewer"]) for row in rows if row["state"] == "submitted"}
        assert done == self.given and judged == len(self.given)
        counts = Counter(item for item, _ in self.given)
        for item in items:
            assert item["submitted"] == counts[item["id"]] <= item["reviews"]
            assert (item["state"] == "open") == (counts[item["id"]] < item["reviews"])


@pytest.fixture
def make(store: Store) -> Iterator[Callable[[], tuple[Store, str]]]:
    """Empties the store and makes a queue in it, again and again."""

    def fresh() -> tuple[Store, str]:
        from proxy.store.tables_review import QUEUE

        with store.begin() as connection:
            for table in (ASSIGNMENT, ITEM, QUEUE, ANNOTATION):
                connection.execute(table.delete())
        return store, queue(store, 4, reviews=2)

    yield fresh


def test_whatever_reviewers_do_in_whatever_order(make: Callable[[], tuple[Store, str]]) -> None:
    """No place is given twice, no review is lost, none counts twice; the clock decides and nothing else."""

    class Here(Reviewers):
        """Reviewers of this test's store."""

    Here.make = staticmethod(make)
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    options: Any = settings(
        max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=checks
    )
    run_state_machine_as_test(Here, settings=options)


def test_many_reviewers_at_once_from_two_proxies(store: Store, tmp_path: Path) -> None:
    """Eight threads over two stores of one database: each item has its two reviews, by two people, and no more."""
    id = queue(store, 20, reviews=2)
    other = open_store(store.engine.url.render_as_string(hide_password=False), KEY)
    kept: list[bool] = []
    wrong: list[BaseException] = []

    def work(reviewer: str, mine: Store) -> None:
        try:
            while (claim := claims.take_next(mine, id, reviewer, None)) is not None:
                kept.append(
                    claims.submit(mine, claims.Hold(claim.item_id, reviewer, claim.token), PASS, None)
                )
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(f"r{n % 7}", store if n % 2 else other)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()

    assert wrong == []
    with store.read() as connection:
        items = connection.execute(select(ITEM)).mappings().all()
        said = labels(connection, [item["id"] for item in items])
    assert all(item["submitted"] == 2 and item["state"] == "agreed" for item in items)
    assert all(len(each) == 2 for each in said.values())
    assert sum(kept) == 40


def test_the_state_of_an_item_follows_its_reviews(store: Store) -> None:
    """Agreed when they say the same; the verdict is theirs."""
    id = queue(store, 1, reviews=2)
    item = reviewed(store, id, ann="fail", bob="fail")

    with store.read() as connection:
        row = connection.execute(select(ITEM).where(ITEM.c.id == item)).mappings().one()
    assert (row["state"], row["verdict"]) == ("agreed", "fail") and row["ended_us"]
