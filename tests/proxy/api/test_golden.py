"""`/api/golden/candidates`: listed, read, taken."""

from __future__ import annotations

import pytest

from proxy.store.candidates import promote, withdraw
from proxy.store.reviews import NewReview, add_review
from tests.proxy.api.conftest import Api
from tests.proxy.review import documents

LABELS = {"answer": "Fine", "action": "", "entities": [], "tags": [], "note": ""}


def test_candidates_are_told_with_their_items(api: Api) -> None:
    """Of a set, newest first; one whose trace cannot be a case says why."""
    good, bare = documents.agent(), documents.trace(3, request=None)
    assert api.store.write([good, bare]) == []
    ids = []
    for document, name in ((good, "a"), (bare, "b")):
        found = promote(api.store, document["id"], name, LABELS, "k")
        assert found is not None
        ids.append(found.id)
    told = api.client.get("/api/golden/candidates").json()

    assert told["format"] == "guardhouse.candidate/1" and [each["id"] for each in told["data"]] == ids[::-1]
    assert told["data"][0]["problem"] and told["data"][0]["item"] is None
    assert told["data"][1]["item"]["expected"] == {"answer": "Fine"} and len(told["data"][1]["sha256"]) == 64
    assert [each["set"] for each in api.client.get("/api/golden/candidates?set=a").json()["data"]] == ["a"]
    assert api.client.get(f"/api/golden/candidates/{ids[0]}").json()["trace"] == good["id"]
    taken = [api.client.post(f"/api/golden/candidates/{ids[0]}/taken").json()["new"] for _ in range(2)]
    assert taken == [True, False]
    assert api.client.get(f"/api/golden/candidates/{ids[0]}").json()["state"] == "taken"
    assert withdraw(api.store, ids[1], "k")
    assert [each["id"] for each in api.client.get("/api/golden/candidates").json()["data"]] == [ids[0]]


def test_what_cannot_be_asked_is_refused(api: Api) -> None:
    """With the parameter's name."""
    for query in ("limit=0", "since=yesterday", "before=x", "nonsense=1"):
        answer = api.client.get(f"/api/golden/candidates?{query}")
        assert answer.status_code == 400 and answer.json()["error"]["param"] == query.partition("=")[0]
    assert api.client.get("/api/golden/candidates/none").status_code == 404
    assert api.client.post("/api/golden/candidates/none/taken").status_code == 404


def test_a_trace_is_promoted(api: Api) -> None:
    """Once somebody reviewed it: with what its findings suggest, and the answer given; twice is once, with the newest answer."""
    document = documents.agent()
    assert api.store.write([document]) == []
    body = {"trace": document["id"], "set": "support"}
    unreviewed = api.client.post("/api/golden/candidates", json=body)
    assert unreviewed.status_code == 409 and "Review it first" in unreviewed.json()["error"]["message"]
    assert api.client.get("/api/golden/candidates").json()["data"] == []
    assert add_review(api.store, document["id"], NewReview("pass", "ann")) is not None
    first = api.client.post("/api/golden/candidates", json={**body, "answer": "Once"})
    again = api.client.post("/api/golden/candidates", json={**body, "answer": "Twice", "note": "why"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"] and again.json()["set"] == "support"
    assert again.json()["item"]["expected"]["answer"] == "Twice"
    assert len(api.client.get("/api/golden/candidates").json()["data"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"trace": "none"}, 404, None),
        ({"trace": "\0"}, 404, None),
        ({"trace": ""}, 400, "trace"),
        ({"set": "../x"}, 400, "set"),
        ({"set": None}, 400, "set"),
        ({"answer": "x" * 20_001}, 400, "answer"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
def test_what_cannot_be_promoted_is_refused(
    api: Api, body: dict[str, object], status: int, param: str | None
) -> None:
    """With the member that is wrong; nothing was made."""
    answer = api.client.post("/api/golden/candidates", json={"trace": "none", "set": "a", **body})

    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)
    assert api.client.get("/api/golden/candidates").json()["data"] == []
