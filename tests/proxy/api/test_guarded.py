"""Who may use which route: everything but a short list is for administrators, and a new route has to say so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from proxy.app import compose
from proxy.document import document
from proxy.key_terms import Terms
from proxy.review.forms import COOKIE
from proxy.roles import ADMIN_KEY, MAY, Role
from proxy.store.keys import active_keys, create_key, update_key
from proxy.store.queries import save_run
from proxy.store.tables_governance import REVEAL
from tests.architecture.source import ROOT
from tests.proxy.exchanges import masked
from tests.proxy.policies import policy
from tests.proxy.review.site import hidden
from tests.servers import make_app

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/readyz/serving"),
    ("GET", "/review/login"),
    ("POST", "/review/login"),
    ("GET", "/review/static/{name}"),
    ("GET", "/review/oidc"),
    ("GET", "/review/oidc/callback"),
    ("GET", "/review/oidc/logout"),
}
"""Routes for everybody: probes, the sign-in form and what it looks like, the way to an identity provider and back."""

CALLERS = {("POST", "/api/feedback"), ("POST", "/api/retrievals")}
"""Routes outside `/v1` that a caller's own key may use."""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, TestClient, str]]:
    """The pages as the proxy composes them, a client elsewhere, and the key of a caller."""
    app = make_app(tmp_path_factory.mktemp("guarded"), "http://127.0.0.1:9/v1", policy())
    key = create_key(app.context.store, "app").secret
    app.context.keyring.replace(active_keys(app.context.store))
    pages = compose(app.context)
    pages.state.context = app.context
    with TestClient(pages, client=("203.0.113.9", 1), follow_redirects=False) as client:
        yield pages, client, key
    app.context.store.close()


def leaves(router: Any) -> list[Any]:
    """What a router answers with, and the routers that it includes."""
    found = []
    for route in router.routes:
        included = getattr(route, "original_router", None)
        found += [route] if included is None else leaves(included)
    return found


