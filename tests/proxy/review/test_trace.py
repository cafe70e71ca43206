"""A trace on its page, and verdicts on it."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from proxy.store import queries, reviews
from tests.proxy.review import documents
from tests.proxy.review.site import Site, hidden, rows, seed


def test_a_trace_is_told_whole(pages: Site, client: TestClient) -> None:
    """Header, conversation with marks, call with result, hits, findings, failures, timings."""
    [id] = seed(pages, documents.agent())
    page = client.get(f"/review/traces/{id}").text

    for text in (
        "412 in · 87 out", "support-default", "gpt-4o-mini-2024-07-18", "lookup_order", "shipping-policy.md", "0.871",
        'id="mark-5"', "/messages/2/tool_calls/0/function/arguments → /customer/email", "TimeoutError", "1.84 s",
        "block with shadow rules",
    ):  # fmt: skip
        assert text in page, text
    assert client.get(f"/review/traces/{id}.json").json() == queries.get_trace(
        pages.store, id, reader="admin"
    )


def test_a_prompt_is_shown_and_leads_to_what_it_made(pages: Site, client: TestClient) -> None:
    """The queue and the trace name it with its version; the filter takes that."""
    made = documents.trace(0, prompt="support-answer", prompt_version="2", prompt_hash="abcdef0123456789")
    other = documents.trace(1)
    seed(pages, made, other)

    page = client.get(f"/review/traces/{made['id']}").text
    queue = client.get("/review", params={"outcome": "any"}).text

    assert "support-answer@2</a>" in page
    assert "abcdef012345<" in page
    assert queue.count('<span class="unit">support-answer@2</span>') == 1
    [link] = re.findall(r'href="(/review\?[^"]*prompt=[^"]*)"', page)
    assert rows(client.get(link.replace("&amp;", "&")).text) == [made["id"]]


def test_a_shadow_and_its_caller_lead_to_each_other(pages: Site, client: TestClient) -> None:
    """On the pages of both, and the queue tells them apart."""
    own = documents.trace(2)
    copy = documents.trace(1, shadow_of=own["id"], model="candidate", deployment="openai/candidate")
    seed(pages, own, copy)
    assert (
        f'href="/review/traces/{copy["id"]}">candidate</a>' in client.get(f"/review/traces/{own['id']}").text
    )
    assert (
        f'href="/review/traces/{own["id"]}">another trace</a>'
        in client.get(f"/review/traces/{copy['id']}").text
    )
    queue = client.get("/review", params={"outcome": "any"}).text
    assert queue.count('<span class="unit">shadow</span>') == 1
    assert rows(client.get("/review", params={"outcome": "any", "shadow": "no"}).text) == [own["id"]]
    assert rows(client.get("/review", params={"outcome": "any", "shadow": "only"}).text) == [copy["id"]]


def test_what_was_not_reported_or_kept_is_said(pages: Site, client: TestClient) -> None:
    """No tokens, no reply, no request: each in words, never as zero or blank."""
    one, two = seed(pages, documents.blocked(), documents.trace(1, request=None, response=None))

    page = client.get(f"/review/traces/{one}").text
    assert "not reported" in page and "nothing was sent to the provider" in page
    assert "The request was not kept." in client.get(f"/review/traces/{two}").text


def test_a_verdict_is_kept_with_its_author_and_note(pages: Site, client: TestClient) -> None:
    """A form sent from the page is stored once, under the key that signed in, and listed."""
    [id] = seed(pages, documents.agent())
    page = client.get(f"/review/traces/{id}?review=open").text
    form = {
        "token": hidden(page, "token"),
        "filter": hidden(page, "filter"),
        "verdict": "false_positive",
        "note": "fine <b>\r\nhere",
        "finding": "3",
    }
    answer = client.post(f"/review/traces/{id}/reviews", data=form)

    [review] = reviews.reviews(pages.store, id)
    assert (
        answer.headers["location"]
        == f"/review/traces/{id}?review=open&saved={id}.{review['created_us']}#reviews"
    )
    assert (review["verdict"], review["note"], review["finding"], review["author"]) == (
        "false_positive",
        "fine <b>\nhere",
        3,
        "admin",
    )
    after = client.get(answer.headers["location"]).text
    assert "fine &lt;b&gt;" in after and "on #4" in after and "Saved." in after


def test_after_a_verdict_the_next_of_the_filter_comes(pages: Site, client: TestClient) -> None:
    """`Save, next` goes on to the older trace even though the verdict takes this one out of the filter."""
    ids = seed(pages, *(documents.blocked(number) for number in range(3)))
    for place, after in ((0, f"/review/traces/{ids[1]}?review=open"), (2, "/review?review=open")):
        page = client.get(f"/review/traces/{ids[place]}?review=open").text
        form = {"token": hidden(page, "token"), "filter": "?review=open", "verdict": "unsure", "then": "next"}
        location = client.post(f"/review/traces/{ids[place]}/reviews", data=form).headers["location"]
        assert location.partition("&saved=")[0] == after


@pytest.mark.parametrize(
    ("form", "status"),
    [({}, 400), ({"verdict": "great"}, 400), ({"verdict": "unsure", "finding": "9"}, 400),
     ({"verdict": "unsure", "finding": "x"}, 400), ({"verdict": "unsure", "note": "n" * 10_001}, 400),
     ({"verdict": "unsure", "filter": "?x=1"}, 400)],
)  # fmt: skip
def test_a_verdict_that_makes_no_sense_is_told(
    pages: Site, client: TestClient, form: dict[str, str], status: int
) -> None:
    """A clear page, and nothing kept."""
    [id] = seed(pages, documents.agent())
    token = hidden(client.get(f"/review/traces/{id}").text, "token")

    assert client.post(f"/review/traces/{id}/reviews", data={**form, "token": token}).status_code == status
    assert reviews.reviews(pages.store, id) == []


def test_next_and_previous_stay_inside_the_filter(pages: Site, client: TestClient) -> None:
    """The links step over what the filter leaves out, keep the filter, and end at its ends."""
    ids = seed(pages, *documents.ordinary())
    page = client.get(f"/review/traces/{ids[0]}?outcome=blocked").text

    assert f'rel="next" href="/review/traces/{ids[8]}?outcome=blocked"' in page
    assert "1 of 2" in page
    assert 'rel="prev"' not in page
    page = client.get(f"/review/traces/{ids[4]}?outcome=blocked").text
    assert f'rel="prev" href="/review/traces/{ids[0]}?outcome=blocked"' in page
    assert "not in this filter" in page
