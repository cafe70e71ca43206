"""Keys: shown once, kept as a hash, useless once revoked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from proxy.auth import Keyring
from proxy.errors import Unauthorized
from proxy.key_terms import Terms
from proxy.limits import parse_limits
from proxy.store.audit import acts
from proxy.store.db import Store
from proxy.store.keys import active_keys, create_key, list_keys, revoke_key, update_key


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


TERMS = Terms(
    "search", ("m",), "strict", (("env", "prod"),), parse_limits({"rpm": 3, "budgets": {"day": 1}}), 1 << 52
)


def test_a_key_keeps_its_terms(store: Store) -> None:
    """What it was made with is what it is listed with, and what the ring is given."""
    made = create_key(store, "web", terms=TERMS)
    keyring = Keyring()
    keyring.replace(active_keys(store))

    who = keyring.lookup(made.secret)

    assert list_keys(store) == [made.stored]
    assert (who.team, who.policy, who.limits, who.models) == ("search", "strict", TERMS.limits, {"m"})


def test_terms_change_and_the_secret_does_not(store: Store) -> None:
    """What the change leaves alone stays; the same key opens the door."""
    made = create_key(store, "web", terms=TERMS)

    changed = update_key(store, made.stored.key_id, lambda was: replace(was, limits=parse_limits({"tpm": 9})))

    assert changed == replace(made.stored, terms=replace(TERMS, limits=parse_limits({"tpm": 9})))
    assert list_keys(store) == [changed]


def test_a_change_that_cannot_be_leaves_the_key_as_it_was(store: Store) -> None:
    """Nothing is written when the change raises, and no act is told; revoked keys stay what they were."""
    made = create_key(store, "web", terms=TERMS)

    def refused(was: Terms) -> Terms:
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no$"):
        update_key(store, made.stored.key_id, refused)
    assert list_keys(store) == [made.stored]
    assert update_key(store, "nothing", refused) is None
    revoke_key(store, made.stored.key_id)
    with pytest.raises(ValueError, match="revoked"):
        update_key(store, made.stored.key_id, lambda was: was)
    assert [act["action"] for act in acts(store)] == ["key.revoke", "key.create"]


def test_each_act_on_a_key_leaves_an_event_without_the_key(store: Store) -> None:
    """Who, what, to which key, and what changed: never the secret or its hash. Revoking again is no act."""
    made = create_key(store, "web", "shop", terms=TERMS, actor="ada")
    id = made.stored.key_id
    update_key(store, id, lambda was: replace(was, team=None), "bob")
    for _ in range(2):
        revoke_key(store, id)

    revoked, updated, created = acts(store)

    assert [
        (act["actor"], act["action"], act["object"], act["tenant"]) for act in (created, updated, revoked)
    ] == [
        ("ada", "key.create", id, "shop"),
        ("bob", "key.update", id, "shop"),
        ("cli", "key.revoke", id, "shop"),
    ]
    assert created["detail"]["limits"] == {"rpm": 3, "budgets": {"day": 1.0}}
    assert updated["detail"] == {"team": None}
    told = repr((revoked, updated, created))
    assert made.secret not in told and made.stored.hash not in told


def test_a_key_tells_its_state(store: Store) -> None:
    """Active, expired, revoked; unreadable when its row is nonsense, which nobody can change but revoke."""
    ids = [
        create_key(store, name, terms=Terms(expires_us=end)).stored.key_id
        for name, end in (("active", 1 << 52), ("expired", 1), ("revoked", 1), ("unreadable", None))
    ]
    revoke_key(store, ids[2])
    with store.begin() as connection:
        connection.execute(text("UPDATE api_key SET limits = '{' WHERE name = 'unreadable'"))

    assert [key.state for key in list_keys(store)] == [key.name for key in list_keys(store)]
    with pytest.raises(ValueError, match="cannot be read"):
        update_key(store, ids[3], lambda was: was)
    assert revoke_key(store, ids[3])
