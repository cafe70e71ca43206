"""The overview: figures of the rollups, for reviewers alone, and hostile names stay words."""

from __future__ import annotations

import re
import time

import pytest
from starlette.testclient import TestClient

from proxy.store.rollups import HOUR_US
from tests.proxy.review.site import Site
from tests.proxy.store.test_rollups import trace


def test_the_page_shows_what_happened_and_says_what_is_not_known(pages: Site, client: TestClient) -> None:
    """Charts with their values in tables; changes of policy; sums without what nobody knows."""
    now = time.time_ns() // 1000
    pages.store.write(
        [
            trace(started_us=now, outcome="blocked", cost_nanousd=1_500_000_000, usage=None),
            trace(started_us=now - 3_600_000_000, policy="default@older", cost_nanousd=None, shadow_of=None),
            trace(started_us=now, shadow_of="a" * 32, outcome="cancelled"),
        ]
    )

    page = client.get("/review/overview", params={"since": "24h"}).text
    data = client.get("/review/overview.json").json()

    for title in (
        "Guardrail actions",
        "Requests by outcome",
        "Findings by rule",
        "Latency",
        "Tokens",
        "Cost",
    ):
        assert f">{title}</h2>" in page
    assert page.count('<svg class="plot"') == page.count("As a table") == 6
    assert "$1.50" in page and "1 exchanges whose cost nobody knows" in page
    assert 'class="change"' in page and "default@0123456789ab" in page
    assert "cancelled" not in str(data["requests"]["series"])
    assert "style=" not in page and "<script>" not in page


def test_names_of_models_and_rules_are_words(pages: Site, client: TestClient) -> None:
    """Nothing that a policy or a caller named becomes markup."""
    pages.store.write(
        [trace(started_us=time.time_ns() // 1000, found=[{"rule": "<img src=x>\u202e"}], policy="<b>@1")]
    )

    page = client.get("/review/overview").text

    assert (
        "<img" not in page
        and "<b>@1" not in page
        and "<b>" not in " ".join(re.findall("<title>.*?</title>", page))
    )
    assert all("\u202e" not in title for title in re.findall("<title.*?</title>", page))


def test_nothing_is_said_in_so_many_words(pages: Site, client: TestClient) -> None:
    """A new installation has a page too: it says what to do first. One that was quiet lately says so."""
    page = client.get("/review/overview").text
    assert (
        "Nothing has come through yet" in page
        and "guardhouse keys create" in page
        and '<svg class="plot' not in page
    )

    pages.store.write([trace(started_us=time.time_ns() // 1000 - 90 * 24 * HOUR_US)])
    assert client.get("/review/overview").text.count("Nothing in this time.") == 6


@pytest.mark.parametrize("query", ["since=1y", "since=", "colour=red"])
def test_what_is_not_taken_is_told(client: TestClient, query: str) -> None:
    """As an error page."""
    assert client.get(f"/review/overview?{query}").status_code == 400


def test_strangers_are_sent_to_the_door(stranger: TestClient) -> None:
    """Figures are content too."""
    assert stranger.get("/review/overview").status_code == 303
    assert stranger.get("/review/overview.json").status_code == 401
