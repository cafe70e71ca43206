"""The queue: what it lists, its filter in the address, its counts."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from proxy.store import claims, filling, reviews
from tests.proxy.review import documents
from tests.proxy.review.site import Site, rows, seed


def test_the_queue_lists_what_needs_a_look_newest_first(pages: Site, client: TestClient) -> None:
    """A passed trace is not in it; each line says outcome, rule, model, excerpt, duration and review state."""
    ids = seed(pages, *documents.ordinary())
    page = client.get("/review").text

    assert rows(page) == ids[:10]
    assert "10 traces that need a look" in page
    for text in (
        "blocked",
        "secrets",
        "AWS_SECRET_KEY",
        "gpt-4o-mini",
        "Why does this deploy script fail?",
        "2.3 ms",
        "open",
    ):
        assert text in page
    assert client.get("/review.json").json()["total"] == 10
    assert [span["id"] for span in client.get("/review.json").json()["data"]] == ids[:10]


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("outcome=blocked", [0, 8]), ("outcome=any&model=claude-sonnet", [4]), ("rule=codenames", [4]),
        ("outcome=passed", [10, 11]), ("review=done", [3]), ("since=20m&outcome=any", [0, 1, 2]),
    ],
)  # fmt: skip
def test_the_filter_is_in_the_url(pages: Site, client: TestClient, query: str, kept: list[int]) -> None:
    """Each part of the filter narrows the list, is kept in the form and in the links."""
    ids = seed(pages, *documents.ordinary())
    reviews.add_review(pages.store, ids[3], reviews.NewReview("unsure", "admin"))
    page = client.get(f"/review?{query}").text

    assert rows(page) == [ids[place] for place in kept]
    name, _, value = query.split("&")[0].partition("=")
    assert re.search(rf'href="/review/traces/\w+\?[^"]*{name}={value}', page)
    assert client.get(f"/review.json?{query}").json()["total"] == len(kept)


def test_older_pages_go_on_where_the_last_ended(pages: Site, client: TestClient) -> None:
    """Following `Older` shows every trace once; the count says how many of how many."""
    ids = seed(pages, *(documents.blocked(number) for number in range(120)))
    seen, path = [], "/review?outcome=blocked"
    while path:
        page = client.get(path).text
        seen += rows(page)
        link = re.search(r'rel="next" href="([^"]+)"', page)
        path = link[1].replace("&amp;", "&") if link else ""

    assert seen == ids
    assert "50 of 120 traces" in client.get("/review").text


@pytest.mark.parametrize("query", ["outcome=x", "since=soon", "before=zzz", "nonsense=1", "review=2"])
def test_a_filter_that_cannot_hold_is_told(client: TestClient, query: str) -> None:
    """400 with the parameter's name, as a page and as data."""
    name = query.partition("=")[0]

    assert client.get(f"/review?{query}").status_code == 400
    assert name in client.get(f"/review?{query}").text
    assert client.get(f"/review.json?{query}").json()["error"]["param"] == name


def test_an_empty_queue_teaches(client: TestClient) -> None:
    """With nothing there: what to send. With a filter: how to clear it."""
    assert "curl http://testserver/v1/chat/completions" in client.get("/review").text
    assert "No trace fits this filter" in client.get("/review?rule=none").text


def test_what_an_exchange_cost_stands_on_its_page_and_in_the_queue(pages: Site, client: TestClient) -> None:
    """With its price's version and the team; what nobody knows is told as that, and never as nothing."""
    dear = {**documents.trace(1), "cost_nanousd": 1_725_000, "price_version": "config/abc", "team": "search"}
    known, unknown = seed(pages, dear, {**documents.trace(2), "cost_nanousd": None})

    page = client.get(f"/review/traces/{known}").text

    assert "$0.001725" in page and "config/abc" in page and "search" in page
    assert "<dt>Cost</dt><dd>not known" in client.get(f"/review/traces/{unknown}").text
    assert client.get("/review", params={"outcome": "any"}).text.count("$0.001725") == 1


def test_a_filter_that_means_nothing_is_shown_at_its_place(client: TestClient) -> None:
    """With the text kept in its box."""
    answer = client.get("/review", params={"q": "outcome:masked colour:<b>"})

    assert answer.status_code == 400
    assert 'value="outcome:masked colour:&lt;b&gt;"' in answer.text
    assert "outcome:masked <mark>c</mark>olour" in answer.text
    assert client.get("/review.json", params={"q": "colour:x"}).json()["error"]["param"] == "q"


def test_the_queue_has_counts_that_lead_to_their_traces(pages: Site, client: TestClient) -> None:
    """List and counts come in one page; each value is a link to the filter with it."""
    seed(pages, *documents.ordinary())
    page = client.get("/review", params={"q": "rule:*"}).text

    assert "/review?q=rule%3A%2A+outcome%3Ablocked" in page
    assert client.get("/review.json", params={"q": "rule:*"}).json()["facets"]["outcome"]


def test_terms_can_be_taken_away_one_by_one(pages: Site, client: TestClient) -> None:
    """As they were typed: an age stays an age; a facet that is chosen is marked."""
    seed(pages, *documents.ordinary())
    page = client.get("/review", params={"q": 'outcome:blocked since:24h "deploy script"'}).text

    assert 'href="/review?q=since%3A24h+%22deploy+script%22"' in page
    assert 'href="/review?q=outcome%3Ablocked+%22deploy+script%22"' in page
    assert re.search(r'<a href="[^"]*" aria-current="true"><span>blocked</span>', page)


def test_what_is_newer_is_counted_and_nothing_moves(pages: Site, client: TestClient) -> None:
    """A fragment with the number; empty when there is nothing."""
    seed(pages, *(documents.blocked(number) for number in range(5)))
    newest = client.get("/review.json").json()["data"][2]["started_us"]

    assert "2 new" in client.get("/review/new", params={"newer": newest}).text
    assert client.get("/review/new", params={"newer": newest, "outcome": "passed"}).text == ""
    assert client.get("/review/new", params={"newer": "soon"}).status_code == 400


def test_a_trace_in_a_queue_tells_how_far_its_review_is(pages: Site, client: TestClient) -> None:
    """Reviews so far of those wanted, and who is at it."""
    (id,) = seed(pages, documents.blocked())
    filling.make_defaults(pages.store)
    with pages.store.begin() as connection:
        filling.add_items(connection, "flagged", [id])
    assert claims.take_next(pages.store, "flagged", "user:ann", None) is not None
    page = client.get("/review").text

    assert "open 0/1" in page and "1 at it" in page
    assert client.get("/review.json").json()["items"][id][0]["queue"] == "flagged"
