"""Pages of bulk jobs: a preview, progress, what was left out, and undo."""

from __future__ import annotations

import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.store import holds
from proxy.store.filters import parse
from proxy.store.queries import count_spans
from tests.proxy.review import documents
from tests.proxy.review.site import Site, hidden, seed


def _ended(client: TestClient, path: str) -> dict[str, Any]:
    """The job, when it has ended."""
    for _ in range(400):
        told: dict[str, Any] = client.get(f"{path}.json").json()
        if told["state"] not in ("running", "undoing"):
            return told
        time.sleep(0.025)
    raise AssertionError(told)


def _start(client: TestClient, **fields: str) -> Any:
    token = hidden(client.get("/review/jobs/new", params={"q": "outcome:*"}).text, "token")
    return client.post("/review/jobs", data={"token": token, **fields})


def test_everything_in_a_filter_is_judged_and_taken_back(pages: Site, client: TestClient) -> None:
    """More than a page of it: preview, job, progress, undo."""
    seed(pages, *(documents.blocked(number) for number in range(120)))
    preview = client.get("/review/jobs/new", params={"q": "outcome:blocked"}).text
    assert "Act on 120 traces" in preview and "Do it for all 120" in preview
    begun = _start(
        client,
        q="outcome:blocked",
        kind="verdict",
        verdict="pass",
        tags="safety",
        note="mail ada@example.com",
    )
    assert begun.status_code == 303
    path = begun.headers["location"]
    told = _ended(client, path)

    assert (told["state"], told["done"], told["failed"], told["actor"]) == ("done", 120, 0, "admin")
    assert count_spans(pages.store, parse("verdict:pass")) == 120
    page = client.get(path).text
    assert "Judge 120 traces" in page and "Undo all of it" in page and "ada@example.com" not in page
    assert "hx-trigger" not in page.split('id="job"')[1].split(">")[0]
    assert path in client.get("/review/jobs").text
    client.post(f"{path}/undo", data={"token": hidden(page, "token")})
    assert _ended(client, path)["undone"] == 120
    assert count_spans(pages.store, parse("reviewed:true")) == 0
    assert client.post(f"{path}/undo", data={"token": hidden(page, "token")}).status_code == 409
    assert client.post(f"{path}/cancel", data={"token": hidden(page, "token")}).status_code == 409


def test_ticked_traces_are_judged_finding_by_finding(pages: Site, client: TestClient) -> None:
    """What is under a legal hold is left out, with the reason."""
    ids = seed(pages, documents.blocked(1), documents.blocked(2), documents.blocked(3))
    holds.add(pages.store, f"trace:{ids[1]}", "a case", "cy")
    preview = client.get("/review/jobs/new", params={"trace": ids[:2]}).text
    assert "that were ticked" in preview
    path = _start(
        client, traces=hidden(preview, "traces"), kind="verdict", verdict="false_positive", rule="secrets"
    ).headers["location"]
    told = _ended(client, path)

    assert (told["done"], told["failed"]) == (1, 1)
    assert "legal hold" in client.get(path).text
    assert count_spans(pages.store, parse("verdict:false_positive")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"q": "", "kind": "verdict", "verdict": "pass"},
        {"q": "colour:red", "kind": "verdict", "verdict": "pass"},
        {"q": "outcome:*", "kind": "erase"},
        {"q": "outcome:*", "kind": "verdict", "verdict": "great"},
        {"q": "outcome:*", "kind": "queue", "queue": "none"},
        {"q": "outcome:*", "kind": "verdict", "verdict": "pass", "tags": "what"},
    ],
)
def test_an_order_without_sense_is_told(pages: Site, client: TestClient, fields: dict[str, str]) -> None:
    """400, and no job."""
    seed(pages, documents.blocked())
    assert _start(client, **fields).status_code == 400
    assert "Nothing was done in bulk yet" in client.get("/review/jobs").text
    assert client.get("/review/jobs.json").json()["data"] == []


@pytest.mark.parametrize("query", ["", "q=", "q=colour:red", "nonsense=1", "q=x&rule=" + "x" * 201])
def test_a_preview_of_nothing_is_told(client: TestClient, query: str) -> None:
    """400 with what to do."""
    assert client.get(f"/review/jobs/new?{query}").status_code == 400


def test_jobs_are_of_those_who_may_see_them(pages: Site, client: TestClient) -> None:
    """Any other id is not there."""
    assert client.get("/review/jobs/nope").status_code == 404
    assert client.get("/review/jobs/nope.json").status_code == 404
    assert client.post("/review/jobs", data={"token": "forged"}).status_code == 403
    assert (
        "There is no trace in this filter" in client.get("/review/jobs/new", params={"q": "rule:none"}).text
    )
