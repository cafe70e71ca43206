"""Saved views: kept once by name, of their own tenant."""

from __future__ import annotations

import pytest

from proxy.store import views as module
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.filters import FilterError
from proxy.store.views import ViewError, delete, save, view, views

HOSTILE = '"><script>alert(1)</script>'


def test_views_are_of_one_tenant(store: Store) -> None:
    """Another one's are not there, neither to see nor to delete."""
    ours = save(store, "default", " all   of it ", "", "ann")
    theirs = save(store, "acme", HOSTILE, "rule:pii since:24h", "bob")

    assert (ours.name, theirs.filter) == ("all of it", "rule:pii since:24h")
    assert views(store, "default") == [ours] and views(store, None) == [theirs, ours]
    assert view(store, ours.id, "acme") is None and not delete(store, ours.id, "acme", "bob")
    assert view(store, ours.id, "default") == ours
    assert delete(store, ours.id, None, "ann") and not delete(store, ours.id, None, "ann")
    assert views(store, None) == [theirs]
    assert [act["action"] for act in acts(store)][:3] == ["view.delete", "view.save", "view.save"]
    assert all(not act["detail"] for act in acts(store)[:3])


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\0b", "\u202eabc"])
def test_a_name_that_is_none_is_refused(store: Store, name: str) -> None:
    """Nothing is kept."""
    with pytest.raises(ViewError, match="name"):
        save(store, "default", name, "", "ann")
    assert views(store, None) == []


def test_a_name_is_taken_once_and_a_filter_has_to_mean_something(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And there are only so many."""
    save(store, "default", "mine", "", "ann")
    with pytest.raises(ViewError, match="of this name"):
        save(store, "default", "mine", "rule:pii", "bob")
    with pytest.raises(FilterError):
        save(store, "default", "other", "colour:red", "bob")
    save(store, "acme", "mine", "", "cy")
    monkeypatch.setattr(module, "MOST", 1)
    with pytest.raises(ViewError, match="Delete one"):
        save(store, "default", "third", "", "ann")
