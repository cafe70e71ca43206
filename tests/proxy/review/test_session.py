"""Signing in: the cookie, the form's token, the brake, the way back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.auth import Keyring, key_hash
from proxy.errors import Forbidden, Unauthorized
from proxy.review.session import HOURS, TRIES, WINDOW, Attempts, Sessions, check_origin, safe_next


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def row(key: str, key_id: str = "k1", *, admin: bool = True) -> dict[str, object]:
    """An active key as the store gives it."""
    return {"key_id": key_id, "hash": key_hash(key), "tenant": "acme", "admin": admin, "revoked_us": None}


def test_the_cookie_says_who_signed_in() -> None:
    """The holder of a cookie is the principal of the key it was given for."""
    ring = Keyring("root")
    ring.replace([row("gh-a")])
    sessions = Sessions(b"s" * 32, ring)

    admin, other = sessions.holder(sessions.sign_in("root")), sessions.holder(sessions.sign_in("gh-a"))

    assert admin is not None and admin.key_id == "admin"
    assert other is not None and (other.key_id, other.tenant) == ("k1", "acme")


def test_a_key_that_may_not_review_gets_no_cookie() -> None:
    """Unknown keys and keys without admin are told apart and both refused."""
    ring = Keyring("root")
    ring.replace([row("gh-app", admin=False)])
    sessions = Sessions(b"s" * 32, ring)

    with pytest.raises(Forbidden):
        sessions.sign_in("gh-app")
    for key in ("", "gh-guess", "root "):
        with pytest.raises(Unauthorized):
            sessions.sign_in(key)


def test_a_session_ends_after_its_hours() -> None:
    """The cookie's own expiry counts, whatever the browser keeps."""
    clock = Clock()
    sessions = Sessions(b"s" * 32, Keyring("root"), clock)
    cookie = sessions.sign_in("root")

    clock.now += HOURS * 3600 - 1
    assert sessions.holder(cookie) is not None
    clock.now += 2
    assert sessions.holder(cookie) is None


def test_a_session_ends_with_its_key() -> None:
    """A revoked key, one that lost admin, and a replaced admin key close the sessions opened with them."""
    ring = Keyring("root")
    ring.replace([row("gh-a")])
    sessions = Sessions(b"s" * 32, ring)
    cookie, admin = sessions.sign_in("gh-a"), sessions.sign_in("root")

    ring.replace([row("gh-a", admin=False)])
    assert sessions.holder(cookie) is None
    ring.replace([])
    assert sessions.holder(cookie) is None
    assert Sessions(b"s" * 32, Keyring("another")).holder(admin) is None
    assert Sessions(b"t" * 32, Keyring("root")).holder(admin) is None


def test_no_changed_cookie_is_accepted() -> None:
    """Flipping any one character of a cookie makes it worthless."""
    sessions = Sessions(b"s" * 32, Keyring("root"))
    cookie = sessions.sign_in("root")

    for place, char in enumerate(cookie):
        changed = cookie[:place] + ("0" if char != "0" else "1") + cookie[place + 1 :]
        assert sessions.holder(changed) is None, place


@given(st.text())
def test_no_made_up_cookie_is_accepted(cookie: str) -> None:
    """Any text that we did not sign is a stranger's."""
    assert Sessions(b"s" * 32, Keyring("root")).holder(cookie) is None


def test_a_forms_token_belongs_to_one_cookie() -> None:
    """A token of one session does not pass in another, and neither does none."""
    sessions = Sessions(b"s" * 32, Keyring("root"))
    one, two = sessions.sign_in("root"), sessions.sign_in("root")

    sessions.check_form(one, sessions.token(one))
    for cookie, token in ((one, sessions.token(two)), (one, ""), ("", sessions.token("")), (one, "é")):
        with pytest.raises(Forbidden):
            sessions.check_form(cookie, token)


def test_where_no_key_is_asked_for_anybody_may_sign_in() -> None:
    """An open keyring gives sessions; closing it ends them."""
    sessions = Sessions(b"s" * 32, Keyring(closed=False))
    cookie = sessions.sign_in("")

    assert sessions.holder(cookie) is not None
    assert Sessions(b"s" * 32, Keyring("root")).holder(cookie) is None


def test_guessing_is_slowed_down_by_address() -> None:
    """After five tries within a minute an address waits; another does not; a good key wipes the slate."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(TRIES):
        assert attempts.take("a") == 0

    assert attempts.take("a") == int(WINDOW)
    assert attempts.take("b") == 0
    clock.now += WINDOW / 2
    assert attempts.take("a") == int(WINDOW / 2)
    clock.now += WINDOW / 2
    assert attempts.take("a") == 0
    attempts.allow("a")
    assert [attempts.take("a") for _ in range(TRIES)] == [0] * TRIES
    attempts.allow("a")
    assert attempts.take("a") == 0
    assert attempts.take("a") > 0, "a good try takes only itself back"
    attempts.forget("a")
    assert [attempts.take("a") for _ in range(TRIES)] == [0] * TRIES


@pytest.mark.parametrize(
    "target",
    ["/review", "/review/runs", "/review?outcome=any&rule=pii", "/review/traces/01ab?since=7d"],
)
def test_the_way_back_is_kept(target: str) -> None:
    """A page of ours, with its query, is where signing in leads."""
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "", "/", "//evil.example", "https://evil.example/review", "/\\evil.example", "/review\\@evil", "javascript:alert(1)",
        "/reviewer", "/review/../v1", "/review//evil", "/review/login", "/review/logout", "/review\r\nset-cookie: a=b",
        "/review/ü", "review", " /review", "/review\t/x",
    ],
)  # fmt: skip
def test_no_way_leads_outside(target: str) -> None:
    """Anything but a path below /review becomes the first page."""
    assert safe_next(target) == "/review"


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"origin": "http://proxy:4000", "host": "proxy:4000"}, True),
        ({"origin": "http://evil.example", "host": "proxy:4000"}, False),
        ({"origin": "null", "host": "proxy:4000"}, True),
        ({"host": "proxy:4000"}, True),
    ],
)
def test_forms_of_other_sites_are_refused(headers: dict[str, str], ours: bool) -> None:
    """What the browser says about the sender decides; where it says nothing, the token does."""
    if ours:
        check_origin(headers)
        return
    with pytest.raises(Forbidden):
        check_origin(headers)
