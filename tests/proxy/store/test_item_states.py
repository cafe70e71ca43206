"""How far the reviews of a list's traces are."""

from __future__ import annotations

from proxy.store import claims
from proxy.store.db import Store
from proxy.store.item_states import ItemState, item_states
from tests.proxy.store.test_filter_items import fill_queues


def test_each_trace_tells_its_queues(store: Store) -> None:
    """With reviews so far, those wanted, and who is at it now; a claim whose lease is over is none."""
    ids = fill_queues(store)
    now = 1_000_000_000
    claim = claims.take_next(store, "b", "user:ann", None, now)
    assert claim is not None
    found = item_states(store, ids, now)

    assert found[ids[0]][0] == ItemState("a", "a ones", "agreed", 0, 1, 0)
    assert sum(one.claimed for states in found.values() for one in states) == 1
    assert ids[2] not in found and item_states(store, [], now) == {}
    later = item_states(store, ids, claim.lease_us)
    assert sum(one.claimed for states in later.values() for one in states) == 0
