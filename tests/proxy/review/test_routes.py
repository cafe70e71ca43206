"""The pages over a real store: who gets in, what they show, what is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.review.session import TRIES
from proxy.store import queries
from tests.proxy.review import documents
from tests.proxy.review.site import ADMIN_KEY, Site, hidden, sign_in, site

HOSTILE = "</td></table><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\ud800\0"


def seed(pages: Site, *given: dict[str, Any]) -> list[str]:
    """Store documents; their ids."""
    assert pages.store.write(list(given)) == []
    return [document["id"] for document in given]


def rows(page: str) -> list[str]:
    """The ids that a queue page links to, in order."""
    return re.findall(r'class="open" href="/review/traces/(\w+)', page)


# --- who gets in


@pytest.mark.parametrize(
    "path", ["/review", "/review/traces/x", "/review/runs", "/review/runs/x", "/review/nothing/here"]
)
def test_strangers_are_sent_to_sign_in_and_back(stranger: TestClient, path: str) -> None:
    """Every page asks who is there, also one that does not exist; the way back is kept."""
    answer = stranger.get(path, params={"outcome": "any"})

    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/review/login?next=%2Freview")
    assert "outcome%3Dany" in answer.headers["location"]


@pytest.mark.parametrize(
    "path", ["/review.json", "/review/traces/x.json", "/review/runs.json", "/review/runs/x.json"]
)
def test_data_needs_a_key_or_a_session(pages: Site, stranger: TestClient, path: str) -> None:
    """`.json` answers 401 in the API's envelope; an admin's bearer key is as good as a session."""
    assert stranger.get(path).json()["error"]["code"] == "invalid_api_key"
    for key, status in ((pages.plain_key, 403), ("wrong", 401)):
        assert stranger.get(path, headers={"authorization": f"Bearer {key}"}).status_code == status
    assert stranger.get(path, headers={"authorization": f"Bearer {ADMIN_KEY}"}).status_code in (200, 404)


def test_a_bearer_key_opens_no_page_and_sends_no_form(pages: Site, stranger: TestClient) -> None:
    """What changes something needs a session and its token."""
    [id] = seed(pages, documents.blocked())
    bearer = {"authorization": f"Bearer {ADMIN_KEY}"}

    assert stranger.get("/review", headers=bearer).status_code == 303
    answer = stranger.post(f"/review/traces/{id}/reviews", headers=bearer, data={"verdict": "unsure"})
    assert answer.status_code == 303
    assert queries.reviews(pages.store, id) == []


def test_signing_in_sets_a_strict_cookie(pages: Site, stranger: TestClient) -> None:
    """The cookie is HttpOnly and SameSite=Strict, and the page that was asked for comes next."""
    answer = sign_in(stranger, pages.reviewer_key, "/review/runs")
    cookie = answer.headers["set-cookie"]

    assert (answer.status_code, answer.headers["location"]) == (303, "/review/runs")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split(",")[0].split("; "))
    assert "Secure" not in cookie
    assert stranger.get("/review").status_code == 200
    assert stranger.get("/review/login", params={"next": "//evil.example"}).headers["location"] == "/review"


def test_behind_tls_the_cookie_is_secure(stranger: TestClient) -> None:
    """A reverse proxy that says https gets a Secure cookie."""
    answer = stranger.get("/review/login", headers={"x-forwarded-proto": "https"})

    assert "Secure" in answer.headers["set-cookie"]


def test_wrong_keys_are_refused_then_slowed_down(pages: Site, stranger: TestClient) -> None:
    """Five wrong keys in a minute, then 429 with the seconds to wait, even for the right key. No key comes back."""
    for _ in range(TRIES):
        answer = sign_in(stranger, "gh-guess")
        assert answer.status_code == 401
        assert "gh-guess" not in answer.text
    answer = sign_in(stranger, ADMIN_KEY)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert stranger.get("/review").status_code == 303


def test_a_key_without_admin_is_told_so(pages: Site, stranger: TestClient) -> None:
    """A known key that may not review gets a reason."""
    answer = sign_in(stranger, pages.plain_key)

    assert answer.status_code == 403
    assert "--admin" in answer.text


def test_signing_out_forgets_the_session(client: TestClient) -> None:
    """After signing out every page asks again."""
    token = hidden(client.get("/review").text, "token")

    assert client.post("/review/logout", data={"token": token}).status_code == 303
    assert client.get("/review").status_code == 303


def test_a_revoked_key_ends_its_session(pages: Site, stranger: TestClient) -> None:
    """The next page asks again once the key is gone."""
    sign_in(stranger, pages.reviewer_key)
    pages.keyring.replace([])

    assert stranger.get("/review").status_code == 303


@pytest.mark.parametrize("path", ["/review/login", "/review/logout", "/review/traces/x/reviews"])
@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({}, {"verdict": "unsure", "key": ADMIN_KEY}, 403),
        ({}, {"token": "0" * 64, "key": ADMIN_KEY}, 403),
        ({"sec-fetch-site": "cross-site"}, {}, 403),
        ({"origin": "http://evil.example"}, {}, 403),
        ({}, {"token": "x" * 70_000}, 413),
        ({}, {str(n): "x" for n in range(30)}, 400),
    ],
)
def test_forged_and_broken_forms_change_nothing(
    client: TestClient, path: str, headers: dict[str, str], data: dict[str, str], status: int
) -> None:
    """Every form needs its token and our own origin; the error is a page, not a trace."""
    answer = client.post(path, headers=headers, data=data)

    assert answer.status_code == status
    assert "Traceback" not in answer.text


def test_a_link_from_another_site_finds_the_session(client: TestClient, stranger: TestClient) -> None:
    """Browsers keep strict cookies back on links from outside: the page is asked for again by ourselves."""
    stranger.cookies.clear()
    answer = stranger.get("/review/traces/x?outcome=any", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 200
    assert 'content="0; url=/review/traces/x?outcome=any"' in answer.text


def test_where_no_key_is_asked_for_the_door_has_no_lock(tmp_path: Path) -> None:
    """An open proxy's sign-in is one button, with the same token and cookie."""
    with site(tmp_path, closed=False) as pages, TestClient(pages.app, follow_redirects=False) as browser:
        assert "asks nobody for a key" in browser.get("/review/login").text
        assert sign_in(browser, "").status_code == 303
        assert browser.get("/review").status_code == 200


