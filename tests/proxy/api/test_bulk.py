"""`/api/bulk`: orders, progress, undo, and what is refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from proxy.roles import Permission
from proxy.store.filters import parse
from proxy.store.queries import count_spans
from tests.proxy.api.conftest import Api
from tests.proxy.store.test_bulk import fill


def _ended(api: Api, id: str) -> dict[str, Any]:
    for _ in range(400):
        told: dict[str, Any] = api.client.get(f"/api/bulk/{id}").json()
        if told["state"] not in ("running", "undoing"):
            return told
        time.sleep(0.025)
    raise AssertionError(told)


def test_an_order_is_done_and_undone(api: Api) -> None:
    """202, then progress by its id; the note is kept after the policy."""
    fill(api.store, 3)
    order = {
        "kind": "verdict",
        "filter": "flagged:true",
        "verdict": "fail",
        "tags": ["safety"],
        "note": "ada@example.com",
    }
    begun = api.client.post("/api/bulk", json=order)
    assert begun.status_code == 202
    told = _ended(api, begun.json()["id"])

    assert (told["state"], told["done"], told["can_undo"]) == ("done", 3, True)
    assert "ada@example.com" not in str(told)
    assert [one["id"] for one in api.client.get("/api/bulk?limit=1").json()["data"]] == [told["id"]]
    assert api.client.post(f"/api/bulk/{told['id']}/cancel").status_code == 409
    assert api.client.post(f"/api/bulk/{told['id']}/undo").status_code == 202
    assert _ended(api, told["id"])["undone"] == 3
    assert count_spans(api.store, parse("reviewed:true")) == 0
    assert api.client.post(f"/api/bulk/{told['id']}/undo").json()["error"]["code"] == "conflict"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"kind": "erase", "filter": "flagged:true"}, "kind"),
        ({"kind": "verdict", "verdict": "pass"}, "filter"),
        ({"kind": "verdict", "filter": "colour:red", "verdict": "pass"}, "q"),
        ({"kind": "verdict", "filter": "flagged:true", "verdict": "x"}, "verdict"),
        ({"kind": 1}, "kind"),
        ({"kind": "close", "filter": "flagged:true", "what": 1}, "what"),
    ],
)
def test_an_order_without_sense_is_400(api: Api, body: dict[str, Any], param: str) -> None:
    """With the name of what is wrong."""
    fill(api.store, 1)
    answer = api.client.post("/api/bulk", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert api.client.get("/api/bulk").json() == {"data": []}


def test_what_is_not_there_is_404_and_strangers_are_refused(api: Api) -> None:
    """Keys without the permission too."""
    for path in ("", "/cancel", "/undo"):
        method = api.client.get if not path else api.client.post
        assert method(f"/api/bulk/nope{path}").status_code == 404
    plain = {"authorization": f"Bearer {api.plain_key}"}
    refused = api.client.post("/api/bulk", json={"kind": "close"}, headers=plain)
    assert refused.status_code == 403 and Permission.REVIEWS_WRITE in refused.json()["error"]["message"]
    assert api.client.get("/api/bulk?what=1").status_code == 400
