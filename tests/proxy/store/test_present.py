"""What became of traces that something else names."""

from __future__ import annotations

from proxy.store.db import Store
from proxy.store.present import present
from tests.proxy.review import documents


def test_traces_are_there_or_gone(store: Store) -> None:
    """With what those that are there cost, in one tenant."""
    here = [documents.trace(n, cost_nanousd=n * 100) for n in (1, 2)]
    theirs = documents.trace(3, tenant="other")
    assert store.write([*here, theirs]) == []
    ids = [one["id"] for one in (*here, theirs)]

    found = present(store, [*ids, "0" * 32])

    assert found.there == set(ids) and found.erased == set() and found.cost_nanousd == 300
    assert present(store, ids, "other").there == {theirs["id"]}
    assert present(store, [], None).cost_nanousd is None
