"""Agreement counts what was submitted in queues, by reviewers, and nothing else."""

from __future__ import annotations

import pytest

from proxy.store import claims
from proxy.store.agreements import agreements
from proxy.store.claims import Hold, submit
from proxy.store.db import Store
from proxy.store.reviews import NewReview, add_review
from tests.proxy.store.reviewing import give, queue, taken


def test_pairs_queues_and_rules_are_compared(store: Store) -> None:
    """A finding that one of them left out is missing there; the adjudicator and who spoke outside do not count."""
    id = queue(store, 3, reviews=2)
    for ann, bob in (("pass", "pass"), ("fail", "pass"), ("fail", "fail")):
        first = taken(store, id, "ann")
        assert give(store, first, "ann", ann, NewReview("true_positive", "ann", finding=0))
        second = taken(store, id, "bob")
        on_finding = [NewReview("false_positive", "bob", finding=0)] if bob == "fail" else []
        assert give(store, second, "bob", bob, *on_finding)
        add_review(store, first.span_id, NewReview("pass", "eve"))
        if ann != bob:
            deciding = claims.take(store, first.item_id, "eve", None)
            assert deciding is not None and give(store, deciding, "eve", "pass")

    found = agreements(store, "default")

    on_traces, on_finding = found.pairs
    assert (on_traces.first, on_traces.second, on_traces.on) == ("ann", "bob", "traces")
    assert (on_traces.items, on_traces.verdicts, on_traces.share) == (3, 3, 2 / 3)
    assert (on_finding.on, on_finding.items, on_finding.verdicts, on_finding.share) == ("findings", 1, 1, 0.0)
    told = [(each.name, each.on, each.items, each.verdicts) for each in found.queues]
    assert told == [("mine", "findings", 1, 1), ("mine", "traces", 3, 3)]
    (by_rule,) = found.rules
    assert (by_rule.items, by_rule.share, by_rule.alpha) == (1, 0.0, 0.0)
    assert not found.more
    assert agreements(store, "another").pairs == []


def test_those_who_always_say_the_same_of_each_kind_say_nothing(store: Store) -> None:
    """Always "true positive" on findings and always "pass" on traces: no chance to differ, so no coefficient."""
    id = queue(store, 4, reviews=2)
    for reviewer in ("ann", "bob"):
        for _ in range(4):
            right = NewReview("true_positive", reviewer, finding=0)
            assert give(store, taken(store, id, reviewer), reviewer, "pass", right)

    found = agreements(store)

    assert [(each.on, each.share, each.alpha) for each in found.queues] == [
        ("findings", 1.0, None),
        ("traces", 1.0, None),
    ]
    assert [(each.on, each.kappa) for each in found.pairs] == [("findings", None), ("traces", None)]


@pytest.mark.parametrize("passes", [0, 10])
def test_verdicts_on_traces_do_not_make_findings_agree(store: Store, passes: int) -> None:
    """One finding on which two differ has an alpha of 0, with however many traces that both passed."""
    id = queue(store, 1 + passes, reviews=2)
    for reviewer, verdict in (("ann", "true_positive"), ("bob", "false_positive")):
        for n in range(1 + passes):
            claim = taken(store, id, reviewer)
            if n:
                assert give(store, claim, reviewer, "pass")
            else:
                said = [NewReview(verdict, reviewer, finding=0)]
                assert submit(store, Hold(claim.item_id, reviewer, claim.token), said, None)

    found = agreements(store)

    alphas = {each.on: (each.verdicts, each.alpha) for each in found.queues}
    assert alphas == {"findings": (1, 0.0), **({"traces": (10, None)} if passes else {})}
    assert next(each.kappa for each in found.pairs if each.on == "findings") == 0.0
