"""Who may use which route: everything but a short list is for administrators, and a new route has to say so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from proxy.app import compose
from proxy.store.keys import active_keys, create_key
from tests.proxy.policies import policy
from tests.servers import make_app

OPEN = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/readyz/serving"),
    ("GET", "/review/login"),
    ("POST", "/review/login"),
    ("GET", "/review/static/{name}"),
}
"""Routes for everybody: probes, the sign-in form and what it looks like."""

CALLERS = {("POST", "/api/feedback"), ("POST", "/api/retrievals")}
"""Routes outside `/v1` that a caller's own key may use."""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, TestClient, str]]:
    """The pages as the proxy composes them, a client elsewhere, and the key of a caller."""
    app = make_app(tmp_path_factory.mktemp("guarded"), "http://127.0.0.1:9/v1", policy())
    key = create_key(app.context.store, "app").secret
    app.context.keyring.replace(active_keys(app.context.store))
    pages = compose(app.context)
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
