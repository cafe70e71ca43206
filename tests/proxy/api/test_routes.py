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
        ("GET", "/api/traces/facets"),
        ("POST", "/api/traces/{id}/reviews"),
        ("POST", "/api/traces/{id}/reviews/{review_id}/withdraw"),
        ("GET", "/api/traces/{id}/comments"),
        ("POST", "/api/traces/{id}/comments"),
        ("POST", "/api/traces/{id}/comments/{comment_id}/delete"),
        ("POST", "/api/traces/{id}/reveal"),
        ("GET", "/api/traces/{id}/raw/{part}"),
        ("GET", "/api/traces/{id}/reveals"),
        ("GET", "/api/reveals"),
        ("GET", "/api/queues"),
        ("POST", "/api/queues"),
        ("PATCH", "/api/queues/{id}"),
        ("GET", "/api/agreement"),
        ("GET", "/api/audit"),
        ("GET", "/api/erasures"),
        ("POST", "/api/erasures"),
        ("GET", "/api/erasures/{id}"),
        ("POST", "/api/erasures/{id}/resume"),
        ("POST", "/api/subjects/export"),
        ("GET", "/api/sessions/{run_id}"),
        ("GET", "/api/bulk"),
        ("POST", "/api/bulk"),
        ("GET", "/api/bulk/{id}"),
        ("POST", "/api/bulk/{id}/cancel"),
        ("POST", "/api/bulk/{id}/undo"),
        ("GET", "/api/runs"),
        ("POST", "/api/runs"),
        ("GET", "/api/runs/{id}"),
        ("GET", "/api/golden/candidates"),
        ("GET", "/api/golden/candidates/{id}"),
        ("POST", "/api/golden/candidates"),
        ("POST", "/api/golden/candidates/{id}/taken"),
        ("GET", "/api/config"),
        ("GET", "/api/policies"),
        ("GET", "/api/prompts"),
        ("GET", "/api/keys"),
        ("POST", "/api/keys"),
        ("PATCH", "/api/keys/{id}"),
        ("POST", "/api/keys/{id}/revoke"),
        ("POST", "/api/sign-in-links"),
        ("GET", "/api/users"),
        ("POST", "/api/users"),
        ("GET", "/api/users/{name}"),
        ("PATCH", "/api/users/{name}"),
        ("GET", "/api/usage"),
        ("POST", "/api/reload"),
        ("POST", "/api/retrievals"),
        ("POST", "/api/feedback"),
        ("GET", "/healthz"),
        ("GET", "/api/charts"),
        ("GET", "/api/traces/export"),
        ("GET", "/readyz"),
        ("GET", "/readyz/serving"),
        ("GET", "/metrics"),
    }
