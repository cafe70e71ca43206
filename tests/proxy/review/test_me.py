"""What is one's own: the password, and where one is signed in."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.roles import Role
from tests.proxy.review.site import PASSWORD, Site, hidden, let_in, sign_in_as

NEW = "another good password"


@pytest.fixture
def ada(pages: Site, stranger: TestClient) -> TestClient:
    """A browser in which Ada is signed in."""
    let_in(pages, "ada", Role.VIEWER)
    assert sign_in_as(stranger, "ada").status_code == 303
    return stranger


def send(browser: TestClient, path: str, **fields: str) -> Any:
    """Send a form of one's own page."""
    return browser.post(path, data={"token": hidden(browser.get("/review/me").text, "token"), **fields})


def test_a_password_is_changed(ada: TestClient, pages: Site) -> None:
    """By who knows the one before; elsewhere one is signed out, here one stays."""
    elsewhere = TestClient(pages.app, follow_redirects=False)
    sign_in_as(elsewhere, "ada")
    answer = send(ada, "/review/me/password", password=PASSWORD, new=NEW, again=NEW)
    assert answer.status_code == 303 and "new password holds" in ada.get(answer.headers["location"]).text
    assert elsewhere.get("/review/me").status_code == 303
    assert (
        sign_in_as(elsewhere, "ada").status_code == 401
        and sign_in_as(elsewhere, "ada", NEW).status_code == 303
    )


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"password": "wrong"}, "another one"), ({"again": "other"}, "not the same"), ({"new": "short", "again": "short"}, "at least 12"),
        ({"new": "ü" * 1_000, "again": "ü" * 1_000}, "1024 bytes"),
    ],
)  # fmt: skip
def test_a_password_stays(ada: TestClient, pages: Site, fields: dict[str, str], word: str) -> None:
    """Where something is wrong, which is said."""
    answer = send(ada, "/review/me/password", **{"password": PASSWORD, "new": NEW, "again": NEW, **fields})
    assert answer.status_code == 400 and word in answer.text and NEW not in answer.text
    assert sign_in_as(TestClient(pages.app, follow_redirects=False), "ada").status_code == 303


def test_guessing_ones_own_password_is_slowed_down(ada: TestClient) -> None:
    """A browser that was left open is no way to try passwords."""
    statuses = [
        send(ada, "/review/me/password", password="wrong", new=NEW, again=NEW).status_code for _ in range(12)
    ]
    assert statuses == [400] * 10 + [429] * 2


def test_one_signs_out_elsewhere(ada: TestClient, pages: Site) -> None:
    """One browser, or all others; this one stays, and nobody else's is touched."""
    let_in(pages, "bob", Role.VIEWER)
    browsers = [
        TestClient(pages.app, headers={"user-agent": f"Browser {n}"}, follow_redirects=False)
        for n in range(3)
    ]
    for browser, name in zip(browsers, ("ada", "ada", "bob"), strict=True):
        sign_in_as(browser, name)
    page = ada.get("/review/me").text
    assert "Browser 0" in page and "Browser 1" in page and "Browser 2" not in page
    assert "ghv-" not in page and ada.cookies["guardhouse_review"] not in page
    first = hidden(page.partition("Browser 0")[2], "visit")
    assert send(ada, "/review/me/sign-out", visit=first).status_code == 303
    assert [each.get("/review/me").status_code for each in browsers] == [303, 200, 200]
    assert send(ada, "/review/me/sign-out").status_code == 303
    assert [each.get("/review/me").status_code for each in (*browsers, ada)] == [303, 303, 200, 200]


def test_a_key_has_no_password(client: TestClient) -> None:
    """Its page says what it may do, and nothing is changed there."""
    page = client.get("/review/me")
    assert page.status_code == 200 and "users.write" in page.text and 'name="new"' not in page.text
    for path in ("/review/me/password", "/review/me/sign-out"):
        assert send(client, path).status_code == 403
    assert client.get("/review/me.json").json()["account"] is None


def test_who_comes_through_a_provider_has_no_password(pages: Site, stranger: TestClient) -> None:
    """Nothing to change, and no way to make one."""
    from proxy.review.forms import COOKIE
    from proxy.store import visits

    account = let_in(pages, "eve", Role.VIEWER, password=None, issuer="https://id.example", subject="s")
    stranger.cookies.set(COOKIE, visits.begin(pages.store, account, "", "", "oidc") or "")
    assert 'name="new"' not in stranger.get("/review/me").text
    assert send(stranger, "/review/me/password", new=NEW, again=NEW).status_code == 403


@pytest.mark.parametrize("path", ["/review/me", "/review/me.json"])
def test_strangers_have_no_page(stranger: TestClient, path: str) -> None:
    """Nobody is told anything who is not signed in."""
    assert stranger.get(path).status_code in (303, 401)
