"""The page where people are let in, changed and shut out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.roles import Role
from proxy.store import accounts
from proxy.store.accounts import Change
from proxy.store.audit import acts
from tests.proxy.review.site import HOSTILE, PASSWORD, Site, hidden, let_in, sign_in_as, site


def browser_of(pages: Site, name: str) -> TestClient:
    """A browser in which somebody is signed in."""
    browser = TestClient(pages.app, follow_redirects=False)
    assert sign_in_as(browser, name).status_code == 303
    return browser


def send(browser: TestClient, path: str, **fields: str) -> Any:
    """Send a form of a page, with what its hidden fields say."""
    page = browser.get(
        path.rpartition("/")[0] if path.endswith(("/disable", "/enable", "/password", "/sign-out")) else path
    )
    told = {"token": hidden(page.text, "token")}
    if "/people/" in path:
        told["revision"] = hidden(page.text, "revision")
    return browser.post(path, data={**told, **fields})


def test_somebody_is_let_in_and_signs_in(client: TestClient, pages: Site) -> None:
    """From the admin key to a person's first page."""
    answer = send(
        client,
        "/review/people",
        name=" Ada@Example.com ",
        role="reviewer",
        display="Ada",
        tenant="acme",
        password=PASSWORD,
    )
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/review/people/ada%40example.com?done=added",
    )
    assert "Ada" in client.get(answer.headers["location"]).text
    ada = browser_of(pages, "ada@example.com")
    assert ada.get("/review").status_code == 200 and ada.get("/review/people").status_code == 403
    row = client.get("/review/people.json").json()["data"][0]
    assert (row["name"], row["tenant"], row["state"]) == ("ada@example.com", "acme", "active")
    assert "password" in row and row["password"] is True


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"name": "a b"}, "name takes"), ({"name": "ada\0"}, "name takes"), ({"name": "ädä"}, "name takes"),
        ({"name": "x" * 30_000}, "name takes"), ({"name": "ada"}, "already"), ({"role": "root"}, "role takes"), ({"password": "short"}, "at least 12"),
        ({"password": "password1234"}, "first that are guessed"), ({"display": "\u202e"}, "display takes"), ({"tenant": "\n"}, "tenant takes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(client: TestClient, pages: Site, fields: dict[str, str], word: str) -> None:
    """What was typed stays in the form, but for the password; nothing was made."""
    let_in(pages, "ada", Role.VIEWER)
    given = {"name": "bob", "role": "viewer", "display": "Bob <b>", "password": PASSWORD, **fields}
    answer = send(client, "/review/people", **given)
    assert answer.status_code in (400, 409) and word in answer.text
    assert given["password"] not in answer.text and "Bob <b>" not in answer.text
    assert len(accounts.accounts(pages.store)) == 1


def test_two_admins_at_once(pages: Site) -> None:
    """The second is told what was changed meanwhile, and by looking at the page may send it again."""
    for name in ("root", "chief"):
        let_in(pages, name, Role.ADMIN)
    let_in(pages, "ada", Role.VIEWER)
    root, chief = browser_of(pages, "root"), browser_of(pages, "chief")
    seen = root.get("/review/people/ada").text
    form = {
        "token": hidden(seen, "token"),
        "revision": hidden(seen, "revision"),
        "role": "editor",
        "display": "ada",
    }
    assert send(chief, "/review/people/ada", role="auditor", display="Ada L.").status_code == 303

    answer = root.post("/review/people/ada", data=form)
    assert answer.status_code == 409 and "auditor" in answer.text and "Ada L." in answer.text
    assert accounts.find(pages.store, "ada").role is Role.AUDITOR  # type: ignore[union-attr]
    again = {**form, "token": hidden(answer.text, "token"), "revision": hidden(answer.text, "revision")}
    assert root.post("/review/people/ada", data=again).status_code == 303
    assert accounts.find(pages.store, "ada").role is Role.EDITOR  # type: ignore[union-attr]


def test_a_change_acts_at_the_next_request(client: TestClient, pages: Site) -> None:
    """Another role, a new password, a disabled account: in the middle of what somebody does."""
    let_in(pages, "ada", Role.REVIEWER)
    ada = browser_of(pages, "ada")
    assert ada.get("/review").status_code == 200
    send(client, "/review/people/ada", role="auditor", display="ada")
    assert ada.get("/review").status_code == 403 and ada.get("/review/reveals").status_code == 200
    send(client, "/review/people/ada/password", password="another good password")
    assert ada.get("/review/reveals").status_code == 303
    assert sign_in_as(ada, "ada").status_code == 401
    assert sign_in_as(ada, "ada", "another good password").headers["location"] == "/review/reveals"
    send(client, "/review/people/ada/disable")
    assert ada.get("/review/reveals").status_code == 303
    assert sign_in_as(ada, "ada", "another good password").status_code == 401
    send(client, "/review/people/ada/enable")
    assert sign_in_as(ada, "ada", "another good password").status_code == 303
    send(client, "/review/people/ada/sign-out")
    assert ada.get("/review/reveals").status_code == 303
    found = {act["action"] for act in acts(pages.store)}
    assert {
        "account.update",
        "account.password",
        "account.disable",
        "account.enable",
        "review.sign_out",
    } <= found


def test_the_last_admin_stays_where_no_key_is(tmp_path: Path) -> None:
    """Neither shut out nor made something else, by oneself or by others."""
    with site(tmp_path, admin_key=None) as pages:
        from proxy.store.keys import list_keys, revoke_key

        for key in list_keys(pages.store):
            revoke_key(pages.store, key.key_id)
        let_in(pages, "root", Role.ADMIN)
        root = browser_of(pages, "root")
        for path, fields in (("/disable", {}), ("", {"role": "viewer", "display": "root"})):
            answer = send(root, f"/review/people/root{path}", **fields)
            assert answer.status_code == 409 and "last account" in answer.text
        assert accounts.find(pages.store, "root").revision == 1  # type: ignore[union-attr]


def test_an_admin_of_a_tenant_manages_that_tenant(pages: Site) -> None:
    """Others are not there: not listed, not shown, not changed, not made."""
    let_in(pages, "root", Role.ADMIN, tenant="acme")
    let_in(pages, "other", Role.VIEWER, tenant="shop")
    root = browser_of(pages, "root")
    assert [row["name"] for row in root.get("/review/people.json").json()["data"]] == ["root"]
    assert (
        root.get("/review/people/other").status_code
        == root.get("/review/people/other.json").status_code
        == 404
    )
    token = hidden(root.get("/review/people").text, "token")
    for act in ("", "/disable", "/password", "/sign-out"):
        fields = {"token": token, "revision": "1", "role": "admin", "display": "x", "password": PASSWORD}
        assert root.post(f"/review/people/other{act}", data=fields).status_code == 404
    made = {"token": token, "name": "bob", "role": "viewer", "password": PASSWORD}
    assert root.post("/review/people", data={**made, "tenant": "shop"}).status_code == 403
    assert root.post("/review/people", data=made).status_code == 303
    assert accounts.find(pages.store, "bob").tenant == "acme"  # type: ignore[union-attr]


def test_lists_are_filtered_and_paged(
    client: TestClient, pages: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every role and state is a link to its own list; many people are several pages."""
    monkeypatch.setattr(accounts, "MOST", 2)
    for name, role in (("a", Role.ADMIN), ("b", Role.VIEWER), ("c", Role.ADMIN), ("d", Role.ADMIN)):
        let_in(pages, name, role, password="hash")
    accounts.change(pages.store, "d", Change(disabled=True))
    page = client.get("/review/people?role=admin").text
    assert "/review/people?role=admin&amp;after=c" in page and ">b<" not in page
    assert ">d<" in client.get("/review/people?role=admin&after=c").text
    assert [row["name"] for row in client.get("/review/people.json?state=disabled").json()["data"]] == ["d"]
    for query in ("role=root", "state=x", "page=2"):
        assert client.get(f"/review/people?{query}").status_code == 400
    assert client.get("/review/people?after=%00").status_code == 200


def test_hostile_names_are_shown_as_text(client: TestClient, pages: Site) -> None:
    """What a person is called runs nowhere."""
    let_in(pages, "ada", Role.VIEWER, display=HOSTILE.replace("\u202e\ud800\0", ""), password=None)
    for path in ("/review/people", "/review/people/ada"):
        page = client.get(path).text
        assert "<script>alert" not in page and "<img src=x" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("name", ["nobody", "a%00b", "%F0%9F%92%A9", "x" * 300, "..%2f..", "%3Cscript%3E"])
def test_nobody_is_not_there(client: TestClient, name: str) -> None:
    """Whatever the address says."""
    assert client.get(f"/review/people/{name}").status_code == 404


def test_forms_of_others_change_nothing(client: TestClient, pages: Site) -> None:
    """Without a token, with one of another visit, from another site, with another method, of no known state."""
    let_in(pages, "ada", Role.VIEWER)
    let_in(pages, "root", Role.ADMIN)
    other = hidden(browser_of(pages, "root").get("/review/people").text, "token")
    mine = hidden(client.get("/review/people").text, "token")
    good = {"revision": "1", "role": "admin", "display": "x"}
    for token in ("", other, "é", mine[:-1]):
        assert client.post("/review/people/ada", data={**good, "token": token}).status_code == 403
    cross = {"sec-fetch-site": "cross-site"}
    assert client.post("/review/people/ada", data={**good, "token": mine}, headers=cross).status_code == 403
    assert client.get("/review/people/ada/disable").status_code in (404, 405)
    for revision in ("", "x", "-1", "1" * 40, "١"):
        answer = client.post("/review/people/ada", data={**good, "token": mine, "revision": revision})
        assert answer.status_code == 400
    assert client.post("/review/people/ada/other", data={**good, "token": mine}).status_code == 404
    assert accounts.find(pages.store, "ada").revision == 1  # type: ignore[union-attr]
