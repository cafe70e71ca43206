"""Keys: shown once, kept as a hash, useless once revoked."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from proxy.auth import Keyring
from proxy.errors import Unauthorized
from proxy.store.db import Store
from proxy.store.keys import active_keys, create_key, list_keys, revoke_key


def test_a_key_opens_the_door_until_it_is_revoked(store: Store) -> None:
    """What is stored is what the keyring takes."""
    made = create_key(store, "web", tenant="shop", admin=True)
    keyring = Keyring()
    keyring.replace(active_keys(store))

    who = keyring.principal(f"Bearer {made.secret}")
    assert (who.key_id, who.tenant, who.admin) == (made.stored.key_id, "shop", True)

    assert revoke_key(store, made.stored.key_id)
    keyring.replace(active_keys(store))
    with pytest.raises(Unauthorized):
        keyring.principal(f"Bearer {made.secret}")


def test_the_key_itself_is_nowhere(store: Store) -> None:
    """Neither in the table nor in what Python would print."""
    made = create_key(store, "web")

    with store.read() as connection:
        stored = str(connection.execute(text("SELECT * FROM api_key")).fetchall())
    assert made.secret not in stored
    assert made.secret not in repr(made)
    assert made.secret not in repr(list_keys(store))


def test_revoking_keeps_the_first_time_and_knows_its_keys(store: Store) -> None:
    """A revoked key stays listed, with the moment it ended."""
    made = create_key(store, "web")
    revoke_key(store, made.stored.key_id)
    (first,) = list_keys(store)

    assert revoke_key(store, made.stored.key_id)
    assert list_keys(store) == [first]
    assert first.revoked_us is not None
    assert not revoke_key(store, "no such key")
