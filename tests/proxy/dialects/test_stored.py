"""The routes of stored objects."""

from __future__ import annotations

import pytest

from proxy.dialects.served import ROUTES, dialect_named
from proxy.dialects.stored import STORED, find, methods
from proxy.objects import MADE_BY
from proxy.telemetry import PATHS


def test_every_route_is_found_by_its_own_path() -> None:
    """With the id as it stands there; metrics know it, and it belongs to a route that makes objects."""
    for route in STORED:
        assert find(route.method, route.at("x_1")) == (route, "" if route.is_of_all else "x_1")
        assert route.method in methods(route.at("x_1"))
        assert route.path in PATHS
        assert route.made_by in MADE_BY
        assert "{" not in route.at("x_1")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/responses"),
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/responses/"),
        ("GET", "/v1/responses/a/b"),
        ("GET", "/v1/responses/a/input_items/b"),
        ("GET", "/v1/responses/input_tokens"),
        ("POST", "/v1/responses/a"),
        ("GET", "/v2/responses/a"),
        ("GET", "/healthz"),
        ("HEAD", "/v1/responses/a"),
    ],
)
def test_no_other_request_is_one(method: str, path: str) -> None:
    """Calls, longer paths and other methods among them."""
    assert find(method, path) is None


def test_every_method_of_a_path_is_told() -> None:
    """Those of calls too."""
    assert {path: methods(path) for path in ROUTES}["/v1/chat/completions"] == ["GET", "POST"]
    assert methods("/v1/embeddings") == ["POST"]
    assert methods("/v1/models") == []


def test_a_replay_leaves_their_traces_out() -> None:
    """They hold no request that could be judged again."""
    assert all(dialect_named(route.dialect.name) is None for route in STORED)