# --- the queue


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
    queries.add_review(pages.store, ids[3], queries.NewReview("unsure", "admin"))
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


# --- a trace


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
    assert client.get(f"/review/traces/{id}.json").json() == queries.get_trace(pages.store, id)


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

    assert answer.headers["location"] == f"/review/traces/{id}?review=open&saved=1#reviews"
    [review] = queries.reviews(pages.store, id)
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
        assert client.post(f"/review/traces/{ids[place]}/reviews", data=form).headers["location"] == after


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
    assert queries.reviews(pages.store, id) == []


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


# --- runs


def test_runs_are_listed_and_told(pages: Site, client: TestClient) -> None:
    """The list has verdict and means with n; the page begins with the gate and links to traces."""
    [id] = seed(pages, documents.agent())
    for run in documents.runs(id):
        queries.save_run(pages.store, run)
    listed, page = client.get("/review/runs").text, client.get("/review/runs/0199a4c2d1c07a1f8e20").text

    assert listed.index("block") < listed.index("pass")
    assert "n 23, 1 unscored" in listed
    for text in (
        "beyond the margin of 0.03",
        "−0.140 to −0.031",
        "unscored",
        "timed out after 60 s",
        f"/review/traces/{id}",
    ):
        assert text in page, text
    assert client.get("/review/runs/0199a4c2d1c07a1f8e20.json").json()["id"] == "0199a4c2d1c07a1f8e20"
    assert len(client.get("/review/runs.json").json()["data"]) == 2


