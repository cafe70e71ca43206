"""`GET /api/usage`."""

from __future__ import annotations

import pytest

from proxy.document import document
from proxy.exchange import Principal
from tests.proxy.api.conftest import Api
from tests.proxy.exchanges import masked


def test_usage_is_summed_by_what_is_asked_for(api: Api) -> None:
    """By key where nothing is said."""
    api.store.write([document(masked(principal=Principal("k", team="search"), cost_nanousd=5))])

    by_team = api.client.get("/api/usage?by=team&since=1h").json()
    by_key = api.client.get("/api/usage").json()

    assert (by_team["by"], by_key["by"]) == ("team", "key")
    assert by_team["data"][0]["team"] == "search"
    assert by_team["data"][0]["cost_nanousd"] == 5
    assert (by_key["data"][0]["key"], by_key["data"][0]["name"]) == ("k", None)
    assert api.client.get("/api/usage?until=2000-01-01T00:00:00Z").json()["data"] == []
    assert api.client.get("/api/usage?tenant=other").json()["data"] == []


@pytest.mark.parametrize(
    ("query", "param"),
    [("by=tenant", "by"), ("since=yesterday", "since"), ("until=x", "until"), ("group=key", "group")],
)
def test_what_cannot_be_meant_is_400(api: Api, query: str, param: str) -> None:
    """With the parameter's name."""
    answer = api.client.get(f"/api/usage?{query}")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_only_administrators_see_usage(api: Api) -> None:
    """Not every key."""
    assert (
        api.client.get("/api/usage", headers={"authorization": f"Bearer {api.plain_key}"}).status_code == 403
    )
