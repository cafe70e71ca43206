"""Saved views on the pages: an address that can be passed on."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from tests.proxy.review import documents
from tests.proxy.review.site import Site, hidden, rows, seed


def test_a_filter_gets_a_name_and_an_address(pages: Site, client: TestClient) -> None:
    """That leads to its list; deleted, it is gone."""
    ids = seed(pages, *documents.ordinary())
    page = client.get("/review", params={"q": "outcome:blocked since:7d"}).text
    form = {
        "token": hidden(page, "token"),
        "name": 'the "blocked" <b>ones</b>',
        "q": "outcome:blocked since:7d",
    }
    saved = client.post("/review/views", data=form)
    assert saved.status_code == 303
    opened = client.get(saved.headers["location"])
    assert opened.headers["location"] == "/review?q=outcome%3Ablocked+since%3A7d"
    listed = client.get(opened.headers["location"]).text

    assert rows(listed) == [ids[0], ids[8]]
    assert "the &#34;blocked&#34; &lt;b&gt;ones&lt;/b&gt;" in listed and "<b>ones" not in listed
    delete = re.search(r'action="(/review/views/\w+/delete)"', listed)
    assert delete is not None
    gone = client.post(delete[1], data={"token": form["token"], "q": "outcome:blocked"})
    assert gone.headers["location"] == "/review?q=outcome%3Ablocked"
    assert client.get(saved.headers["location"]).status_code == 404
    assert client.get("/review/views.json").json()["data"] == []


@pytest.mark.parametrize(
    ("name", "filter"),
    [
        ("", "outcome:blocked"),
        ("x" * 61, ""),
        ("mine", "colour:red"),
        ("ada@example.com", ""),
        ("mine", '"ada@example.com"'),
    ],
)
def test_what_cannot_be_saved_is_told(client: TestClient, name: str, filter: str) -> None:
    """Also what the policy would mask."""
    token = hidden(client.get("/review").text, "token")
    assert client.post("/review/views", data={"token": token, "name": name, "q": filter}).status_code == 400
    assert client.get("/review/views.json").json()["data"] == []
