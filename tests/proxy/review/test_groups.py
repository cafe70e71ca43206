"""Pages of groups: what is alike stands together, and says what is done about it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from starlette.testclient import TestClient

from proxy.store.groups import Change, change, group, group_id
from proxy.store.rule_figures import DAY_US, figures
from tests.proxy.review import documents
from tests.proxy.review.site import HOSTILE, Site, hidden, rows, seed, sign_in
from tests.proxy.store.test_rule_figures import judged, stored

PII = group_id("default", "pii", "EMAIL_ADDRESS")
PATH = f"/review/groups/{PII}"


def _fill(pages: Site) -> None:
    seed(pages, *documents.ordinary())


def _send(client: TestClient, **fields: str) -> Any:
    page = client.get(PATH).text
    form = {"token": hidden(page, "token"), "seen": hidden(page, "seen"), **fields}
    return client.post(PATH, data=form)


def test_the_list_leads_to_groups_and_their_traces(pages: Site, client: TestClient) -> None:
    """With counts, a trend that can be read without seeing it, and states to choose from."""
    _fill(pages)
    page = client.get("/review/groups").text

    assert "pii · EMAIL_ADDRESS" in page and "secrets · AWS_SECRET_KEY" in page
    assert f'href="{PATH}?since=30d"' in page
    assert "/review?q=rule%3Apii+entity%3AEMAIL_ADDRESS" in page
    assert client.get("/review/groups", params={"state": "resolved"}).text.count("No group is resolved") == 1
    told = client.get("/review/groups.json").json()["data"]
    assert {one["state"] for one in told} == {"new"}
    for query in ("since=1y", "state=what", "nonsense=1"):
        assert client.get(f"/review/groups?{query}").status_code == 400


def test_no_group_teaches(client: TestClient) -> None:
    """What a group is, and when there will be one."""
    assert "Nothing was found in this time" in client.get("/review/groups").text
    assert client.get(PATH).status_code == 404
    assert client.get("/review/groups/nope.json").status_code == 404


def test_a_group_tells_how_it_divides_and_never_a_value(pages: Site, client: TestClient) -> None:
    """By model, policy and action; values by fingerprint alone, each with its traces."""
    _fill(pages)
    page = client.get(PATH).text

    assert len(re.findall(r"in the hour from</span> <time [^>]*>\d+ \w{3} \d\d:00</time>", page)) == 2
    assert "by model" in page and "by action" in page and "by policy version" in page
    assert "fingerprint%3Ab1946ac92492d234" in page
    assert "Newest traces" in page and len(re.findall(r'class="open"', page)) >= 3
    listed = client.get("/review", params={"q": "fingerprint:b1946ac92492d234 entity:EMAIL_ADDRESS"}).text
    assert len(rows(listed)) >= 3
    assert client.get(f"{PATH}.json").json()["figures"]["values"][0]["fingerprint"] == "b1946ac92492d234"


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"act": "take"}, "ongoing"),
        ({"act": "resolved"}, "resolved"),
        ({"act": "archived", "until": "count", "count": "7"}, "archived"),
        ({"act": "archived", "until": "escalating"}, "archived"),
        ({"act": "archived", "until": "date", "date": "2100-01-01"}, "archived"),
        ({"act": "archived", "until": ""}, "archived"),
    ],
)
def test_what_is_done_about_a_group_is_kept(
    pages: Site, client: TestClient, fields: dict[str, str], state: str
) -> None:
    """And shown, with who said so."""
    _fill(pages)
    answer = _send(client, **fields)

    assert answer.status_code == 303
    found = group(pages.store, PII, None)
    assert found is not None and (found.state, found.actor) == (state, "admin")
    assert found.owner == ("admin" if fields["act"] == "take" else None)
    page = client.get(PATH).text
    assert "Set by" in page and state in page


@pytest.mark.parametrize(
    "fields",
    [
        {"act": "erase"},
        {"act": "archived", "until": "count", "count": "x"},
        {"act": "archived", "until": "date", "date": "2001-01-01"},
        {"act": "archived", "until": "date", "date": "soon"},
        {"act": "archived", "until": "never"},
        {"act": "resolved", "seen": "-1"},
    ],
)
def test_what_cannot_be_done_is_told(pages: Site, client: TestClient, fields: dict[str, str]) -> None:
    """400, and nothing is kept."""
    _fill(pages)
    assert _send(client, **fields).status_code == 400
    found = group(pages.store, PII, None)
    assert found is not None and found.actor is None


def test_two_people_at_once_are_told(pages: Site, client: TestClient) -> None:
    """The second sees what changed, and nothing of theirs is kept."""
    _fill(pages)
    page = client.get(PATH).text
    change(pages.store, PII, None, Change("resolved", "bob"), "bob", 0)
    form = {"token": hidden(page, "token"), "seen": hidden(page, "seen"), "act": "archived", "until": ""}
    answer = client.post(PATH, data=form)

    assert answer.status_code == 409
    assert "somebody else was quicker" in answer.text and "bob set it to resolved" in answer.text
    found = group(pages.store, PII, None)
    assert found is not None and found.state == "resolved"


def test_a_comment_is_kept_after_the_policy(pages: Site, client: TestClient) -> None:
    """On a group that nobody touched too, which stays as it was."""
    _fill(pages)
    token = hidden(client.get(PATH).text, "token")
    said = client.post(
        f"{PATH}/comments", data={"token": token, "text": f"ask ada@example.com {HOSTILE[:40]}"}
    )

    assert said.status_code == 303
    page = client.get(PATH).text
    assert "ada@example.com" not in page and "<script>alert" not in page and "ask " in page
    found = group(pages.store, PII, None)
    assert found is not None and found.state == "new"
    assert client.post(f"{PATH}/comments", data={"token": token, "text": " "}).status_code == 400


def test_hostile_names_stay_text(pages: Site, client: TestClient) -> None:
    """In the list, in the group, in every link."""
    name = "x</td><script>alert(1)</script>\u202e"
    trace = documents.masked(1, "EMAIL_ADDRESS_1f20c4d8e9", "EMAIL_ADDRESS_1f20c4d8e9")
    trace["findings"] = [{**one, "rule": name, "entity": name} for one in trace["findings"]]
    seed(pages, trace)
    path = f"/review/groups/{group_id('default', name, name)}"
    for page in (client.get("/review/groups").text, client.get(path).text, client.get("/review").text):
        assert "<script>alert" not in page and "x</td>" not in page
    href = re.search(r'href="(/review/jobs/new[^"]*)"', client.get(path).text)
    assert href is not None
    preview = client.get(href[1].replace("&amp;", "&"))
    assert (
        preview.status_code == 200
        and "Act on 1 traces" in preview.text
        and "<script>alert" not in preview.text
    )


def test_a_key_without_the_permission_changes_nothing(pages: Site, stranger: TestClient) -> None:
    """And a form of another site is refused."""
    _fill(pages)
    assert stranger.post(PATH, data={"act": "resolved"}).status_code in (303, 403)
    assert sign_in(stranger, "the-admin-key").status_code == 303
    assert stranger.post(PATH, data={"act": "resolved", "token": "forged"}).status_code == 403


def test_three_pages_tell_one_precision(pages: Site, client: TestClient) -> None:
    """Group, overview and policies: findings as their reviewers settled them, and too few are said to be too few."""
    ids = stored(pages.store, 6)
    for id in ids[:4]:
        judged(pages.store, id, "wrong_action")
    page, overview = client.get(f"{PATH}?since=30d").text, client.get("/review/overview?since=30d").text
    for text in (page, overview):
        assert "not enough judged" in text and "n 4</span>" in text and "not judged" not in text

    judged(pages.store, ids[4], "false_positive")
    judged(pages.store, ids[5], "false_positive")
    for author in ("bob", "eve"):
        judged(pages.store, ids[5], "true_positive", author)

    page, overview = client.get(f"{PATH}?since=30d").text, client.get("/review/overview?since=30d").text
    for text in (page, overview):
        assert "<b>83 %</b>" in text and "n 6</span>" in text
    told = client.get(f"{PATH}.json?since=30d").json()["precision"]
    [rule] = figures(pages.store, None, time.time_ns() // 1000 - 30 * DAY_US)
    assert told["judged"] == rule.judged == 6 and rule.precision is not None
    assert told["estimate"]["value"] == rule.precision.value


def test_numbers_of_findings_are_no_links_to_traces(pages: Site, client: TestClient) -> None:
    """The link says how many traces it leads to, and leaves out the shadows that the number leaves out."""
    seed(pages, *documents.ordinary())
    overview, page = client.get("/review/overview").text, client.get(f"{PATH}?since=7d").text

    link = re.search(r'href="([^"]*rule%3Apii.EMAIL_ADDRESS[^"]*)"[^>]*>(\d+) traces?<', overview)
    assert link is not None and "shadow%3Afalse+since%3A7d" in link[1]
    assert len(rows(client.get(link[1]).text)) == int(link[2])
    link = re.search(r'href="([^"]*)">(\d+) traces? of this group', page)
    assert link is not None and "shadow%3Afalse+since%3A7d" in link[1]
    assert len(rows(client.get(link[1]).text)) == int(link[2])
