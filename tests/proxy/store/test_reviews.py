"""Judgements are added, superseded and withdrawn, never changed."""

from __future__ import annotations

import pytest

from proxy.document import document
from proxy.exchange import Exchange
from proxy.store.db import Store
from proxy.store.filters import of
from proxy.store.queries import get_trace, list_spans
from proxy.store.reviews import NewReview, Place, ReviewError, add_review, reviews, withdraw
from tests.proxy.exchanges import masked

HERE = Place("input", "/messages/0/content", "", 3, 9)


def _write(store: Store, exchange: Exchange) -> None:
    assert store.write([document(exchange)]) == []


def test_reviews_are_added_never_changed(store: Store) -> None:
    """A second judgement by the same author supersedes the first; both stay, and others' are untouched."""
    exchange = masked()
    _write(store, exchange)
    first = add_review(store, exchange.id, NewReview("false_positive", "ann", "hm", 0)) or {}
    add_review(store, exchange.id, NewReview("true_positive", "bob", "", 0))
    second = add_review(store, exchange.id, NewReview("true_positive", "ann", "sure", 0)) or {}
    add_review(store, exchange.id, NewReview("pass", "ann"))

    found = reviews(store, exchange.id)

    assert [(one["author"], one["verdict"], one["superseded"]) for one in found] == [
        ("ann", "false_positive", True),
        ("bob", "true_positive", False),
        ("ann", "true_positive", False),
        ("ann", "pass", False),
    ]
    assert second["supersedes"] == first["id"]
    assert (get_trace(store, exchange.id) or {})["reviews"] == found


@pytest.mark.parametrize(
    "review", [NewReview("great", "ann"), NewReview("pass", "ann", "", 1), NewReview("pass", "ann", "", -1)]
)
def test_a_review_of_nothing_is_refused(store: Store, review: NewReview) -> None:
    """Unknown words and findings that are not there are said to be so."""
    exchange = masked()
    _write(store, exchange)

    with pytest.raises(ReviewError, match=r"verdict|finding"):
        add_review(store, exchange.id, review)
    assert add_review(store, "0" * 32, NewReview("pass", "ann")) is None


@pytest.mark.parametrize(
    ("review", "named"),
    [
        (NewReview("pass", "ann", place=HERE), "place"),
        (NewReview("missed", "ann", place=HERE, finding=0), "place"),
        (NewReview("missed", "ann", place=Place("input", "/x", "", 4, 4)), "place"),
        (NewReview("missed", "ann", place=Place("input", "/x", "", -1, 4)), "place"),
        (NewReview("fail", "ann", tags=("nonsense",)), "tags"),
    ],
)
def test_places_and_tags_that_are_none_are_refused(store: Store, review: NewReview, named: str) -> None:
    """The message begins with the name of what is wrong."""
    exchange = masked()
    _write(store, exchange)

    with pytest.raises(ReviewError, match=f"^{named} "):
        add_review(store, exchange.id, review)
    assert reviews(store, exchange.id) == []


def test_places_and_the_trace_are_judged_apart(store: Store) -> None:
    """Two places that rules missed, and the trace itself: none supersedes another; the same place again does."""
    exchange = masked()
    _write(store, exchange)
    there = Place("input", "/messages/0/content", "", 12, 20)
    for review in (
        NewReview("missed", "ann", place=HERE, entity="PERSON"),
        NewReview("missed", "ann", place=there, entity="PERSON"),
        NewReview("fail", "ann", tags=("tool", "safety", "tool")),
        NewReview("missed", "ann", place=HERE, entity="LOCATION"),
    ):
        assert add_review(store, exchange.id, review)

    found = reviews(store, exchange.id)
    assert [(one["entity"], one["start"], one["tags"], one["superseded"]) for one in found] == [
        ("PERSON", 3, [], True),
        ("PERSON", 12, [], False),
        (None, None, ["safety", "tool"], False),
        ("LOCATION", 3, [], False),
    ]


def test_what_is_withdrawn_counts_no_more(store: Store) -> None:
    """Only its author takes it back, once, and only while it stands; then the trace is as if nobody had judged it."""
    exchange = masked()
    _write(store, exchange)
    kept = add_review(store, exchange.id, NewReview("pass", "ann")) or {}

    assert not withdraw(store, kept["id"], "bob")
    assert [span["reviewed"] for span in list_spans(store).items] == [True]
    assert withdraw(store, kept["id"], "ann")
    assert not withdraw(store, kept["id"], "ann")
    assert [span["reviewed"] for span in list_spans(store).items] == [False]
    assert list_spans(store, of(reviewed=True)).items == []
    assert [one["superseded"] for one in reviews(store, exchange.id)] == [True, False]
