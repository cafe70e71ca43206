"""`/api/traces/{id}/reveal`: for the role privileged, with a reason, for one key, on record."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.key_terms import Terms
from proxy.roles import Role
from proxy.store.audit import acts
from proxy.store.keys import create_key
from tests.proxy.api.conftest import Api
from tests.proxy.store.test_reveals import REPLY, REQUEST, WHY, done, stored


def holder(api: Api, role: Role, tenant: str = "default") -> TestClient:
    """The API as the holder of a new key with a role reaches it."""
    made = api.client.post("/api/keys", json={"name": role, "role": role, "tenant": tenant}).json()
    return TestClient(api.client.app, headers={"authorization": f"Bearer {made['key']}"})


@pytest.mark.parametrize(("part", "data"), [("request", REQUEST), ("response", REPLY)])
def test_a_privileged_key_reads_what_it_has_leave_for(api: Api, part: str, data: bytes) -> None:
    """The bytes, as nothing that a browser would run or keep."""
    trace = stored(api.store).span_id
    client = holder(api, Role.PRIVILEGED)

    asked = client.post(f"/api/traces/{trace}/reveal", json={"part": part, "reason": WHY})
    answer = client.get(f"/api/traces/{trace}/raw/{part}", params={"grant": asked.json()["grant"]})

    assert (asked.status_code, answer.status_code, answer.content) == (201, 200, data)
    assert asked.json()["expires"].endswith("Z")
    assert answer.headers["cache-control"] == asked.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [act for act, _ in done(api.store)] == ["trace.reveal", "trace.raw_read"]


def test_a_grant_is_of_no_use_to_another(api: Api) -> None:
    """403, as for one that does not exist."""
    trace = stored(api.store).span_id
    one, other = holder(api, Role.PRIVILEGED), holder(api, Role.PRIVILEGED)
    grant = one.post(f"/api/traces/{trace}/reveal", json={"part": "request", "reason": WHY}).json()["grant"]

    for client, part, given in (
        (other, "request", grant),
        (one, "response", grant),
        (one, "request", "0" * 32),
    ):
        answer = client.get(f"/api/traces/{trace}/raw/{part}", params={"grant": given})
        assert answer.status_code == 403
        assert "grant" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"part": "both", "reason": WHY}, "part"),
        ({"reason": WHY}, "part"),
        ({"part": "request", "reason": "why"}, "reason"),
        ({"part": "request", "reason": 4711}, "reason"),
        ({"part": "request", "reason": WHY, "ttl": 9}, "ttl"),
    ],
)
def test_what_cannot_be_meant_is_refused(api: Api, body: dict[str, Any], param: str) -> None:
    """400 with the member's name."""
    answer = holder(api, Role.PRIVILEGED).post(f"/api/traces/{stored(api.store).span_id}/reveal", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_nobody_else_may(api: Api) -> None:
    """Neither the admin key, which can make one that may, nor any other role; nor a key of another tenant."""
    trace = stored(api.store).span_id
    body = {"part": "request", "reason": WHY}
    refused = [holder(api, role) for role in Role if role is not Role.PRIVILEGED]
    for client in (api.client, *refused):
        assert client.post(f"/api/traces/{trace}/reveal", json=body).status_code == 403
        assert client.get(f"/api/traces/{trace}/raw/request").status_code == 403
    assert (
        holder(api, Role.PRIVILEGED, "shop").post(f"/api/traces/{trace}/reveal", json=body).status_code == 404
    )
    assert done(api.store) == []


def test_auditors_see_who_had_leave(api: Api) -> None:
    """And not the texts."""
    trace = stored(api.store).span_id
    holder(api, Role.PRIVILEGED).post(f"/api/traces/{trace}/reveal", json={"part": "request", "reason": WHY})
    auditor = holder(api, Role.AUDITOR)

    for path in (f"/api/traces/{trace}/reveals", "/api/reveals"):
        [found] = auditor.get(path).json()["data"]
        assert (found["span_id"], found["part"], found["reason"]) == (trace, "request", WHY)
        assert "id" not in found
    assert auditor.get(f"/api/traces/{trace}").status_code == 403


def test_making_a_key_that_may_reveal_is_on_record(api: Api) -> None:
    """And an admin key is none."""
    holder(api, Role.PRIVILEGED)
    assert acts(api.store)[0]["detail"]["role"] == "privileged"
    both = {"name": "x", "admin": True, "role": "privileged"}
    assert api.client.post("/api/keys", json=both).json()["error"]["param"] == "role"
    boss = create_key(api.store, "boss", admin=True, terms=Terms()).stored.key_id
    assert api.client.patch(f"/api/keys/{boss}", json={"role": "privileged"}).status_code == 400


def test_reveals_are_bounded(api: Api) -> None:
    """429 with when to come again."""
    trace = stored(api.store).span_id
    client = holder(api, Role.PRIVILEGED)
    answers = [
        client.post(f"/api/traces/{trace}/reveal", json={"part": "request", "reason": WHY})
        for _ in range(121)
    ]
    assert [answer.status_code for answer in answers] == [201] * 120 + [429]
    assert answers[-1].headers["retry-after"]
