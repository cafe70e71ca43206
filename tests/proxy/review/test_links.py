"""No page leads anywhere that its reader may not go: every link of every screen is followed, as every role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import quote, urldefrag, urljoin

import pytest
from starlette.testclient import TestClient

from proxy.key_terms import Terms
from proxy.review.pages import SCREENS
from proxy.roles import MAY, Role
from proxy.store import accounts, bulk, candidates, filling, queries, queues
from proxy.store.accounts import NewAccount
from proxy.store.keys import active_keys, create_key
from proxy.store.queues import NewQueue
from proxy.store.reviews import NewReview, add_review
from proxy.store.views import save
from tests.proxy.review import documents
from tests.proxy.review.site import ADMIN_KEY, Site, hidden, seed, sign_in

ADMIN = "--admin"
MOST_OF_A_KIND = 4
"""Addresses of one path that are followed, whatever their queries: the links of filters are endless."""


def filled(pages: Site) -> str:
    """Something on every screen; the id of a trace that a policy in force has judged."""
    store = pages.store
    agent, *_ = ids = seed(
        pages,
        documents.agent() | {"run_id": "5e" * 16},
        documents.blocked(3),
        documents.trace(4, policy="test@0"),
    )
    for run in documents.runs(agent):
        queries.save_run(store, run)
    queues.add_queue(store, NewQueue("two see each", "", reviews=2, blind=True), "default", "admin")
    filling.fill_all(store)
    save(store, "default", "what is blocked", "outcome:blocked", "admin")
    accounts.create(store, NewAccount("ann", Role.REVIEWER))
    add_review(store, agent, NewReview("pass", "admin", "as it should"))
    order = bulk.Order("verdict", "admin", "default", None, traces=[agent], verdict="unsure")
    assert bulk.start(store, order).job.id
    assert candidates.promote(store, agent, "support", {"answer": "yes"}, "admin") is not None
    return ids[2]


@pytest.fixture(params=[*Role, ADMIN])
def walker(pages: Site, stranger: TestClient, request: pytest.FixtureRequest) -> Iterator[TestClient]:
    """A browser signed in as each role in turn, over pages with something on them."""
    key = ADMIN_KEY
    if request.param != ADMIN:
        key = create_key(pages.store, "walker", terms=Terms(role=request.param)).secret
        pages.keyring.replace(active_keys(pages.store))
    filled(pages)
    assert sign_in(stranger, key).status_code == 303
    yield stranger


def links(page: str, base: str) -> list[str]:
    """The addresses of ours that a page leads to."""
    found = (urljoin(base, unescape(each)) for each in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', page))
    return [urldefrag(each).url for each in found if each.startswith("http://testserver/review")]


def test_every_link_leads_somewhere(walker: TestClient) -> None:
    """From the first page on, until nothing new is linked: nothing is refused, missing or broken."""
    waiting, seen, wrong = ["http://testserver/review/me"], {"http://testserver/review/me"}, []
    of_a_kind: dict[str, int] = {}
    while waiting:
        address = waiting.pop(0)
        answer = walker.get(address)
        if answer.status_code >= 400:
            wrong.append((answer.status_code, address))
        for link in links(answer.text, address) if "html" in answer.headers.get("content-type", "") else ():
            path = link.partition("?")[0]
            if link not in seen and of_a_kind.get(path, 0) < MOST_OF_A_KIND:
                of_a_kind[path] = of_a_kind.get(path, 0) + 1
                seen.add(link)
                waiting.append(link)

    assert wrong == []
    assert len(seen) > len([each for each in SCREENS if "testserver" not in each[1]]) // 2


@pytest.mark.parametrize("role", [role for role in Role if "policies.read" in MAY[role]])
def test_who_may_read_policies_finds_them(pages: Site, stranger: TestClient, role: Role) -> None:
    """By the header, the list, and the name; the numbers of rules are for who may see traces."""
    key = create_key(pages.store, "reader", terms=Terms(role=role)).secret
    pages.keyring.replace(active_keys(pages.store))
    sign_in(stranger, key)

    assert 'href="/review/policies"' in stranger.get("/review/me").text
    page = stranger.get("/review/policies").text
    assert 'href="/review/policies/test"' in page
    assert ("Precision" in page) == ("traces.read" in MAY[role])
    assert stranger.get("/review/policies/test").status_code == 200
    figures = [
        rule["figures"] for rule in stranger.get("/review/policies.json").json()["policies"][0]["rules"]
    ]
    assert "traces.read" in MAY[role] or not any(figures)


def test_a_trace_is_replayed_with_a_draft_of_its_own_policy(pages: Site, client: TestClient) -> None:
    """Or of one in force, when its own is not."""
    own = filled(pages)
    ids = [own, *seed(pages, documents.trace(9, policy="gone@1"))]
    for id in ids:
        [link] = re.findall(r'href="([^"]*)">Replay with a draft', client.get(f"/review/traces/{id}").text)
        assert link == f"/review/policies/test/draft?trace={quote(id)}"
        page = client.get(link)
        assert page.status_code == 200 and hidden(page.text, "trace") == id
