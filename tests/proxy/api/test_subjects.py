"""`/api/erasures` and `/api/subjects/export`: for administrators, with names in bodies alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.app import App, compose
from proxy.permits import known_keys
from proxy.store.keys import create_key
from proxy.store.tables_governance import HOLD
from tests.proxy.policies import policy
from tests.proxy.store.persons import person
from tests.servers import ADMIN_KEY, make_app

MODELS = [{"model_name": "small", "litellm_params": {"model": "fake/assistant"}}]


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """A proxy with two people in its store; nobody serves it."""
    made = make_app(tmp_path, "", policy(), MODELS)
    person(made.context.store, "ada")
    person(made.context.store, "bob")
    yield made
    made.context.store.close()


@pytest.fixture
def client(app: App) -> TestClient:
    """An administrator."""
    return TestClient(compose(app.context), headers={"authorization": f"Bearer {ADMIN_KEY}"})


def test_a_person_is_counted_told_and_erased(client: TestClient) -> None:
    """Counting changes nothing; the receipt is there afterwards, and nothing is left to tell."""
    asked = {"user": "ada"}
    counted = client.post("/api/erasures", json={**asked, "dry_run": True})
    told = [json.loads(line) for line in client.post("/api/subjects/export", json=asked).text.splitlines()]

    made = client.post("/api/erasures", json={**asked, "reason": "asked for it"})

    assert (counted.json()["traces"], made.status_code) == (3, 201)
    assert [one["kind"] for one in told].count("trace") == 3
    assert "zzbobzz" not in json.dumps(told)
    assert made.json()["traces"] == sorted(one["id"] for one in told if one["kind"] == "trace")
    assert client.get(f"/api/erasures/{made.json()['id']}").json() == made.json()
    assert client.post(f"/api/erasures/{made.json()['id']}/resume").json()["rows"] == made.json()["rows"]
    assert [one["id"] for one in client.get("/api/erasures").json()["data"]] == [made.json()["id"]]
    left = client.post("/api/subjects/export", json=asked).text.splitlines()
    assert [json.loads(line)["kind"] for line in left] == ["subject", "erasure"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "Give one of"),
        ({"user": "ada", "session": "s"}, "Give one of"),
        ({"user": "ada"}, "reason"),
        ({"user": "", "reason": "r"}, "user"),
        ({"filter": "colour:red", "reason": "r"}, "colour"),
        ({"user": "ada", "reason": "r", "raw": True}, "raw"),
    ],
)
def test_what_cannot_be_meant_is_refused(client: TestClient, body: dict[str, Any], says: str) -> None:
    """In the one envelope, and nothing is erased."""
    answer = client.post("/api/erasures", json=body)

    assert (answer.status_code, says in answer.json()["error"]["message"]) == (400, True)
    assert client.get("/api/erasures").json() == {"data": []}
    assert client.get("/api/erasures/nothing").status_code == 404
    assert client.post("/api/erasures/nothing/resume").status_code == 404


def test_nothing_is_erased_while_a_hold_cannot_be_read(app: App, client: TestClient) -> None:
    """Nobody knows what it keeps. The error says which one it is."""
    row = {"id": "h1", "tenant": "default", "filter": "colour:red", "reason": "r", "actor": "cli"}
    with app.context.store.begin() as connection:
        connection.execute(
            HOLD.insert(), [{**row, "created_us": 1, "released_us": None, "released_by": None}]
        )

    for path, body in (("erasures", {"user": "ada", "reason": "r"}), ("subjects/export", {"user": "ada"})):
        answer = client.post(f"/api/{path}", json=body)
        assert (answer.status_code, "h1" in answer.json()["error"]["message"]) == (503, True)
    assert client.get("/api/erasures").json() == {"data": []}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/erasures"),
        ("GET", "/api/erasures"),
        ("GET", "/api/erasures/x"),
        ("POST", "/api/erasures/x/resume"),
        ("POST", "/api/subjects/export"),
    ],
)
def test_only_administrators_may(app: App, client: TestClient, method: str, path: str) -> None:
    """Another key is 403, none 401."""
    key = create_key(app.context.store, "app").secret

    app.context.keyring.refresh(partial(known_keys, app.context))
    answers = [
        client.request(
            method, path, json={"user": "ada", "reason": "r"}, headers={"authorization": f"Bearer {one}"}
        )
        for one in (key, "gh-unknown")
    ]

    assert [answer.status_code for answer in answers] == [403, 401]
