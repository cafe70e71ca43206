"""Signing in through a real OpenID provider: there, back, out, and what is no way back."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from proxy.config_sign_in import CALLBACK
from proxy.errors import Forbidden
from proxy.review.forms import COOKIE
from proxy.review.oidc import FLOW, FLOW_S, Flows
from proxy.review.oidc_client import Flow
from proxy.roles import Role
from proxy.store import accounts
from proxy.store.audit import acts
from tests.proxy.review.oidc_site import (
    PUBLIC,
    begin,
    come_back,
    consent,
    provider,
    settings,
    through,
    visited,
)
from tests.proxy.review.site import ADMIN_KEY, Site, hidden, let_in, sign_in

# The provider's own code is what warns, in its thread.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """A running provider."""
    with provider() as found:
        yield found


@pytest.fixture
def both(issuer: str, tmp_path: Path) -> Iterator[tuple[Site, TestClient]]:
    """The pages with that provider, and a stranger's browser."""
    with visited(tmp_path, settings(issuer, label="Example Corp")) as found:
        yield found


def test_somebody_comes_in_for_the_first_time(both: tuple[Site, TestClient], issuer: str) -> None:
    """The account is made with the verified e-mail as its name; the page that was asked for comes next."""
    pages, browser = both
    assert "Sign in with Example Corp" in browser.get("/review/login").text
    answer = through(browser, next="/review/runs?x=1")

    assert answer.status_code == 200 and 'url=/review/runs?x=1"' in answer.text
    strict = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{COOKIE}="))
    assert "SameSite=strict" in strict and "HttpOnly" in strict
    me = browser.get("/review/me.json").json()
    assert (me["id"], me["account"]["role"], me["account"]["display"]) == (
        "user:ada@example.com",
        "viewer",
        "Ada Lovelace",
    )
    assert me["account"]["issuer"] == issuer and not me["account"]["password"]
    assert [act["action"] for act in acts(pages.store)][:2] == ["review.sign_in", "account.create"]
    assert acts(pages.store)[0]["detail"]["way"] == "oidc"

    through(browser)
    assert len(accounts.accounts(pages.store)) == 1


def test_what_is_sent_to_the_provider(both: tuple[Site, TestClient]) -> None:
    """A code is asked for with PKCE, state and nonce, and back to the configured address whatever the Host says."""
    browser = both[1]
    answer = browser.get("/review/oidc", headers={"host": "evil.example"})
    asked = {name: value for name, (value,) in parse_qs(urlsplit(answer.headers["location"]).query).items()}

    assert asked["response_type"] == "code" and asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43 and len(asked["state"]) == len(asked["nonce"]) == 43
    assert asked["redirect_uri"] == PUBLIC + CALLBACK and "openid" in asked["scope"].split()
    assert "s3cret" not in str(answer.headers)
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", f"Path={CALLBACK}", f"Max-Age={FLOW_S}"} <= set(cookie.split("; "))
    assert asked["code_challenge"] not in cookie


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/review/oidc/logout", "/v1"])
def test_the_way_on_stays_here(both: tuple[Site, TestClient], target: str) -> None:
    """Whatever `next` says, the way ends on a page of ours."""
    assert 'url=/review"' in through(both[1], next=target).text


def test_a_way_back_is_good_once(both: tuple[Site, TestClient]) -> None:
    """A replayed address is refused: without the cookie, and with a copy of it too; nobody is let in twice."""
    pages, browser = both
    url = begin(browser)
    copy = browser.cookies.get(FLOW)
    address = consent(url)
    assert come_back(browser, address).status_code == 200
    browser.cookies.clear()
    assert come_back(browser, address).status_code == 403
    browser.cookies.set(FLOW, copy or "", domain="localhost.local", path=CALLBACK)
    again = come_back(browser, address)
    assert again.status_code == 403 and "used already" in again.text
    assert browser.get("/review/me").status_code == 303
    assert [act["action"] for act in acts(pages.store)].count("review.sign_in") == 1


def test_another_browsers_way_is_not_ones_own(both: tuple[Site, TestClient]) -> None:
    """A way back that somebody else began (login CSRF) is refused, with or without a way of one's own."""
    pages, victim = both
    with TestClient(pages.app, base_url=PUBLIC, follow_redirects=False) as attacker:
        address = consent(begin(attacker))
    assert come_back(victim, address).status_code == 403
    begin(victim)
    answer = come_back(victim, address)
    assert answer.status_code == 403 and "another sign-in" in answer.text
    assert victim.get("/review/me").status_code == 303
    assert acts(pages.store)[0]["action"] == "review.sign_in_refused"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "state=x&code=y",
        "error=access_denied",
        "code=" + "x" * 9_999,
        "state=%00&code=%ff",
        "code=a&iss=b",
    ],
)
def test_a_way_back_that_nobody_began_is_refused(both: tuple[Site, TestClient], query: str) -> None:
    """Nothing is asked of the provider, and nothing that came along is shown."""
    answer = both[1].get(f"{CALLBACK}?{query}")
    assert answer.status_code == 403 and "access_denied" not in answer.text


