"""Keys, and the ring that knows them."""

from __future__ import annotations

import re
import threading
import time

import pytest

from proxy.auth import ADMIN, ANYONE, Keyring, key_hash, new_key
from proxy.errors import Unauthorized
from proxy.exchange import Principal
from proxy.limits import Limits

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


def _row(key: str, **columns: object) -> dict[str, object]:
    row = {"key_id": f"id-{key}", "tenant": "t", "name": "n", "admin": False, "revoked_us": None}
    return {**row, "hash": key_hash(key), **columns}


def test_a_key_carries_what_it_may_do() -> None:
    """Every column of its row reaches whoever asks who is calling."""
    ring = Keyring()
    ring.replace(
        [
            _row(
                "gh-a",
                team="search",
                models='["m"]',
                policy="p",
                tags='{"e":"x"}',
                limits='{"rpm":3}',
                expires_us=1 << 52,
            )
        ]
    )

    who = ring.lookup("gh-a")

    assert who == Principal(
        "id-gh-a", "t", False, "n", "search", (("e", "x"),), Limits(rpm=3), frozenset({"m"}), "p", 1 << 52
    )


def test_an_expired_key_is_refused_with_its_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the moment on, also for who is signed in with it; a clock that steps back makes it good again."""
    ring = Keyring()
    ring.replace([_row("gh-a", expires_us=1_000_000_000_000_000)])
    now = [999_999_999.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    assert ring.lookup("gh-a").key_id == "id-gh-a"

    now[0] = 1_000_000_000.0
    with pytest.raises(Unauthorized, match="expired on 2001-09-09T01:46:40Z") as error:
        ring.lookup("gh-a")

    assert (error.value.status, error.value.code) == (401, "invalid_api_key")
    assert ring.holder("id-gh-a") is None
    now[0] = 999_999_999.0
    assert ring.holder("id-gh-a") is not None


def test_a_row_that_cannot_be_read_takes_down_no_other_and_is_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is no unlimited key; the log names its id once, and it works again when the row does."""
    ring = Keyring()
    for _ in range(2):
        ring.replace([_row("gh-bad", limits="{"), _row("gh-good")])

    assert ring.lookup("gh-good").limits == Limits()
    with pytest.raises(Unauthorized, match="cannot be read"):
        ring.lookup("gh-bad")
    assert ring.holder("id-gh-bad") is None
    assert [line.count("id-gh-bad") for line in caplog.messages] == [1]
    ring.replace([_row("gh-bad")])
    assert ring.lookup("gh-bad").key_id == "id-gh-bad"


def test_a_later_refresh_never_puts_older_rows_back() -> None:
    """A reading that began before a change may end after the one that knows of it: what it brings is dropped."""
    ring, rows = Keyring(), [_row("gh-a")]
    began, go_on = threading.Event(), threading.Event()

    def slow() -> list[dict[str, object]]:
        found = list(rows)
        began.set()
        assert go_on.wait(10)
        return found

    first = threading.Thread(target=ring.refresh, args=(slow,))
    first.start()
    assert began.wait(10)
    rows.append(_row("gh-b"))
    second = threading.Thread(target=ring.refresh, args=(lambda: list(rows),))
    second.start()
    second.join(10)
    assert not second.is_alive(), "a reading that hangs holds up the next"
    assert ring.lookup("gh-b").key_id == "id-gh-b"
    go_on.set()
    first.join(10)

    assert ring.lookup("gh-b").key_id == "id-gh-b"


def test_the_age_of_the_keys_counts_from_the_beginning_of_the_last_reading() -> None:
    """What was read late was true when the reading began; one that fails makes nothing younger."""
    now = [100.0]
    ring = Keyring(clock=lambda: now[0])
    assert ring.age_seconds() == 0.0

    def slow() -> list[dict[str, object]]:
        now[0] += 4
        return []

    ring.refresh(slow)
    assert ring.age_seconds() == 4.0

    def away() -> list[dict[str, object]]:
        raise OSError

    with pytest.raises(OSError):
        ring.refresh(away)
    now[0] += 20
    assert ring.age_seconds() == 24.0
