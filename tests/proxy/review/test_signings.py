"""Signing in is an act: each success, and as many failures as fill no disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from proxy.errors import Unavailable
from proxy.exchange import Principal
from proxy.review.signings import AT_ONCE, Signings
from proxy.store.audit import acts
from proxy.store.db import Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    made = open_store(f"sqlite:///{tmp_path / 'x.sqlite3'}", b"k" * 32)
    yield made
    made.close()


def test_who_signs_in_is_noted(store: Store) -> None:
    """With key, tenant and address."""
    Signings(store).kept(Principal("key-7", "acme"), "10.0.0.1")
    (act,) = acts(store)
    assert (act["actor"], act["tenant"], act["action"]) == ("key-7", "acme", "review.sign_in")
    assert act["detail"] == {"address": "10.0.0.1"}


def test_many_refusals_share_an_act(store: Store) -> None:
    """Whoever knows no key fills no disk; how many there were is told later."""
    now = [0.0]
    signings = Signings(store, lambda: now[0])
    for _ in range(AT_ONCE + 25):
        signings.refused("10.0.0.1")
    assert len(acts(store)) == AT_ONCE
    now[0] = 10.0
    signings.refused("10.0.0.2")
    assert acts(store)[0]["detail"] == {"address": "10.0.0.2", "more_before": 25}


def test_nobody_comes_in_unnoted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database is away; a refusal stays a refusal."""

    def away(_self: Store) -> None:
        raise OperationalError("x", None, Exception("away"))

    monkeypatch.setattr(Store, "begin", away)
    with pytest.raises(Unavailable):
        Signings(store).kept(Principal("key-7", "acme"), "10.0.0.1")
    Signings(store).refused("10.0.0.1")
