"""Probes: alive, ready or not and why, and numbers for whoever may see them."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.proxy.api.conftest import METRICS_KEY, Api


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
    with TestClient(api.client.app, "http://127.0.0.1:4000", client=("127.0.0.1", 1)) as local:
        assert "guardhouse_build_info" in local.get("/metrics").text
        for name in ("x-forwarded-for", "Forwarded", "x-forwarded-proto", "x-real-ip", "via"):
            assert local.get("/metrics", headers={name: "203.0.113.9"}).status_code == 401


def test_a_database_that_is_away_is_a_reason(api: Api) -> None:
    """Not ready, and said so; not an exception."""
    with api.store.begin() as connection:
        connection.execute(text("ALTER TABLE alembic_version RENAME TO gone"))

    assert "does not answer" in api.client.get("/readyz").json()["reasons"]["store"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *[(host, 200) for host in ("localhost", "LOCALHOST:4000", "127.0.0.1:4000", "[::1]:4000")],
        *[(host, 401) for host in ("evil.example", "127.0.0.1.evil.example", "[", "")],
    ],
)
def test_a_page_of_elsewhere_is_not_local(api: Api, host: str, status: int) -> None:
    """A browser on this machine that was led here by another name (DNS rebinding) gets no numbers."""
    with TestClient(api.client.app, client=("127.0.0.1", 1)) as local:
        assert local.get("/metrics", headers={"host": host}).status_code == status


def test_the_metrics_key_reads_numbers_and_nothing_else(api: Api) -> None:
    """Prometheus need not hold a key that may read traces."""
    told = {"authorization": f"Bearer {METRICS_KEY}"}
    wrong = [f"Bearer {METRICS_KEY[:-1]}", METRICS_KEY, b"Bearer \xff"]

    assert api.client.get("/metrics", headers=told).status_code == 200
    assert [api.client.get("/metrics", headers={"authorization": key}).status_code for key in wrong] == [
        401
    ] * 3
    assert api.client.get("/api/traces", headers=told).status_code == 401


def test_a_balancer_goes_on_sending_while_the_database_is_away(api: Api) -> None:
    """The spool keeps the traces meanwhile; only a process that takes no requests is left out."""
    with api.store.begin() as connection:
        connection.execute(text("ALTER TABLE alembic_version RENAME TO gone"))
    assert api.client.get("/readyz/serving", headers={"authorization": ""}).json()["status"] == "ok"

    api.reasons["app"] = "is stopping"
    assert api.client.get("/readyz/serving").status_code == 503
