"""`/api/runs`: run documents are checked, kept once and given back unchanged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from evals.document import dump
from evals.run import Quarantined
from evals.types import ToolCall
from tests.evals.blocked import blocked
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


def test_a_run_is_kept_after_the_policy(api: Api) -> None:
    """In its list too: what was answered, what was asked, what was said of it; ids stay, and marks of changed texts go."""
    scores = {
        "s": {
            "status": "scored",
            "value": 1.0,
            "reason": "ada@example.com",
            "spans": [{"start": 0, "end": 3}],
        }
    }
    output = {"text": "ask ada@example.com", "trace_id": "a" * 32}
    same = {
        "id": "b",
        "repeat": 0,
        "output": {"text": "x"},
        "scores": {"s": {"status": "scored", "spans": [{"start": 0}]}},
    }
    run = _run(
        items=[{"id": "a", "repeat": 0, "output": output, "scores": scores}, same],
        cases=[{"id": "a/b~c", "question": "ada@example.com?", "expected": "kryptonite"}],
    )

    assert api.client.post("/api/runs", json=run).status_code == 201
    kept = api.client.get("/api/runs/run-1").json()

    assert "ada@example.com" not in str(kept) + str(api.client.get("/api/runs").json())
    assert kept["items"][0]["output"]["trace_id"] == "a" * 32
    assert kept["items"][0]["scores"]["s"]["spans"] == []
    assert kept["items"][1] == same
    assert kept["cases"][0]["id"] == "a/b~c"


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


def test_every_text_of_a_run_is_kept_after_the_policy(api: Api) -> None:
    """A scenario's messages, tool calls, both texts of a flip, who looks after a case: of a run as evals writes it."""
    leak = "ask ada@example.com"
    run = blocked((f"{leak} before", f"{leak} now"))
    said = ({"role": "user", "content": leak}, {"role": "tool", "tool_call_id": "1", "content": leak})
    output = replace(
        run.items[0].output, transcript=said, tool_calls=(ToolCall("mail", f'{{"to": "{leak}"}}'),)
    )
    kept_by = (Quarantined("c9", "ada@example.com", "2027-01-01", leak),)
    run = replace(run, items=(replace(run.items[0], output=output), *run.items[1:]), quarantined=kept_by)
    document = json.dumps(dump(run), ensure_ascii=False).encode("utf-8", "replace")

    assert api.client.post("/api/runs", content=document).status_code == 201
    kept = api.client.get("/api/runs/run-1").json()

    assert "ada@example.com" not in json.dumps(kept)
    assert kept["items"][0]["output"]["transcript"][1]["tool_call_id"] == "1"
    assert kept["quarantined"][0]["until"] == "2027-01-01"
    assert [flip["id"] for flip in kept["baseline"]["flips"]] == [f"c{n}" for n in range(10)]
