"""Probes: alive, ready or not and why, and numbers for whoever may see them."""

from __future__ import annotations

from sqlalchemy import text
from starlette.testclient import TestClient

from tests.proxy.api.conftest import Api


def test_alive_is_said_to_everybody(api: Api) -> None:
    """The process answers; nothing it depends on is asked."""
    assert api.client.get("/healthz", headers={"authorization": ""}).json() == {"status": "ok"}


def test_ready_names_the_policy(api: Api) -> None:
    """Ready means 200, and the running policy revision can be read."""
    answer = api.client.get("/readyz", headers={"authorization": ""})

    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "policy": "default@abc",
        "config": "0123456789ab",
        "reasons": {},
        "degraded": {},
    }


def test_not_ready_says_why(api: Api) -> None:
    """503 with a reason for each part that is in trouble."""
    api.reasons["policy"] = "not loaded"
    api.recorder.trouble = lambda: "the spool is full"  # type: ignore[method-assign]

    answer = api.client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["reasons"] == {"policy": "not loaded", "recorder": "the spool is full"}


def test_metrics_are_for_this_machine_or_an_admin(api: Api) -> None:
    """A request through a reverse proxy on this machine does not count as local."""
    assert api.client.get("/metrics").status_code == 200
    with TestClient(api.client.app, client=("127.0.0.1", 1)) as local:
        assert "guardhouse_build_info" in local.get("/metrics").text
        assert local.get("/metrics", headers={"x-forwarded-for": "203.0.113.9"}).status_code == 401


def test_a_database_that_is_away_is_a_reason(api: Api) -> None:
    """Not ready, and said so; not an exception."""
    with api.store.begin() as connection:
        connection.execute(text("ALTER TABLE alembic_version RENAME TO gone"))

    assert "does not answer" in api.client.get("/readyz").json()["reasons"]["store"]
