"""A trace among the steps of its run."""

from __future__ import annotations

from proxy.store import queries, steps
from proxy.store.db import Store
from tests.proxy.review import documents


def test_steps_before_and_after_are_told_in_order(store: Store) -> None:
    """Of the same run and tenant, shadows left out, bounded on both sides."""
    run = {"run_id": "r", "run_source": "header"}
    mine = [documents.trace(n, **run) for n in range(60)]
    others = [
        documents.trace(70, run_id="other"),
        documents.trace(71, tenant="b", **run),
        documents.trace(72, shadow_of=mine[0]["id"], **run),
    ]
    assert store.write([*mine, *others]) == []
    here = queries.get_trace(store, mine[30]["id"]) or {}

    found = steps.around(store, here)

    assert found is not None
    assert (found.place, found.total, found.previous) == (29, 60, mine[31]["id"])
    assert [step["id"] for step in found.before] == [d["id"] for d in mine[50:30:-1]]
    assert [step["id"] for step in found.after] == [d["id"] for d in mine[29:9:-1]]


def test_what_is_no_step_of_a_run_has_none(store: Store) -> None:
    """Alone in its run, without one, or a shadow."""
    alone = documents.trace(0, run_id="alone")
    own = documents.trace(1, run_id="r")
    shadow = documents.trace(2, run_id="r", shadow_of=own["id"])
    loose = documents.trace(3)
    assert store.write([alone, own, shadow, loose]) == []
    for document in (alone, shadow, loose):
        assert steps.around(store, queries.get_trace(store, document["id"]) or {}) is None
