"""Scores of judged findings, with the verdicts that a reader may see."""

from __future__ import annotations

from proxy.document import document
from proxy.store.db import Store
from proxy.store.judged_scores import judged_scores
from proxy.store.reviews import NewReview, add_review, withdraw
from tests.proxy.exchanges import masked


def test_what_stands_is_told_by_finding(store: Store) -> None:
    """Each reviewer's last word on each finding; of one tenant alone where it is named."""
    exchange = masked()
    assert store.write([document(exchange)]) == []
    add_review(store, exchange.id, NewReview("false_positive", "ann", finding=0))
    add_review(store, exchange.id, NewReview("true_positive", "ann", finding=0))
    add_review(store, exchange.id, NewReview("pass", "ann"))
    gone = add_review(store, exchange.id, NewReview("unsure", "bob", finding=0)) or {}

    [(thing, verdicts)] = judged_scores(store, None, "eve").items()
    assert (thing[2:], sorted(verdicts)) == ((exchange.id, 0), ["true_positive", "unsure"])
    assert withdraw(store, gone["id"], "bob")
    assert judged_scores(store, "default", "eve") == {thing: ["true_positive"]}
    assert judged_scores(store, "another", "eve") == {}
