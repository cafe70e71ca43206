"""Comments on traces, through the API."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.document import document
from tests.proxy.api.conftest import Api
from tests.proxy.exchanges import masked


def test_comments_are_kept_listed_and_deleted(api: Api) -> None:
    """Under the name of the key; deleted ones have no text any more."""
    exchange = masked()
    api.store.write([document(exchange)])
    path = f"/api/traces/{exchange.id}/comments"

    first = api.client.post(path, json={"text": "one"})
    api.client.post(path, json={"text": "two"})

    assert first.status_code == 201
    assert [(each["author"], each["text"]) for each in api.client.get(path).json()["data"]] == [
        ("admin", "one"),
        ("admin", "two"),
    ]
    gone = f"{path}/{first.json()['id']}/delete"
    assert [api.client.post(gone).status_code for _ in range(2)] == [200, 404]
    assert [each["text"] for each in api.client.get(path).json()["data"]] == ["", "two"]


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": 5}, {"text": "x" * 4_001}, {"text": "a", "by": "b"}]
)
def test_a_comment_that_does_not_fit_is_refused(api: Api, body: dict[str, Any]) -> None:
    """Nothing is kept."""
    exchange = masked()
    api.store.write([document(exchange)])
    path = f"/api/traces/{exchange.id}/comments"
    answer = api.client.post(path, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "text")
    assert api.client.get(path).json()["data"] == []


def test_comments_need_a_trace(api: Api) -> None:
    """404 for reading and writing."""
    assert api.client.get("/api/traces/nothing/comments").status_code == 404
    assert api.client.post("/api/traces/nothing/comments", json={"text": "x"}).status_code == 404
