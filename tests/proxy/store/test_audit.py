"""Acts of administrators are kept with what they did, or not at all."""

from __future__ import annotations

import pytest

from proxy.store.audit import Act, acts, note
from proxy.store.db import Store


def test_an_act_is_kept_as_it_was_told(store: Store) -> None:
    """Newest first, with who, what and to what."""
    for name in ("first", "second"):
        with store.begin() as connection:
            note(connection, Act("ada", "key.create", name, {"limits": {"rpm": 3}}))

    newest, oldest = acts(store)
    assert (newest["object"], oldest["object"]) == ("second", "first")
    assert (oldest["actor"], oldest["action"], oldest["detail"]) == (
        "ada",
        "key.create",
        {"limits": {"rpm": 3}},
    )
    assert [event["object"] for event in acts(store, 1)] == ["second"]


def test_an_act_that_failed_leaves_no_event(store: Store) -> None:
    """The event stands or falls with the act."""
    with pytest.raises(ZeroDivisionError), store.begin() as connection:
        note(connection, Act("ada", "key.create", "x", {}))
        raise ZeroDivisionError

    assert not acts(store)
