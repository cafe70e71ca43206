"""Drafts on their page: errors with their line, a replay beside the verdicts, nothing kept."""

from __future__ import annotations

import html
import re

import pytest
from starlette.testclient import TestClient

from guardrails.policy import parse
from proxy.errors import RateLimited
from proxy.review.drafts import Running
from proxy.store.reviews import NewReview, add_review
from tests.proxy.policies import policy
from tests.proxy.review import documents
from tests.proxy.review.site import HOSTILE, Site, hidden, seed

PATH = "/review/policies/test/draft"
LABEL = parse(policy()).label


def judged(pages: Site, verdict: str, number: int, score: float = 0.9) -> str:
    """A reviewed trace with an address in it; its id."""
    text = "to a@b.com now"
    asked = {"model": "m", "messages": [{"role": "user", "content": text}]}
    finding = documents.finding(
        "/messages/0/content", text, "a@b.com", rule="mail", entity="EMAIL", score=score
    )
    [id] = seed(pages, documents.trace(number, policy=LABEL, request=asked, findings=[finding]))
    assert add_review(pages.store, id, NewReview(verdict, "ada", finding=0))
    return id


def test_a_draft_is_replayed_beside_the_verdicts(pages: Site, client: TestClient) -> None:
    """What would newly block, and how often that was judged wrong; each trace is linked."""
    right, wrong = judged(pages, "true_positive", 1), judged(pages, "false_positive", 2)
    page = client.get(PATH).text
    text = html.unescape(re.findall(r'<textarea id="draft-text"[^>]*>\n\n?(.*?)</textarea>', page, re.S)[0])
    assert text == policy()
    form = {"token": hidden(page, "token"), "trace": "", "text": text.replace("pseudonymize", "block")}
    told = client.post(PATH, data=form).text

    assert "<b>2</b> would newly block (1 of them judged false positive)" in told
    assert "Of 1 true positive <b>0</b>" in re.sub(r"\s+", " ", told)
    assert f"/review/traces/{right}" in told and f"/review/traces/{wrong}" in told
    alone = client.post(PATH, data={**form, "trace": wrong, "as": "json"}).json()
    assert [flip["id"] for flip in alone["outcome"]["flips"]] == [wrong]


@pytest.mark.parametrize("text", ["name: x\nrules: []\nnonsense: 1\n", HOSTILE.replace("\ud800", ""), ""])
def test_a_draft_that_is_wrong_says_where(client: TestClient, text: str) -> None:
    """The text typed stays in the form."""
    token = hidden(client.get(PATH).text, "token")
    page = client.post(PATH, data={"token": token, "text": text, "trace": ""})

    assert page.status_code == 400 and 'role="alert"' in page.text
    assert "<script>alert" not in page.text
    assert not text.startswith("name") or "Line 3" in page.text


def test_a_threshold_is_proposed_and_filled_in(pages: Site, client: TestClient) -> None:
    """From the scores of judged findings; a rule that is not written there line by line is said so."""
    for number in range(8):
        judged(
            pages, "true_positive" if number % 2 else "false_positive", number, 0.95 if number % 2 else 0.6
        )
    page = client.get(PATH).text

    assert "rule=mail&amp;threshold=0.95" in page
    assert client.get(f"{PATH}?rule=mail&threshold=0.95").status_code == 400
    assert client.get(f"{PATH}?rule=mail&threshold=7").status_code == 400
    assert client.get(f"{PATH}?trace=nothing").status_code == 404


def test_one_replay_a_person_and_two_in_all() -> None:
    """Whoever comes too early is told to wait."""
    running = Running()
    with running.turn("a"):
        with pytest.raises(RateLimited), running.turn("a"):
            pass
        with running.turn("b"), pytest.raises(RateLimited), running.turn("c"):
            pass
        with running.turn("c"):
            pass
    with running.turn("a"):
        pass
