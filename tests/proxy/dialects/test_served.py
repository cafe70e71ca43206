"""Routes and their dialects."""

from __future__ import annotations

from proxy.dialects.served import ROUTES, dialect_named, dialect_of, why_not_served
from proxy.telemetry import PATHS


def test_every_route_has_its_dialect_and_no_other_path_has_one() -> None:
    """Found by path and by the name that traces hold; metrics know the route."""
    for path in ROUTES:
        dialect = dialect_of(path)
        assert dialect is not None
        assert dialect_named(dialect.name) is dialect
        assert path in PATHS
    assert dialect_of("/v1/unknown") is None
    assert dialect_named("unknown") is None


def test_routes_that_would_pass_uninspected_say_so() -> None:
    """The reason is told for what OpenAI serves; a path nobody knows is only named."""
    for path in (
        "/v1/batches",
        "/v1/files/f/content",
        "/v1/audio/speech",
        "/v1/fine_tuning/jobs",
        "/v1/realtime",
    ):
        assert "uninspected" in why_not_served("POST", path)
    assert why_not_served("GET", "/v1/filesystem").startswith("There is no GET /v1/filesystem here")
