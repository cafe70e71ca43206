"""The router has the routes that docs/reference/http-api.md promises."""

from __future__ import annotations

from tests.proxy.api.conftest import Api


def test_the_management_routes_are_these(api: Api) -> None:
    """A new route is a new promise."""
    app = api.client.app
    paths = app.openapi()["paths"]  # type: ignore[attr-defined]

    found = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert found == {
        ("GET", "/api/traces"),
        ("GET", "/api/traces/{id}"),
        ("POST", "/api/traces/{id}/reviews"),
        ("GET", "/api/sessions/{run_id}"),
        ("GET", "/api/runs"),
        ("POST", "/api/runs"),
        ("GET", "/api/runs/{id}"),
        ("GET", "/api/keys"),
        ("POST", "/api/keys"),
        ("PATCH", "/api/keys/{id}"),
        ("POST", "/api/keys/{id}/revoke"),
        ("GET", "/api/usage"),
        ("GET", "/api/policies"),
        ("POST", "/api/reload"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    }
