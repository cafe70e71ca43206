"""`/api/keys`: keys made, changed and revoked over HTTP work at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.app import App, compose
from proxy.auth import key_hash
from proxy.errors import Unauthorized
from proxy.key_terms import Terms
from proxy.limits import Limits
from proxy.permits import known_keys
from proxy.roles import Role
from proxy.store.audit import acts
from proxy.store.keys import create_key
from tests.proxy.policies import policy
from tests.servers import ADMIN_KEY, make_app

MODELS = [{"model_name": "small", "litellm_params": {"model": "fake/assistant"}}]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A proxy with a team and a model; nobody serves it."""
    made = make_app(tmp_path, "", policy(), MODELS, teams={"search": {"rpm": 10}})
    yield made
    made.context.store.close()


@pytest.fixture
def client(app: App) -> TestClient:
    """An administrator."""
    return TestClient(compose(app.context), headers={"authorization": f"Bearer {ADMIN_KEY}"})


def test_a_key_works_at_once_and_is_shown_once(app: App, client: TestClient) -> None:
    """In the process that made it, with all that it was made with; its event names who made it."""
    body = {
        "name": "web",
        "tenant": "shop",
        "team": "search",
        "limits": {"rpm": 5},
        "expires": "30d",
        "policy": "strict",
    }

    answer = client.post("/api/keys", json=body)
    made = answer.json()

    who = app.context.keyring.lookup(made["key"])
    assert answer.status_code == 201
    assert (who.key_id, who.tenant, who.team, who.limits.rpm, who.admin) == (
        made["key_id"],
        "shop",
        "search",
        5,
        False,
    )
    assert app.context.policies.guard_for(who, "small", "/").policy.name == "strict"
    listed = client.get("/api/keys")
    assert made["key"] not in listed.text and key_hash(made["key"]) not in listed.text
    assert [{**key, "key": made["key"]} for key in listed.json()["data"]] == [made]
    (act,) = acts(app.context.store)
    assert (act["actor"], act["action"], act["object"]) == ("admin", "key.create", made["key_id"])


def test_a_patch_holds_at_once(app: App, client: TestClient) -> None:
    """What it does not name stays; null takes away; the secret is the same."""
    made = client.post(
        "/api/keys", json={"name": "web", "models": ["small"], "limits": {"rpm": 5, "tpm": 6}}
    ).json()

    changed = client.patch(f"/api/keys/{made['key_id']}", json={"models": None, "limits": {"rpm": None}})

    who = app.context.keyring.lookup(made["key"])
    assert changed.json() == {
        **{k: v for k, v in made.items() if k != "key"},
        "models": None,
        "limits": {"tpm": 6},
    }
    assert (who.models, who.limits.rpm, who.limits.tpm) == (None, None, 6)
    assert acts(app.context.store)[0]["detail"] == {"models": None, "limits": {"tpm": 6}}


def test_a_revoked_key_is_refused_at_once(app: App, client: TestClient) -> None:
    """And cannot be changed any more."""
    made = client.post("/api/keys", json={"name": "web"}).json()

    revoked = client.post(f"/api/keys/{made['key_id']}/revoke")

    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    with pytest.raises(Unauthorized):
        app.context.keyring.lookup(made["key"])
    assert client.patch(f"/api/keys/{made['key_id']}", json={"policy": "strict"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "param", "told"),
    [
        ({}, "name", "name takes 1 to 128"),
        ({"name": "a\nb"}, "name", "name takes"),
        ({"name": "x", "tenant": ""}, "tenant", "tenant takes"),
        ({"name": "x", "admin": 1}, "admin", "admin takes true or false"),
        ({"name": "x", "rpm": 5}, "rpm", "'rpm' is unknown. Known: name"),
        ({"name": "x", "expires": "yesterday"}, "expires", "expires takes an age"),
        ({"name": "x", "limits": {"rpm": 0}}, "limits", "rpm takes a whole number"),
        ({"name": "x", "team": "nope"}, "team", "there is no team 'nope'. Known: search."),
        ({"name": "x", "models": ["nope"]}, "models", "there is no model 'nope'"),
        ({"name": "x", "policy": "nope"}, "policy", "there is no policy 'nope'"),
        (
            {"name": "x", "team": "search", "limits": {"rpm": 11}},
            "limits",
            "rpm of 11 is more than the team's 10",
        ),
    ],
)
def test_what_cannot_be_meant_makes_no_key(
    app: App, client: TestClient, body: dict[str, Any], param: str | None, told: str
) -> None:
    """400 that says which member it is and what it takes; nothing is kept."""
    answer = client.post("/api/keys", json=body)
    error = answer.json()["error"]

    assert (answer.status_code, error["param"]) == (400, param)
    assert error["message"].startswith(told)
    assert client.get("/api/keys").json() == {"data": []}
    assert acts(app.context.store) == []