def test_a_run_of_any_shape_has_a_page(pages: Site, client: TestClient) -> None:
    """Fields that are missing, of another type or hostile neither break the page nor run."""
    odd = {"id": "odd", "created_at": "2026-01-01T00:00:00Z", "suite": HOSTILE.replace("\ud800", ""), "items": [{"id": 1, "output": HOSTILE, "scores": {HOSTILE: 3}}, None], "gate": HOSTILE, "golden": [HOSTILE], "summary": {HOSTILE: HOSTILE}, "cases": [HOSTILE, {"id": {}}]}  # fmt: skip
    queries.save_run(pages.store, odd)

    for path in ("/review/runs", "/review/runs/odd", "/review/runs/odd?first=99"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text and "<img" not in page.text
    assert client.get("/review/runs/odd?first=x").status_code == 400


def test_hostile_text_is_text_everywhere(pages: Site, client: TestClient) -> None:
    """Whatever field it stands in, it is shown and never becomes part of the page."""
    [id] = seed(pages, hostile_trace(HOSTILE))
    queries.add_review(
        pages.store,
        id,
        queries.NewReview("unsure", HOSTILE.replace("\ud800", ""), HOSTILE.replace("\ud800", "")),
    )

    for path in ("/review?outcome=any", f"/review/traces/{id}"):
        page = client.get(path).text
        assert "<script>alert" not in page and "<img" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "U+202E" in page


def hostile_trace(text: str) -> dict[str, Any]:
    """A trace with the text in every field that somebody else writes."""
    call = {
        "id": text,
        "type": text,
        "function": {"name": text, "arguments": '{"a": "<script>alert(1)</script>"}'},
    }
    found = {**documents.finding("/messages/1/content", "a" + text, "a"), "rule": text, "check": text, "entity": text, "masked_end": 30}  # fmt: skip
    return documents.trace(
        0, outcome="masked", model=text, answered_model=text, deployment=text, key_id=text, policy=text,
        error={"type": text, "code": text, "message": text, "param": text}, finish_reasons=[text],
        request={
            "messages": [
                {"role": "system", "content": text}, {"role": "user", "name": text, "content": "a" + text},
                {"role": text, "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": text}}]},
                {"role": "assistant", "content": text, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": text, "content": text},
            ],
            "tools": [{"type": "function", "function": {"name": text, "description": text}}],
        },
        response=documents.reply(text, tool_calls=[call], reasoning_content=text, finish_reason=text),
        findings=[found, {**found, "pointer": text, "masked_start": None}],
        failures=[{"side": "input", "rule": text, "check": text, "kind": text, "reason": text, "action": text}],
        tool_calls=[{"call_id": text, "name": text, "arguments": text, "result": text, "state": "requested"}],
        retrieval=[{"rank": 1, "doc_id": text, "score": 0.5, "text": text, "source": text}],
        timings={text: 1.0},
    )  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/review/traces/nope", "/review/runs/nope", "/review/what", "/review/static/nope.css"]
)
def test_what_is_not_there_is_told(client: TestClient, path: str) -> None:
    """404 as a page under the same policy."""
    answer = client.get(path)

    assert answer.status_code == 404
    assert "content-security-policy" in answer.headers


def test_every_answer_is_protected(pages: Site, client: TestClient) -> None:
    """Pages and data alike carry the policy and are not stored by browsers."""
    [id] = seed(pages, documents.agent())
    for path in (
        "/review",
        "/review.json",
        f"/review/traces/{id}",
        f"/review/traces/{id}.json",
        "/review/runs",
        "/review/runs.json",
    ):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_what_an_exchange_cost_stands_on_its_page_and_in_the_queue(pages: Site, client: TestClient) -> None:
    """With its price's version and the team; what nobody knows is told as that, and never as nothing."""
    dear = {**documents.trace(1), "cost_nanousd": 1_725_000, "price_version": "config/abc", "team": "search"}
    known, unknown = seed(pages, dear, {**documents.trace(2), "cost_nanousd": None})

    page = client.get(f"/review/traces/{known}").text

    assert "$0.001725" in page and "config/abc" in page and "search" in page
    assert "<dt>Cost</dt><dd>not known" in client.get(f"/review/traces/{unknown}").text
    assert client.get("/review", params={"outcome": "any"}).text.count("$0.001725") == 1