def routes(pages: Any) -> list[tuple[str, str]]:
    """Every route with a method of its own."""
    return [
        (method, route.path)
        for route in leaves(pages)
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


def test_every_route_is_for_administrators_or_in_a_list(stranger: tuple[Any, TestClient, str]) -> None:
    """A caller's key is 403 everywhere else, no key 401; pages send both to the sign-in form."""
    pages, client, key = stranger
    found = routes(pages)
    wrong = []
    for method, path in found:
        if (method, path) in OPEN | CALLERS:
            continue
        target = path.replace("{rest:path}", "x").replace("{id}", "x").replace("{name}", "x")
        refused = []
        for headers in ({"authorization": f"Bearer {key}"}, {}):
            answer = client.request(method, target, headers=headers, content=b"{}")
            to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/review/login")
            page = path.startswith("/review") and not path.endswith(".json")
            refused.append("sign in" if page and to_sign_in else answer.status_code)
        if refused not in ([403, 401], ["sign in", "sign in"]):
            wrong.append((method, path, refused))

    assert wrong == []
    assert len(found) > 20
    assert set(found) >= OPEN | CALLERS, "the lists name routes that are not there"


def test_everything_else_the_app_serves_is_one_of_these_routes(stranger: tuple[Any, TestClient, str]) -> None:
    """Nothing is mounted or added that the table above would not see."""
    pages, _, _ = stranger
    assert [route for route in leaves(pages) if not isinstance(route, APIRoute)] == []


def _documented() -> dict[tuple[str, str], set[str]]:
    """The permissions of which each route takes one, as docs/reference/roles.md tells it."""
    text = (ROOT / "docs" / "reference" / "roles.md").read_text(encoding="utf-8")
    found = re.findall(
        r"^\| `(GET|POST|PATCH|PUT|DELETE) ([^`]+)` \| (`[a-z.]+`(?: or `[a-z.]+`)*) \|$", text, re.M
    )
    return {(method, path): {*re.findall("[a-z.]+[.][a-z]+", each)} for method, path, each in found}


SIGNED_IN = {
    ("POST", "/review/logout"),
    ("GET", "/review/me"),
    ("GET", "/review/me.json"),
    ("POST", "/review/me/password"),
    ("POST", "/review/me/sign-out"),
    ("GET", "/review/{rest:path}"),
}
"""Pages for whoever is signed in: they show and change nothing but one's own."""


def test_each_route_is_for_the_roles_that_the_documentation_names(
    stranger: tuple[Any, TestClient, str],
) -> None:
    """Every management route × every role: refused exactly where the table has no permission for it."""
    pages, client, _ = stranger
    store, keyring = client.app.state.context.store, client.app.state.context.keyring  # type: ignore[attr-defined]
    told = _documented()
    assert set(routes(pages)) - OPEN - CALLERS - SIGNED_IN == set(told), (
        "roles.md lists every route, and no other"
    )
    holders: dict[str, Any] = {str(role): Terms(role=role) for role in Role}
    keys = {name: create_key(store, name, terms=terms).secret for name, terms in holders.items()}
    keys["--admin"] = create_key(store, "boss", admin=True).secret
    keyring.replace(active_keys(store))
    wrong = []
    for name, key in keys.items():
        allowed = ADMIN_KEY if name == "--admin" else MAY[Role(name)]
        cookie = _cookie(client, key)
        for (method, path), permissions in told.items():
            target = path.replace("{id}", "x").replace("{part}", "request").replace("{run_id}", "x")
            page = path.startswith("/review")
            if page and cookie is None:
                continue
            headers = {"cookie": f"{COOKIE}={cookie}"} if page else {"authorization": f"Bearer {key}"}
            answer = client.request(method, target, headers=headers, content=b"" if page else b"{}")
            # A form without its token is refused too, in other words.
            refused = answer.status_code == 403 and "This needs the permission" in answer.text
            if refused == bool(permissions & allowed):
                wrong.append((name, method, path, answer.status_code))
        assert (cookie is None) == (not allowed & {"traces.read", "audit.read", "runs.read", "users.write"})

    assert wrong == []


def test_a_key_with_a_role_sees_its_own_tenant_alone(stranger: tuple[Any, TestClient, str]) -> None:
    """Every route that reads: another tenant's trace, run or reveal is in no answer; an admin key has all of them."""
    _, client, _ = stranger
    store, keyring = client.app.state.context.store, client.app.state.context.keyring  # type: ignore[attr-defined]
    trace = masked("zebra", model="hidden-thing", run_id="a" * 32)
    store.write([document(trace)])
    run = {"id": "r1", "created_at": "2026-01-01T00:00:00Z", "suite": "hidden-thing", "items": []}
    save_run(store, run)
    names = {"id": "g", "tenant": "default", "span_id": trace.id, "part": "request", "actor": "a"}
    with store.begin() as connection:
        times = {"created_us": 1, "expires_us": 2}
        connection.execute(REVEAL.insert(), [{**names, **times, "reason": "hidden-thing"}])
    roles = (Role.PRIVILEGED, Role.EDITOR, Role.AUDITOR)
    keys = {role: create_key(store, role, tenant="other", terms=Terms(role=role)).secret for role in roles}
    boss = create_key(store, "boss2", admin=True).secret
    keyring.replace(active_keys(store))
    seen: dict[str, set[str]] = {"boss": set(), "other": set()}
    for who, key in [("boss", boss), *(("other", key) for key in keys.values())]:
        cookie = _cookie(client, key)
        for method, path in _documented():
            if method == "GET":
                id = "r1" if "runs" in path else trace.id
                target = path.replace("{id}", id).replace("{run_id}", "a" * 32).replace("{part}", "request")
                query = {"/review": "?q=", "/review.json": "?q=", "/api/charts": "?by=model"}.get(path, "")
                page = path.startswith("/review")
                headers = {"cookie": f"{COOKIE}={cookie}"} if page else {"authorization": f"Bearer {key}"}
                answer = client.get(target + query, headers=headers)
                if "hidden-thing" in answer.text and (method, path) != ("GET", "/api/usage"):
                    seen[who].add(path)
        if who == "other":
            headers = {"authorization": f"Bearer {key}"}
            judged = client.post(f"/api/traces/{trace.id}/reviews", headers=headers, json={"verdict": "pass"})
            named = client.get("/api/charts?tenant=default", headers=headers)
            assert judged.status_code in (403, 404)
            assert named.status_code == 403
            listed = client.get("/api/traces?tenant=default", headers=headers)
            assert listed.status_code == 403 or listed.json()["data"] == []

    assert seen["other"] == set()
    assert seen["boss"] >= {
        "/api/traces", "/api/traces/facets", "/api/charts", "/api/traces/export", "/api/traces/{id}",
        "/api/traces/{id}/reveals", "/api/reveals", "/api/sessions/{run_id}", "/api/runs", "/api/runs/{id}",
        "/review", "/review.json", "/review/traces/{id}", "/review/traces/{id}.json", "/review/reveals",
        "/review/runs", "/review/runs.json", "/review/runs/{id}.json",
    }  # fmt: skip


def _cookie(client: TestClient, key: str) -> str | None:
    """The cookie of somebody who has signed in; None for a key that no page is for."""
    client.cookies.clear()
    page = client.get("/review/login").text
    form = {"key": key, "token": hidden(page, "token"), "next": ""}
    client.post("/review/login", data=form)
    cookie = client.cookies.get(COOKIE)
    client.cookies.clear()
    return cookie


def test_a_role_that_is_changed_or_revoked_counts_at_once(stranger: tuple[Any, TestClient, str]) -> None:
    """For whoever is signed in, too."""
    _, client, _ = stranger
    store, keyring = client.app.state.context.store, client.app.state.context.keyring  # type: ignore[attr-defined]
    made = create_key(store, "eve", terms=Terms(role=Role.VIEWER))
    keyring.replace(active_keys(store))
    headers = {"cookie": f"{COOKIE}={_cookie(client, made.secret)}"}
    assert client.get("/review", headers=headers).status_code == 200
    update_key(store, made.stored.key_id, lambda terms: replace(terms, role=Role.AUDITOR))
    keyring.replace(active_keys(store))
    assert client.get("/review", headers=headers).status_code == 403
    assert client.get("/review/reveals", headers=headers).status_code == 200
    update_key(store, made.stored.key_id, lambda terms: replace(terms, role=None))
    keyring.replace(active_keys(store))
    assert client.get("/review/reveals", headers=headers).status_code == 303
