"""The figures of an evidence pack count what they say."""

from __future__ import annotations

from proxy.store.db import Store
from proxy.store.evidence_figures import figures, moment, run_line
from proxy.store.reviews import NewReview, Place, add_review, withdraw
from tests.proxy.store.aged import trace
from tests.proxy.store.reviewing import give, queue, reviewed, taken


def test_only_the_last_verdict_of_each_counts(store: Store) -> None:
    """Who changes their mind is one reviewer; two who judge the same are compared."""
    document = trace(0)
    store.write([document])
    said = [("ada", "false_positive"), ("ben", "true_positive"), ("ada", "wrong_action"), ("cy", "unsure")]
    for author, verdict in said:
        add_review(store, document["id"], NewReview(verdict, author, "", 0))
    with store.read() as connection:
        found = figures(connection, 0, 1 << 60)["agreement.json"]
    assert found["verdicts"] == {"true_positive": 1, "unsure": 1, "wrong_action": 1}
    on_findings = found["findings"]
    assert (found["judged"], on_findings["judged_by_two_or_more"], on_findings["pairwise_agreement"]) == (
        1,
        1,
        0,
    )
    assert found["traces"]["judged_by_two_or_more"] == 0
    [rule] = found["rules"]
    assert (rule["verdicts"], rule["precision"]) == (2, 1.0) and rule["interval"][0] < 0.4


def test_a_period_without_anything_has_figures_too(store: Store) -> None:
    """Empty, or None where there is nothing to compute."""
    with store.read() as connection:
        found = figures(connection, 0, 1)
    assert found["counts.json"] == {"traces": [], "findings": []}
    assert found["agreement.json"]["findings"]["krippendorff_alpha"] is None


def test_a_run_is_told_by_what_it_was_on() -> None:
    """Whatever else its document holds."""
    row = {"id": "r", "tenant": "t", "received_us": 1, "created_at": "c", "suite": "s", "items": 1}
    head = b'{"golden":{"name":"g","text":"secret","hash":{"x":1}},"gate":"odd","prompt":"secret"}'
    told = run_line({**row, "head": head.decode(), "document": b"x"})
    assert told["golden"] == {"name": "g"} and told["verdict"] is None and "secret" not in str(told)
    assert moment(0) == "1970-01-01T00:00:00Z"


def test_what_was_withdrawn_counts_no_more_and_marks_are_no_verdicts_on_the_trace(store: Store) -> None:
    """Neither as a verdict of its own, nor for precision or agreement."""
    document = trace(0)
    store.write([document])
    add_review(store, document["id"], NewReview("true_positive", "ada", "", 0))
    gone = add_review(store, document["id"], NewReview("false_positive", "ben", "", 0))
    add_review(store, document["id"], NewReview("fail", "ada"))
    place = Place("input", "/messages/0/content", "", 0, 2)
    add_review(store, document["id"], NewReview("missed", "ada", place=place, entity="PERSON"))
    assert gone is not None and withdraw(store, gone["id"], "ben")

    with store.read() as connection:
        found = figures(connection, 0, 1 << 60)["agreement.json"]

    assert found["verdicts"] == {"fail": 1, "missed": 1, "true_positive": 1}
    assert found["judged"] == 2
    assert [found[on]["judged_by_two_or_more"] for on in ("findings", "traces")] == [0, 0]
    assert [(rule["verdicts"], rule["precision"]) for rule in found["rules"]] == [(1, 1.0)]


def test_the_sample_of_a_queue_is_what_was_handed_in(store: Store) -> None:
    """With shares, how items ended, and agreement; claims, adjudication and what was taken back are no part of it."""
    id = queue(store, 4, reviews=2, blind=True)
    reviewed(store, id, ann="pass", bob="pass")
    reviewed(store, id, ann="fail", bob="pass")
    assert give(store, taken(store, id, "ann"), "ann")
    taken(store, id, "bob")

    with store.read() as connection:
        [found] = figures(connection, 0, 1 << 60)["agreement.json"]["queues"]
        assert figures(connection, 0, 1)["agreement.json"]["queues"] == []

    assert (found["queue"], found["blind"], found["items"], found["reviews"]) == (id, True, 3, 5)
    assert found["shares"] == [{"share": 1.0, "items": 3}]
    assert found["states"] == {"agreed": 1, "disputed": 1, "open": 1}
    on_traces = found["agreement"]["traces"]
    assert (on_traces["compared"], on_traces["pairwise_agreement"]) == (2, 0.5)
