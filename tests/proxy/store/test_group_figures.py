"""What is told of one group."""

from __future__ import annotations

import pytest

from proxy.document import document
from proxy.exchange import Principal
from proxy.store import group_figures as module
from proxy.store.db import Store
from proxy.store.group_figures import Value, figures
from proxy.store.groups import Group, groups
from proxy.store.reviews import NewReview, add_review
from tests.proxy.exchanges import masked


def _group(store: Store) -> Group:
    """Five traces of two models: three with one value, two with another; others beside them."""
    told = [document(masked(model=f"m{n % 2}", principal=Principal("k", team="t"))) for n in range(5)]
    for n, one in enumerate(told):
        one["findings"] = [{**found, "fingerprint": f"f{n // 3}"} for found in one["findings"][:1]]
    other = document(masked())
    other["findings"] = [{**found, "rule": "other"} for found in other["findings"]]
    foreign = document(masked(principal=Principal("k", "acme")))
    assert store.write([*told, other, foreign]) == []
    add_review(store, told[0]["id"], NewReview("true_positive", "ann", "", 0))
    add_review(store, told[0]["id"], NewReview("false_positive", "ann", "", 0))
    add_review(store, told[1]["id"], NewReview("true_positive", "bob", "", 0))
    add_review(store, told[1]["id"], NewReview("pass", "bob"))
    return next(one for one in groups(store, "default") if one.rule == "pii")


def test_a_group_divides_as_its_findings_do(store: Store) -> None:
    """Values are known by fingerprint alone, with what stands of what was said of them."""
    group = _group(store)
    found = figures(store, group, 0)

    assert (found.sampled, found.approximate, group.findings) == (5, False, 5)
    assert found.counts["model"] == [("m0", 3), ("m1", 2)]
    assert found.counts["team"] == [("t", 5)] and found.counts["key_id"] == [("k", 5)]
    for name in ("side", "action", "mode", "policy"):
        assert sum(n for _, n in found.counts[name]) == 5, name
    assert found.values == [
        Value("f0", 3, {"false_positive": 1, "true_positive": 1}),
        Value("f1", 2, {}),
    ]
    assert found.verdicts == {"false_positive": 1, "true_positive": 1}
    assert len(found.newest) == 5


def test_what_is_only_a_part_is_said_to_be(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many traces the newest are looked at, of many values some; without time, none."""
    group = _group(store)
    with monkeypatch.context() as patch:
        patch.setattr(module, "SAMPLE", 3)
        found = figures(store, group, 0)
        assert (found.sampled, found.approximate) == (3, True)
    with monkeypatch.context() as patch:
        patch.setattr(module, "MOST_FINDINGS", 1)
        assert figures(store, group, 0).approximate
    monkeypatch.setattr(module, "FIGURES_S", 0)
    assert figures(store, group, 0).approximate
