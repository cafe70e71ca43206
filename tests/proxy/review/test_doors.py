"""Signing in to the pages, and out again."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from proxy.review.doors import DEVICE
from proxy.review.forms import COOKIE
from proxy.review.session import NAME_TRIES, TRIES
from proxy.roles import Role
from proxy.store import accounts, sign_in_links
from proxy.store.audit import acts
from proxy.store.tables_review import ACCOUNT
from tests.proxy.review.site import ADMIN_KEY, PASSWORD, Site, hidden, let_in, sign_in, sign_in_as, site


def test_signing_in_sets_a_strict_cookie(pages: Site, stranger: TestClient) -> None:
    """The cookie is HttpOnly and SameSite=Strict, and the page that was asked for comes next."""
    answer = sign_in(stranger, pages.reviewer_key, "/review/runs")
    cookie = answer.headers["set-cookie"]

    assert (answer.status_code, answer.headers["location"]) == (303, "/review/runs")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split(",")[0].split("; "))
    assert "Secure" not in cookie
    assert stranger.get("/review").status_code == 200
    assert stranger.get("/review/login", params={"next": "//evil.example"}).headers["location"] == "/review"


def test_behind_tls_the_cookie_is_secure(stranger: TestClient) -> None:
    """A reverse proxy that says https gets a Secure cookie."""
    answer = stranger.get("/review/login", headers={"x-forwarded-proto": "https"})

    assert "Secure" in answer.headers["set-cookie"]


def test_wrong_keys_are_refused_then_slowed_down(pages: Site, stranger: TestClient) -> None:
    """Five wrong keys in a minute, then 429 with the seconds to wait, even for the right key. No key comes back."""
    for _ in range(TRIES):
        answer = sign_in(stranger, "gh-guess")
        assert answer.status_code == 401
        assert "gh-guess" not in answer.text
    answer = sign_in(stranger, ADMIN_KEY)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert stranger.get("/review").status_code == 303


def test_a_key_without_admin_is_told_so(pages: Site, stranger: TestClient) -> None:
    """A known key that may not review gets a reason."""
    answer = sign_in(stranger, pages.plain_key)

    assert answer.status_code == 403
    assert "--admin" in answer.text


def test_signing_out_forgets_the_session(client: TestClient) -> None:
    """After signing out every page asks again."""
    token = hidden(client.get("/review").text, "token")

    assert client.post("/review/logout", data={"token": token}).status_code == 303
    assert client.get("/review").status_code == 303


def test_a_revoked_key_ends_its_session(pages: Site, stranger: TestClient) -> None:
    """The next page asks again once the key is gone."""
    sign_in(stranger, pages.reviewer_key)
    pages.keyring.replace([])

    assert stranger.get("/review").status_code == 303


def test_where_no_key_is_asked_for_the_door_has_no_lock(tmp_path: Path) -> None:
    """An open proxy's sign-in is one button, with the same token and cookie."""
    with site(tmp_path, closed=False) as pages, TestClient(pages.app, follow_redirects=False) as browser:
        assert "asks nobody for a key" in browser.get("/review/login").text
        assert sign_in(browser, "").status_code == 303
        assert browser.get("/review").status_code == 200


def test_a_person_signs_in_and_out(pages: Site, stranger: TestClient) -> None:
    """With a name, however it is typed; signing out ends the visit on the server, whoever kept the cookie."""
    let_in(pages, "ada@example.com", Role.REVIEWER, display="Ada Lovelace")
    answer = sign_in_as(stranger, " Ada@Example.com ", next="/review/runs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review/runs")
    assert "Ada Lovelace" in stranger.get("/review").text
    cookie = stranger.cookies[COOKIE]
    token = hidden(stranger.get("/review").text, "token")
    assert stranger.post("/review/logout", data={"token": token}).status_code == 303
    stranger.cookies.set(COOKIE, cookie)
    assert stranger.get("/review").status_code == 303
    assert [act["action"] for act in acts(pages.store)][:2] == ["review.sign_out", "review.sign_in"]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong"), ("ada", ""), ("nobody", PASSWORD), ("disabled", PASSWORD), ("invited", PASSWORD), ("invited", ""),
        ("a\0da", PASSWORD), ("ädä", PASSWORD), ("ada", PASSWORD + "\0"), ("x" * 20_000, PASSWORD), ("ada", "x" * 20_000), ("\ud800", "é"),
    ],
)  # fmt: skip
def test_all_that_is_wrong_looks_the_same(
    pages: Site, stranger: TestClient, name: str, password: str
) -> None:
    """Unknown, disabled, without a password, the wrong one: one answer, and one run of Argon2 each."""
    let_in(pages, "ada", Role.REVIEWER)
    let_in(pages, "disabled", Role.REVIEWER)
    let_in(pages, "invited", Role.REVIEWER, password=None)
    accounts.change(pages.store, "disabled", accounts.Change(disabled=True))
    page = stranger.get("/review/login").text
    fields = {"name": name, "password": password, "token": hidden(page, "token")}
    body = urlencode({each: value.encode("utf-8", "surrogatepass") for each, value in fields.items()})
    answer = stranger.post("/review/login", content=body)
    if name == "\ud800":
        assert answer.status_code == 400
        return
    assert (
        answer.status_code == 401 and "Name or password is wrong, or the account was disabled." in answer.text
    )
    (act,) = [act for act in acts(pages.store) if act["action"] == "review.sign_in_refused"]
    known = name in ("ada", "disabled", "invited")
    assert act["object"] == (f"user:{name}" if known else "review") and PASSWORD not in str(act)


