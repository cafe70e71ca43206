"""Queues and agreement over the API."""

from __future__ import annotations

from tests.proxy.api.conftest import Api


def test_a_queue_is_made_listed_changed_and_closed(api: Api) -> None:
    """What does not fit is named."""
    made = api.client.post(
        "/api/queues", json={"name": "mine", "filter": "rule:pii", "share": 0.5, "reviews": 2}
    )
    assert made.status_code == 201, made.text
    id = made.json()["id"]
    listed = {row["name"]: row for row in api.client.get("/api/queues").json()["data"]}
    assert {"mine", "flagged", "sample"} == {*listed} and listed["mine"]["open"] == 0

    changed = api.client.patch(f"/api/queues/{id}", json={"share": 1, "closed": True}).json()
    assert changed["share"] == 1 and changed["closed_us"] is not None
    assert api.client.patch(f"/api/queues/{id}", json={"closed": False}).json()["closed_us"] is None
    for body, param in (
        ({"name": "mine"}, "name"),
        ({"name": "x", "filter": "colour:red"}, "filter"),
        ({"name": "x", "share": 2}, "share"),
        ({"name": "x", "reviews": "two"}, "reviews"),
        ({"name": "x", "colour": 1}, "colour"),
    ):
        answer = api.client.post("/api/queues", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert api.client.patch("/api/queues/nothing", json={"share": 1}).status_code == 404


def test_agreement_is_there_before_anything_was_reviewed(api: Api) -> None:
    """Empty, and so it says."""
    assert api.client.get("/api/agreement").json() == {"queues": [], "rules": [], "pairs": [], "more": False}
