"""Balance: shares by weight, and names that stay where they are."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from proxy.balance import pick
from proxy.config_deployments import Deployment


def place(id: str, weight: float = 1.0) -> Deployment:
    """A deployment."""
    return Deployment(id, "m", "fake", "fake", "echo", weight=weight)


GROUP = [place("stable", 9), place("canary", 1), place("spare", 0)]


@pytest.mark.parametrize("named", [False, True], ids=["by chance", "by session"])
def test_each_gets_the_share_of_its_weight(named: bool) -> None:
    """One in ten to the canary, of requests and of sessions alike; nothing to what weighs nothing."""
    chance = Random(1)
    counts = Counter(
        pick(GROUP, chance, f"default/chat-{number}" if named else None).id for number in range(5000)
    )
    # 500 expected, with a standard deviation of 21.
    assert 400 < counts["canary"] < 600
    assert counts["stable"] + counts["canary"] == 5000


def test_a_name_stays_where_it_is_until_that_one_leaves() -> None:
    """Then only its own names move, and they come back with it."""
    group = [place("a"), place("b", 2), place("c")]
    names = [f"t/{number}" for number in range(300)]
    before = {name: pick(group, Random(), name).id for name in names}
    assert before == {name: pick(group[::-1], Random(), name).id for name in names}
    without = {name: pick(group[:2], Random(), name).id for name in names}
    assert {name for name in names if before[name] != without[name]} == {
        name for name in names if before[name] == "c"
    }
    assert len(set(before.values())) == 3


def test_a_group_that_weighs_nothing_is_shared_alike() -> None:
    """Somebody has to answer."""
    group = [place("a", 0), place("b", 0)]
    for sticky in (None, "t/1", "t/2", "t/3", "t/4", "t/5", "t/6"):
        assert pick(group, Random(2), sticky) in group
    assert len({pick(group, Random(), f"t/{number}").id for number in range(50)}) == 2


def test_a_growing_weight_only_draws_names_to_it() -> None:
    """A rollout moves each session at most once."""
    names = [f"t/{number}" for number in range(300)]
    moved: set[str] = set()
    for share in (0, 5, 25, 50, 75, 100):
        now = {
            name
            for name in names
            if pick([place("old", 100 - share), place("new", share)], Random(), name).id == "new"
        }
        assert moved <= now
        moved = now
    assert moved == set(names)
