"""`/api/audit` tells the acts to who may see them."""

from __future__ import annotations

import pytest

from proxy.store.keys import create_key
from tests.proxy.api.conftest import Api


def test_acts_are_told_page_by_page(api: Api) -> None:
    """Newest first, with their place in the chain; `next` leads on to the oldest."""
    for number in range(5):
        create_key(api.store, f"key {number}")
    first = api.client.get("/api/audit?limit=4").json()
    rest = api.client.get(f"/api/audit?limit=4&before={first['next']}").json()
    assert [act["seq"] for act in first["data"] + rest["data"]] == [7, 6, 5, 4, 3, 2, 1]
    assert rest["next"] is None
    assert first["data"][0]["action"] == "key.create" and first["data"][0]["hash"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "before=-1", "before=x", "page=2"])
def test_what_cannot_be_meant_is_told(api: Api, query: str) -> None:
    """400 with the parameter."""
    answer = api.client.get(f"/api/audit?{query}")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])


def test_who_may_not_sees_nothing(api: Api) -> None:
    """A key of an app is refused."""
    answer = api.client.get("/api/audit", headers={"authorization": f"Bearer {api.plain_key}"})
    assert answer.status_code == 403
