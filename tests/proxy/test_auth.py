"""Keys, and the ring that knows them."""

from __future__ import annotations

import re

import pytest

from proxy.auth import ADMIN, ANYONE, Keyring, key_hash, new_key
from proxy.errors import Unauthorized
from proxy.exchange import Principal

KEY = new_key()
ROW = {"key_id": "k1", "hash": key_hash(KEY), "tenant": "shop", "admin": False, "revoked_us": None}


def ring(*rows: dict[str, object]) -> Keyring:
    """A ring with an admin key and these rows."""
    made = Keyring("the-admin-key")
    made.replace(rows)
    return made


def test_a_key_is_256_random_bits() -> None:
    """`gh-` and 43 URL-safe characters, never the same twice."""
    assert re.fullmatch(r"gh-[A-Za-z0-9_-]{43}", KEY)
    assert new_key() != KEY


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer  {KEY} "], ids=["plain", "loose"])
def test_a_known_key_names_its_caller(header: str) -> None:
    """The scheme is read in any case; the key leads to its id and tenant."""
    found = ring(ROW).principal(header)

    assert (found.key_id, found.tenant, found.admin) == ("k1", "shop", False)


def test_the_admin_key_of_the_settings_is_accepted() -> None:
    """It needs no row."""
    assert ring().principal("Bearer the-admin-key") is ADMIN


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", KEY, f"Basic {KEY}", f"Bearer {KEY}x", "Bearer gh-", "Bearer \udcff"],
    ids=["none", "empty", "no-key", "blank", "bare", "basic", "longer", "prefix", "surrogate"],
)
def test_anything_else_is_refused_without_repeating_it(header: str | None) -> None:
    """401 with OpenAI's code; the message holds nothing of what was sent."""
    with pytest.raises(Unauthorized) as refused:
        ring(ROW).principal(header)

    assert (refused.value.status, refused.value.code) == (401, "invalid_api_key")
    assert KEY not in refused.value.message


def test_a_revoked_key_is_unknown() -> None:
    """A row with `revoked_us` opens nothing, and replacing rows forgets the old ones."""
    keys = ring(ROW)
    keys.replace([{**ROW, "revoked_us": 1}])

    with pytest.raises(Unauthorized):
        keys.lookup(KEY)


def test_an_open_ring_asks_nobody() -> None:
    """Without keys everybody is the person at this machine."""
    assert Keyring(closed=False).principal(None) is ANYONE


def test_the_ring_tells_nothing_of_its_keys() -> None:
    """Neither its repr nor the row holds a key."""
    assert KEY not in repr(ring(ROW))
    assert KEY not in repr(ROW)
    assert ring().empty is False
    assert Keyring().empty is True


def test_the_holder_of_a_key_id_is_known_while_the_key_is() -> None:
    """A session names its key by id; a key that is revoked, replaced or not asked for has no holder."""
    ring = Keyring("root")
    row = {"key_id": "k1", "hash": key_hash("gh-a"), "tenant": "acme", "admin": True, "revoked_us": None}
    ring.replace([row])

    assert ring.holder("admin") == (ADMIN, key_hash("root"))
    assert ring.holder("k1") == (Principal("k1", "acme", True), key_hash("gh-a"))
    assert ring.holder("k2") is None
    assert ring.holder("none") is None
    ring.replace([])
    assert ring.holder("k1") is None
    assert Keyring().holder("admin") is None
    assert Keyring("root", closed=False).holder("none") == (ANYONE, "")
    assert Keyring("root", closed=False).holder("admin") is None