def test_many_addresses_cannot_guess_one_account(pages: Site) -> None:
    """Ten tries for a name, wherever they come from; the browser in which it has signed in before is not kept out."""
    let_in(pages, "ada", Role.REVIEWER)
    at_home = TestClient(pages.app, follow_redirects=False, client=("10.1.1.1", 1))
    assert sign_in_as(at_home, "ada").status_code == 303
    at_home.cookies.delete(COOKIE)

    def guess(number: int, name: str = "ada") -> int:
        elsewhere = TestClient(pages.app, follow_redirects=False, client=(f"10.0.0.{number}", 1))
        return int(sign_in_as(elsewhere, name, "wrong").status_code)

    assert [guess(number) for number in range(NAME_TRIES)] == [401] * NAME_TRIES
    assert guess(77) == 429 and guess(78, "other") == 401
    assert sign_in_as(at_home, "ada").status_code == 303
    stolen = TestClient(pages.app, follow_redirects=False, client=("10.2.2.2", 1))
    stolen.cookies.set(DEVICE, "0" * 32 + "." + "0" * 64)
    assert sign_in_as(stolen, "ada").status_code == 429


def test_unknown_names_are_slowed_down_like_known_ones(pages: Site) -> None:
    """Who counts tries learns nothing about which names there are."""
    let_in(pages, "ada", Role.REVIEWER)

    def statuses(name: str) -> list[int]:
        return [
            sign_in_as(
                TestClient(pages.app, follow_redirects=False, client=(f"10.0.{n}.1", 1)), name, "wrong"
            ).status_code
            for n in range(NAME_TRIES + 1)
        ]

    assert statuses("ada") == statuses("nobody")


@pytest.mark.parametrize(
    "cookie",
    [
        "ghv-" + "A" * 43,
        "ghv-",
        "ghv-" + "A" * 9_000,
        "ghv-\x7f",
        "a.b.c.d",
        "admin.9999999999.x." + "0" * 64,
    ],
)
def test_forged_cookies_are_strangers(stranger: TestClient, cookie: str) -> None:
    """Of either kind."""
    assert stranger.get("/review", headers={"cookie": f"{COOKIE}={cookie}"}).status_code == 303


def test_a_database_that_is_away_lets_keys_in(
    pages: Site, stranger: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """People are told to come back later, on a page; whoever is signed in with a key stays."""
    let_in(pages, "ada", Role.REVIEWER)
    sign_in_as(stranger, "ada")

    def away(*_: object, **__: object) -> None:
        raise OperationalError("x", None, Exception("away"))

    monkeypatch.setattr("proxy.store.visits.visitor", away)
    monkeypatch.setattr("proxy.store.accounts.find", away)
    answer = stranger.get("/review")
    assert answer.status_code == 503 and "Try again later" in answer.text
    fresh = TestClient(pages.app, follow_redirects=False)
    assert sign_in_as(fresh, "ada").status_code == 503
    assert sign_in(fresh, ADMIN_KEY).status_code == 303


def test_a_form_has_the_ways_that_there_are(pages: Site, stranger: TestClient) -> None:
    """A key where there are no accounts; a name first, and the key behind it, where there are."""
    assert 'name="name"' not in stranger.get("/review/login").text
    let_in(pages, "ada", Role.REVIEWER)
    page = stranger.get("/review/login").text
    assert page.index('name="name"') < page.index('name="key"') and "<details" in page
    assert sign_in(stranger, ADMIN_KEY).status_code == 303


def test_who_may_do_nothing_has_a_page_of_their_own(pages: Site, stranger: TestClient) -> None:
    """An admin begins at the people; a role of a later version may do nothing, and is told so."""
    let_in(pages, "root", Role.ADMIN)
    assert sign_in_as(stranger, "root").headers["location"] == "/review/people"
    let_in(pages, "late", Role.VIEWER)
    with pages.store.begin() as connection:
        connection.execute(ACCOUNT.update().where(ACCOUNT.c.name == "late").values(role="wizard"))
    late = TestClient(pages.app, follow_redirects=False)
    assert sign_in_as(late, "late").headers["location"] == "/review/me"
    assert late.get("/review").status_code == 403 and "ask an administrator" in late.get("/review/me").text


def test_a_link_signs_in_once(pages: Site, stranger: TestClient) -> None:
    """As the key that made it, on to the page that was asked for; then, and when it is made up, it is refused."""
    link, _ = sign_in_links.make(pages.store, "admin", "default")
    token = hidden(stranger.get("/review/login").text, "token")
    form = {"token": token, "link": link, "next": "/review/runs"}
    answer = stranger.post("/review/login", data=form, follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (303, "/review/runs")
    assert acts(pages.store)[0]["action"] == "review.sign_in" and acts(pages.store)[0]["actor"] == "admin"
    stranger.cookies.clear()
    for used in (link, "ghl-" + "x" * 43):
        form = {"token": hidden(stranger.get("/review/login").text, "token"), "link": used, "key": ADMIN_KEY}
        answer = stranger.post("/review/login", data=form, follow_redirects=False)
        assert answer.status_code == 401 and "used already" in answer.text and used not in answer.text


def test_a_link_of_a_revoked_key_signs_nobody_in(pages: Site, stranger: TestClient) -> None:
    """The key counts when the link is used, not when it was made."""
    link, _ = sign_in_links.make(pages.store, "revoked", "default")
    form = {"token": hidden(stranger.get("/review/login").text, "token"), "link": link}

    assert stranger.post("/review/login", data=form, follow_redirects=False).status_code == 401