@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/api/keys/nothing"), ("POST", "/api/keys/nothing/revoke")]
)
def test_a_key_that_is_not_there_is_404(client: TestClient, method: str, path: str) -> None:
    """Without saying the id again."""
    answer = client.request(method, path, json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_key_whose_team_is_gone_can_be_changed(app: App, client: TestClient) -> None:
    """Only what a patch names is looked up: the rest may have left the configuration since."""
    terms = Terms("gone", ("old",), "former", limits=Limits(rpm=5))
    id = create_key(app.context.store, "web", terms=terms).stored.key_id

    tagged = client.patch(f"/api/keys/{id}", json={"tags": {"env": "prod"}})
    limited = client.patch(f"/api/keys/{id}", json={"limits": {"rpm": 6}})
    moved = client.patch(f"/api/keys/{id}", json={"team": "search", "models": None, "limits": {"rpm": 7}})

    assert (tagged.status_code, tagged.json()["tags"]) == (200, {"env": "prod"})
    assert (limited.status_code, limited.json()["error"]["param"]) == (400, "team")
    assert (moved.status_code, moved.json()["team"], moved.json()["policy"]) == (200, "search", "former")


def test_names_of_keys_do_not_change(client: TestClient) -> None:
    """A patch takes terms alone."""
    made = client.post("/api/keys", json={"name": "web"}).json()

    answer = client.patch(f"/api/keys/{made['key_id']}", json={"name": "other"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unknown_parameter")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/keys"), ("POST", "/api/keys"), ("PATCH", "/api/keys/x"), ("POST", "/api/keys/x/revoke")],
)
def test_only_administrators_manage_keys(app: App, client: TestClient, method: str, path: str) -> None:
    """No key: 401. A key without rights: 403."""
    plain = create_key(app.context.store, "plain").secret
    app.context.keyring.refresh(lambda: known_keys(app.context))

    assert client.request(method, path, json={}, headers={"authorization": ""}).status_code == 401
    assert (
        client.request(method, path, json={}, headers={"authorization": f"Bearer {plain}"}).status_code == 403
    )


def test_an_admin_by_role_manages_the_keys_of_one_tenant(app: App, client: TestClient) -> None:
    """No key that reaches beyond: not made, not found, not changed, not revoked, whichever tenant it names."""
    store = app.context.store
    made = create_key(store, "shop's admin", "shop", terms=Terms(role=Role.ADMIN))
    theirs = [create_key(store, "other", "bank"), create_key(store, "boss", "shop", admin=True)]
    app.context.keyring.refresh(partial(known_keys, app.context))
    shop = TestClient(compose(app.context), headers={"authorization": f"Bearer {made.secret}"})

    assert shop.post("/api/keys", json={"name": "web"}).json()["tenant"] == "shop"
    for beyond in (
        {"tenant": "bank"},
        {"tenant": "default"},
        {"admin": True},
        {"admin": True, "tenant": "shop"},
    ):
        answer = shop.post("/api/keys", json={"name": "more", **beyond})
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "invalid_request_error")
    for each in theirs:
        path = f"/api/keys/{each.stored.key_id}"
        assert shop.patch(path, json={"role": "admin", "expires": "1h"}).status_code == 404
        assert shop.post(f"{path}/revoke").status_code == 404
        assert app.context.keyring.lookup(each.secret).tenant == each.stored.tenant
    assert [key["name"] for key in shop.get("/api/keys").json()["data"]] == ["shop's admin", "web"]
    assert len(client.get("/api/keys").json()["data"]) == 4
    assert client.post(f"/api/keys/{theirs[1].stored.key_id}/revoke").status_code == 200
