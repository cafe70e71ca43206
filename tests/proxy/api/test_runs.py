"""`/api/runs`: run documents are checked, kept once and given back unchanged."""

from __future__ import annotations

from typing import Any

import pytest

from tests.proxy.api.conftest import Api


def _run(**over: Any) -> dict[str, Any]:
    run = {
        "format": "guardhouse.run/1",
        "id": "run-1",
        "created_at": "2026-01-01T00:00:00Z",
        "suite": "support",
        "golden": {"name": "support", "version": "1.0.0", "content_sha256": "0", "n": 1},
        "summary": {"exact": {"mean": None, "n": 0, "unscored": 1, "low": None, "high": None}},
        "gate": {"verdict": "pass", "reason": ""},
        "items": [
            {"id": "a", "repeat": 0, "output": {"text": "x"}, "scores": {"exact": {"status": "unscored"}}}
        ],
        "kept": "whatever else it says",
    }
    return {**run, **over}


def test_a_run_is_published_once_listed_and_read(api: Api) -> None:
    """Publishing again is no error and changes nothing."""
    first = api.client.post("/api/runs", json=_run())
    again = api.client.post("/api/runs", json=_run(suite="other"))

    assert (first.status_code, first.json()) == (201, {"id": "run-1", "created": True})
    assert (again.status_code, again.json()) == (200, {"id": "run-1", "created": False})
    assert [run["suite"] for run in api.client.get("/api/runs").json()["data"]] == ["support"]
    assert api.client.get("/api/runs/run-1").json() == _run()
    assert api.client.get("/api/runs/run-2").status_code == 404


@pytest.mark.parametrize(
    ("over", "param"),
    [
        ({"format": "guardhouse.run/2"}, "format"),
        ({"id": "../x"}, "id"),
        ({"created_at": "2026-01-01T00:00:00"}, "created_at"),
        ({"gate": {"verdict": "fine"}}, "gate.verdict"),
        ({"items": [{"id": "a"}]}, "items.0.repeat"),
        ({"summary": []}, "summary"),
    ],
)
def test_a_document_that_is_no_run_names_the_field(api: Api, over: dict[str, Any], param: str) -> None:
    """Nothing half-valid is kept."""
    answer = api.client.post("/api/runs", json=_run(**over))

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert api.client.get("/api/runs").json()["data"] == []


def test_unknown_query_parameters_are_named(api: Api) -> None:
    """A misspelt parameter must not silently list everything."""
    assert api.client.get("/api/runs?limt=1").json()["error"]["param"] == "limt"
    assert api.client.get("/api/runs?limit=0").json()["error"]["param"] == "limit"
