"""People over HTTP: let in, changed, shut out, by those who may."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.roles import Role
from proxy.store import accounts
from proxy.store.accounts import NewAccount
from proxy.store.audit import acts
from tests.proxy.api.conftest import Api

PASSWORD = "four plain words here"
ADA = {
    "name": "Ada@example.com",
    "role": "reviewer",
    "display": "Ada",
    "tenant": "acme",
    "password": PASSWORD,
}


def test_somebody_is_let_in_changed_and_shut_out(api: Api) -> None:
    """What is told never holds the password, nor its hash."""
    made = api.client.post("/api/users", json=ADA)
    assert made.status_code == 201 and made.json()["name"] == "ada@example.com"
    path = "/api/users/ada%40example.com"
    changed = api.client.patch(path, json={"role": "editor", "revision": 1}).json()
    assert (changed["role"], changed["display"], changed["revision"]) == ("editor", "Ada", 2)
    assert api.client.patch(path, json={"disabled": True}).json()["state"] == "disabled"
    assert (
        api.client.patch(path, json={"disabled": False, "password": "another good password"}).status_code
        == 200
    )
    shown = api.client.get(path)
    assert shown.json()["visits"] == [] and shown.json()["state"] == "active"
    everything = made.text + shown.text + api.client.get("/api/users").text + str(acts(api.store))
    assert "argon2" not in everything and PASSWORD not in everything
    assert {act["actor"] for act in acts(api.store) if act["object"] == "user:ada@example.com"} == {"admin"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"name": ""}, "name"), ({"name": "a b"}, "name"), ({"name": 7}, "name"), ({"name": "ada\0"}, "name"), ({"role": "root"}, "role"),
        ({"role": None}, "role"), ({"password": "short"}, "password"), ({"password": 7}, "password"), ({"display": "\u202e"}, "display"),
        ({"tenant": "x" * 129}, "tenant"), ({"colour": "red"}, "colour"), ({"password": "x" * 2_000}, "password"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(api: Api, body: dict[str, Any], param: str) -> None:
    """With the member that is wrong; nothing was made."""
    answer = api.client.post("/api/users", json={**ADA, **body})
    assert answer.status_code == 400 and answer.json()["error"]["param"] == param
    assert not accounts.any_accounts(api.store)


@pytest.mark.parametrize(
    "body",
    [{"revision": "1"}, {"revision": True}, {"disabled": 1}, {"name": "x"}, {"role": "x"}, {"display": ""}],
)
def test_a_change_that_cannot_be_is_refused(api: Api, body: dict[str, Any]) -> None:
    """And changes nothing."""
    accounts.create(api.store, NewAccount("ada", Role.VIEWER))
    assert api.client.patch("/api/users/ada", json=body).status_code == 400
    assert accounts.find(api.store, "ada").revision == 1  # type: ignore[union-attr]


def test_conflicts_are_told(api: Api) -> None:
    """A name that is taken, a state that is not any more; who is not there is not found."""
    api.client.post("/api/users", json=ADA)
    assert api.client.post("/api/users", json=ADA).status_code == 409
    path = "/api/users/ada%40example.com"
    api.client.patch(path, json={"role": "auditor"})
    answer = api.client.patch(path, json={"display": "X", "revision": 1})
    assert answer.status_code == 409 and "auditor" in answer.json()["error"]["message"]
    for name in ("nobody", "a%00b", "%F0%9F%92%A9"):
        assert api.client.get(f"/api/users/{name}").status_code == 404
        assert api.client.patch(f"/api/users/{name}", json={"password": PASSWORD}).status_code == 404


def test_lists_are_filtered_and_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """By role and state; so many at a time."""
    monkeypatch.setattr(accounts, "MOST", 2)
    for name in ("a", "b", "c"):
        accounts.create(api.store, NewAccount(name, Role.VIEWER))
    first = api.client.get("/api/users").json()
    assert ([row["name"] for row in first["data"]], first["more"]) == (["a", "b"], True)
    last = api.client.get("/api/users?after=b&role=viewer&state=invited").json()
    assert ([row["name"] for row in last["data"]], last["more"]) == (["c"], False)
    for query in ("role=x", "state=x", "limit=9"):
        assert api.client.get(f"/api/users?{query}").status_code == 400


def test_only_who_manages_people_may(api: Api) -> None:
    """A key that calls, and nobody at all, are refused."""
    for header, status in ((f"Bearer {api.plain_key}", 403), ("Bearer gh-x", 401)):
        given = {"authorization": header}
        assert api.client.get("/api/users", headers=given).status_code == status
        assert api.client.post("/api/users", json=ADA, headers=given).status_code == status
    assert api.client.delete("/api/users/ada").status_code == 405