@pytest.mark.parametrize(
    ("query", "status"),
    [("&error=access_denied", 403), ("&error=<script>", 403), ("", 400), ("&code=x&iss=https://evil.example", 403), ("&code=made-up", 403)],
)  # fmt: skip
def test_a_provider_that_says_no(both: tuple[Site, TestClient], query: str, status: int) -> None:
    """Refused, without a code, from another provider, with a code that it did not give: the form says so."""
    browser = both[1]
    state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
    answer = browser.get(f"{CALLBACK}?state={state}{query}")
    assert answer.status_code == status and 'name="key"' in answer.text and "<script>" not in answer.text
    assert browser.get("/review/me").status_code == 303


def test_coming_back_again_and_again_is_slowed_down(both: tuple[Site, TestClient]) -> None:
    """Each way that was begun here counts like any other try of an address."""
    browser, statuses = both[1], []
    for _ in range(7):
        state = parse_qs(urlsplit(begin(browser)).query)["state"][0]
        statuses.append(browser.get(f"{CALLBACK}?state={state}&code=made-up").status_code)
    assert statuses == [403] * 5 + [429] * 2


def test_other_sites_cannot_keep_anybody_out(both: tuple[Site, TestClient]) -> None:
    """What a page of theirs makes browsers ask for here is refused, and counts for nobody."""
    browser = both[1]
    for _ in range(9):
        answer = browser.get(f"{CALLBACK}?state=x&code=y", headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
    assert sign_in(browser, ADMIN_KEY).status_code == 303


def test_signing_out_leads_to_the_provider(both: tuple[Site, TestClient], issuer: str) -> None:
    """Signed out here at once; a link, which the page's policy does not hold back, signs out there."""
    browser = both[1]
    through(browser)
    token = hidden(browser.get("/review/me").text, "token")
    answer = browser.post("/review/logout", data={"token": token})
    assert answer.headers["location"] == "/review/login?left=provider"
    assert 'href="/review/oidc/logout"' in browser.get(answer.headers["location"]).text
    away = urlsplit(browser.get("/review/oidc/logout").headers["location"])
    assert f"{away.scheme}://{away.netloc}" == issuer
    asked = parse_qs(away.query)
    assert asked["client_id"] == ["guardhouse"] and asked["post_logout_redirect_uri"] == [
        f"{PUBLIC}/review/login"
    ]
    assert browser.get("/review/me").status_code == 303


def test_a_provider_that_is_away(tmp_path: Path) -> None:
    """The page says so, and the other ways to sign in are on it."""
    with visited(tmp_path, settings("http://127.0.0.1:9", timeout_s=1)) as (_pages, browser):
        for path in ("/review/oidc", "/review/oidc/logout"):
            answer = browser.get(path)
            assert answer.status_code == 502 and "identity provider cannot be used" in answer.text
            assert 'name="key"' in answer.text and "127.0.0.1:9" not in answer.text


def test_without_a_provider_there_is_no_such_way(pages: Site, stranger: TestClient) -> None:
    """No button, and no addresses behind it."""
    assert "/review/oidc" not in stranger.get("/review/login").text
    for path in ("/review/oidc", CALLBACK, "/review/oidc/logout"):
        assert stranger.get(path).status_code == 404


def test_an_account_with_a_password_is_not_taken_over(both: tuple[Site, TestClient]) -> None:
    """Whoever has that address at the provider is somebody else, until an administrator says otherwise."""
    pages, browser = both
    before = let_in(pages, "ada@example.com", Role.ADMIN)
    answer = through(browser)
    assert answer.status_code == 403 and "another way" in answer.text
    assert accounts.find(pages.store, "ada@example.com") == before


def test_flows_are_signed_and_end() -> None:
    """Any other cookie, any other state, any later moment: refused. A good one is good once, from many threads."""
    now = [1_000.0]
    flows = Flows(b"k" * 32, lambda: now[0])
    flow = Flow("state", "nonce", "verifier")
    cookie = flows.cookie(flow, "/review/runs")
    head = cookie.partition(".")[0]
    forged = hmac.digest(b"k" * 32, head.encode(), "sha256").hex()
    for bad in (
        "",
        ".",
        "a.b",
        "é.ü",
        cookie[:-1],
        cookie + "0",
        f"{head}.{forged}",
        "x" * 9_999,
        f"A{cookie[1:]}",
    ):
        with pytest.raises(Forbidden):
            flows.taken(bad, "state")
    for state in ("", "other", "é", "\ud800"):
        with pytest.raises(Forbidden):
            flows.taken(cookie, state)
    with pytest.raises(Forbidden):
        Flows(b"j" * 32, lambda: now[0]).taken(cookie, "state")

    taken: list[object] = []

    def take() -> None:
        try:
            taken.append(flows.taken(cookie, "state"))
        except Forbidden:
            taken.append(None)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert [each for each in taken if each] == [(flow, "/review/runs")]

    late = flows.cookie(Flow("late", "", ""), "/review")
    now[0] += FLOW_S
    with pytest.raises(Forbidden):
        flows.taken(late, "late")
