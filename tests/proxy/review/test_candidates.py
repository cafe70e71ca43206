"""Promoting on the pages: the case, what is expected of it, and who may."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.key_terms import Terms
from proxy.roles import Role
from proxy.store.keys import active_keys, create_key
from proxy.store.reviews import NewReview, add_review, withdraw_since
from tests.proxy.review import documents
from tests.proxy.review.site import HOSTILE, Site, hidden, seed, sign_in


def reviewed(pages: Site, document: dict[str, Any]) -> str:
    """A trace that somebody has judged; its id."""
    [id] = seed(pages, document)
    assert add_review(pages.store, id, NewReview("pass", "ann")) is not None
    return id


def promoted(pages: Site, client: TestClient, **fields: str) -> tuple[str, str]:
    """A trace that was promoted: the candidate's path, and a form's token."""
    id = reviewed(pages, documents.agent())
    token = hidden(client.get(f"/review/traces/{id}").text, "token")
    form = {"token": token, "dataset": "support", "expected": "", **fields}
    answer = client.post(f"/review/traces/{id}/promote", data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]), token


def test_a_trace_is_promoted_edited_and_withdrawn(pages: Site, client: TestClient) -> None:
    """What is written goes through the policy; each step is shown."""
    path, token = promoted(pages, client, expected="write to ada@b.com")
    page = client.get(path).text
    told = client.get(f"{path}.json").json()

    assert "ada@b.com" not in page and told["item"]["expected"]["answer"] != "write to ada@b.com"
    assert told["item"]["expected"]["guardrail"]["action"] == "pseudonymize"
    assert "guardhouse golden add datasets/golden/support --from" in page
    form = {"token": token, "dataset": "other", "expected": "B", "action": "", "entities": "", "tags": "x, y"}
    assert client.post(path, data=form).status_code == 303
    changed = client.get(f"{path}.json").json()
    assert changed["item"]["expected"] == {"answer": "B"} and changed["item"]["tags"] == [
        "promoted",
        "x",
        "y",
    ]
    assert "other" in client.get("/review/golden/candidates").text
    assert client.post(f"{path}/withdraw", data={"token": token}).status_code == 303
    assert client.post(path, data=form).status_code == 404
    assert client.get("/review/golden/candidates.json").json()["data"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"dataset": "../etc"}, {"dataset": ""}, {"dataset": HOSTILE.replace("\ud800", "")}, {"expected": "x" * 20_001},
        {"action": "explode"}, {"entities": "email;drop"}, {"tags": "<b>"}, {"tags": " ".join(f"t{n}" for n in range(41))},
    ],
)  # fmt: skip
def test_a_form_that_does_not_fit_is_refused(pages: Site, client: TestClient, fields: dict[str, str]) -> None:
    """With the field, and nothing is stored."""
    id = reviewed(pages, documents.agent())
    token = hidden(client.get(f"/review/traces/{id}").text, "token")
    form = {"token": token, "dataset": "support", "expected": "", **fields}

    assert client.post(f"/review/traces/{id}/promote", data=form).status_code == 400
    assert client.get("/review/golden/candidates.json").json()["data"] == []


def test_hostile_texts_stand_as_text(pages: Site, client: TestClient) -> None:
    """In the trace, and in what a reviewer wrote."""
    asked = {"model": "m", "messages": [{"role": "user", "content": HOSTILE}]}
    id = reviewed(pages, documents.trace(1, request=asked, policy=f"x@{HOSTILE}"))
    token = hidden(client.get(f"/review/traces/{id}").text, "token")
    form = {
        "token": token,
        "dataset": "support",
        "expected": HOSTILE.replace("\ud800", ""),
        "note": "<img src=x>",
    }
    path = client.post(f"/review/traces/{id}/promote", data=form).headers["location"]

    for page in (client.get(path), client.get("/review/golden/candidates")):
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img" not in page.text


def test_a_trace_that_nobody_reviewed_is_not_promoted(pages: Site, client: TestClient) -> None:
    """Nor one whose judgements were all taken back; the page says what to do first, and loses no text."""
    [id] = seed(pages, documents.agent())
    for withdrawn in (False, True):
        if withdrawn:
            add_review(pages.store, id, NewReview("pass", "ann"))
            withdraw_since(pages.store, id, "ann", 0, None)
        page = client.get(f"/review/traces/{id}").text
        assert f"/review/traces/{id}/promote" not in page and "Say first what you think" in page
        form = {"token": hidden(page, "token"), "dataset": "support", "expected": "all my words"}
        answer = client.post(f"/review/traces/{id}/promote", data=form)
        assert (
            answer.status_code == 409 and "Review it first" in answer.text and "all my words" in answer.text
        )
    assert client.get("/review/golden/candidates.json").json()["data"] == []
    add_review(pages.store, id, NewReview("fail", "ann"))
    assert client.post(f"/review/traces/{id}/promote", data=form).status_code == 303


def test_who_may_not_judge_may_not_promote(pages: Site, stranger: TestClient) -> None:
    """A viewer reads candidates; a form without its token is refused."""
    [id] = seed(pages, documents.agent())
    secret = create_key(pages.store, "v", terms=Terms(role=Role.VIEWER)).secret
    pages.keyring.replace(active_keys(pages.store))
    sign_in(stranger, secret)

    assert stranger.get("/review/golden/candidates").status_code == 200
    assert stranger.post(f"/review/traces/{id}/promote", data={"dataset": "s"}).status_code == 403


def test_a_trace_without_texts_says_why_there_is_no_case(pages: Site, client: TestClient) -> None:
    """The candidate stays, with the reason."""
    id = reviewed(pages, documents.trace(1, request=None, response=None))
    token = hidden(client.get("/review/policies/test").text, "token")
    path = client.post(f"/review/traces/{id}/promote", data={"token": token, "dataset": "s"}).headers[
        "location"
    ]

    assert "Its texts are not kept" in client.get(path).text
    assert json.loads(client.get(f"{path}.json").text)["item"] is None
