"""Taking, keeping, giving back and handing in, as a browser does it; nothing typed is lost when it is too late."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from proxy.key_terms import Terms
from proxy.roles import Role
from proxy.store import claims
from proxy.store.belongings import belongings, delete
from proxy.store.keys import active_keys, create_key, update_key
from proxy.store.reviews import reviews
from proxy.store.tables_review import ASSIGNMENT
from tests.proxy.review.site import Site, hidden, sign_in
from tests.proxy.store.reviewing import queue


class Person:
    """Somebody signed in with a key of a role."""

    def __init__(self, pages: Site, role: Role) -> None:
        made = create_key(pages.store, role, terms=Terms(role=role))
        pages.keyring.replace(active_keys(pages.store))
        self.pages, self.id = pages, made.stored.key_id
        self.client = TestClient(pages.app, follow_redirects=False)
        assert sign_in(self.client, made.secret).status_code == 303
        self.token = hidden(self.client.get("/review/queues").text, "token")

    def send(self, path: str, **form: str) -> tuple[int, str]:
        """Send a form; the status and where it leads, or the text."""
        answer = self.client.post(f"/review{path}", data={"token": self.token, **form})
        return answer.status_code, answer.headers.get("location", answer.text)

    def take(self, queue_id: str) -> tuple[str, str]:
        """The next item of a queue, and the token of its claim."""
        status, where = self.send(f"/queues/{queue_id}/next")
        assert status == 303, where
        (item,) = parse_qs(urlsplit(where).query)["item"]
        claim = claims.claim_of(self.pages.store, item, self.id)
        assert claim is not None and f"/traces/{claim.span_id}" in where
        return item, claim.token


def test_a_reviewer_works_through_a_queue(pages: Site) -> None:
    """Each submit leads to the next; after the last, the queue's page says so, and the numbers are there."""
    id = queue(pages.store, 2)
    ann = Person(pages, Role.REVIEWER)
    item, claim = ann.take(id)
    status, where = ann.send(f"/items/{item}/submit", claim=claim, verdict="pass")
    assert status == 303
    (second,) = parse_qs(urlsplit(where).query)["item"]
    assert second != item
    token = (claims.claims_of(pages.store, ann.id)[0]).token
    status, where = ann.send(f"/items/{second}/submit", claim=token, **{"finding.0": "false_positive"})

    assert status == 303 and where.startswith(f"/review/queues?nothing={id}&given={second}.")
    assert "Nothing is left for you" in ann.client.get(where).text
    mine = ann.client.get("/review/claims.json").json()
    assert mine["claims"] == [] and mine["numbers"] == {"today": 2, "ended": 2, "agreed": 2}
    assert "What I said last" in ann.client.get("/review/claims").text


def test_a_review_is_undone_from_the_next_page(pages: Site) -> None:
    """For ten seconds it is offered, then refused with why; undone, the item is at hand again."""
    id = queue(pages.store, 2)
    ann = Person(pages, Role.REVIEWER)
    item, claim = ann.take(id)
    _, where = ann.send(f"/items/{item}/submit", claim=claim, verdict="pass")
    assert f'action="/review/items/{item}/undo"' in ann.client.get(where).text

    status, back = ann.send(f"/items/{item}/undo")

    assert status == 303 and f"item={item}" in back and "undone=1" in back
    page = ann.client.get(back).text
    assert "Taken back." in page and f"/items/{item}/submit" in page and "1 of 2" in page
    assert ann.send(f"/items/{item}/undo")[0] == 409
    token = next(each.token for each in claims.claims_of(pages.store, ann.id) if each.item_id == item)
    assert ann.send(f"/items/{item}/submit", claim=token, verdict="fail")[0] == 303
    with pages.store.begin() as connection:
        connection.execute(ASSIGNMENT.update().values(submitted_us=1))
    status, page = ann.send(f"/items/{item}/undo")
    assert status == 409 and "ten seconds" in page
    (said,) = [each for each in reviews(pages.store, claims.span_of(pages.store, item, None) or "")
               if each["verdict"] == "fail"]  # fmt: skip
    path = f"/traces/{said['span_id']}/reviews/{said['id']}/withdraw"
    status, page = ann.send(path)
    assert status == 409 and "belongs to a queue" in page


def test_a_review_that_cannot_be_kept_shows_what_was_typed(
    pages: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finding that is not there, a database that is busy: told plainly, and the way back leads to the item."""
    id = queue(pages.store, 1)
    ann = Person(pages, Role.REVIEWER)
    item, claim = ann.take(id)
    sent = {"claim": claim, "finding.99": "unsure", "note": "all my words"}
    status, page = ann.send(f"/items/{item}/submit", **sent)
    assert status == 400 and "all my words" in page and f"item={item}" in page and "finding is 99" in page

    monkeypatch.setattr("proxy.store.db._BUSY_MS", 10)
    monkeypatch.setattr("proxy.store.claims.PATIENCE_S", 0.05)
    pages.store.engine.dispose()
    other = sqlite3.connect(str(pages.store.engine.url.database))
    other.execute("BEGIN IMMEDIATE")
    with contextlib.closing(other):
        status, page = ann.send(f"/items/{item}/submit", claim=claim, verdict="fail", note="all my words")
    assert status == 503 and "all my words" in page and "The database is busy" in page
    assert ann.send(f"/items/{item}/submit", claim=claim, verdict="fail", note="all my words")[0] == 303


def test_under_a_stale_token_nothing_is_kept_and_nothing_lost(pages: Site) -> None:
    """The page says why, and shows what was typed; a beat says so too."""
    id = queue(pages.store, 1)
    ann, bob = Person(pages, Role.REVIEWER), Person(pages, Role.REVIEWER)
    item, old = ann.take(id)
    assert ann.send(f"/items/{item}/beat", claim=old)[0] == 200
    with pages.store.begin() as connection:
        connection.execute(ASSIGNMENT.update().values(lease_us=1))
    assert bob.take(id)[0] == item

    status, page = ann.send(f"/items/{item}/submit", claim=old, verdict="fail", note="Three <b>words</b>")

    assert status == 409
    assert "was not saved" in page and "Three &lt;b&gt;words&lt;/b&gt;" in page and "fail" in page
    assert "the item went to others" in page
    assert ann.send(f"/items/{item}/beat", claim=old)[0] == 409
    assert (
        pages.store is not None and reviews(pages.store, claims.span_of(pages.store, item, None) or "") == []
    )


def test_a_trace_that_is_deleted_while_it_is_claimed_is_said_to_be_gone(pages: Site) -> None:
    """The item goes with it, and the next one is offered."""
    id = queue(pages.store, 2)
    ann = Person(pages, Role.REVIEWER)
    item, claim = ann.take(id)
    with pages.store.begin() as connection:
        delete(connection, belongings(connection, [claims.span_of(pages.store, item, None) or ""]))

    status, page = ann.send(f"/items/{item}/submit", claim=claim, verdict="pass", note="my words")

    assert status == 409 and "The trace was deleted" in page and "my words" in page
    assert ann.take(id)[0] != item


def test_who_may_not_any_more_is_refused_and_the_claim_comes_back(pages: Site) -> None:
    """A viewer takes nothing; a form of another page, or of another person, does nothing."""
    id = queue(pages.store, 1, reviews=2)
    viewer, ann = Person(pages, Role.VIEWER), Person(pages, Role.REVIEWER)
    assert viewer.send(f"/queues/{id}/next")[0] == 403
    assert "Review next" not in viewer.client.get("/review/queues").text
    item, claim = ann.take(id)
    assert (
        ann.client.post(f"/review/items/{item}/submit", data={"claim": claim, "verdict": "pass"}).status_code
        == 403
    )
    bob = Person(pages, Role.REVIEWER)
    assert bob.send(f"/items/{item}/submit", claim=claim, verdict="pass")[0] == 409
    assert bob.send(f"/items/{item}/release", claim=claim) == (303, "/review/claims?released=0")
    assert ann.send(f"/items/{item}/release", claim=claim, leaving="1")[0] == 204
    assert ann.send(f"/items/{item}/release", claim=claim) == (303, "/review/claims?released=1")


def test_whoever_may_decides_a_dispute_in_which_they_had_no_part(pages: Site) -> None:
    """Both sides stand beside each other; a reviewer may not, and one of the two may not."""
    id = queue(pages.store, 1, reviews=2, blind=True)
    ann, bob = Person(pages, Role.REVIEWER), Person(pages, Role.PRIVILEGED)
    for person, verdict in ((ann, "pass"), (bob, "fail")):
        item, claim = person.take(id)
        page = person.client.get(f"/review/traces/{claims.span_of(pages.store, item, None)}.json").json()
        assert page["reviews"] == []
        assert person.send(f"/items/{item}/submit", claim=claim, verdict=verdict)[0] == 303
    eve = Person(pages, Role.PRIVILEGED)
    page = eve.client.get("/review/disputed").text

    assert "<b>pass</b>" in page and "<b>fail</b>" in page and "Adjudicate" in page
    assert ann.send(f"/items/{item}/adjudicate")[0] == 403
    assert bob.send(f"/items/{item}/adjudicate") == (303, "/review/disputed?taken=1")
    assert "You are one of the reviewers" in bob.client.get("/review/disputed").text
    status, where = eve.send(f"/items/{item}/adjudicate")
    assert status == 303 and f"item={item}" in where
    token = claims.claims_of(pages.store, eve.id)[0].token
    assert eve.send(f"/items/{item}/submit", claim=token, verdict="fail") == (303, "/review/disputed?done=1")
    found = eve.client.get("/review/disputed.json").json()
    assert found["items"] == [] and found["agreement"]["pairs"][0]["share"] == 0.0


@pytest.mark.parametrize("path", ["/queues/nothing/next", "/items/nothing/submit", "/items/nothing/release"])
def test_what_is_not_there_is_answered_calmly(pages: Site, tmp_path: Path, path: str) -> None:
    """No page breaks on an id that somebody made up."""
    ann = Person(pages, Role.REVIEWER)
    assert ann.send(path, claim="x", verdict="pass")[0] in (303, 409)


TYPED = {
    "note": "all my <b>words</b>",
    "missed_text": "nowhere in it",
    "missed_entity": "PERSON",
    "tags": "tool",
}


def test_whatever_refuses_a_review_shows_what_was_typed(pages: Site) -> None:
    """No verdict, a missed text that is not there, a role that was taken away, a form that is out of date."""
    id = queue(pages.store, 1)
    ann = Person(pages, Role.REVIEWER)
    item, claim = ann.take(id)
    path = f"/items/{item}/submit"
    note = {name: value for name, value in TYPED.items() if not name.startswith("missed")}
    answers = [ann.send(path, claim=claim, **note), ann.send(path, claim=claim, verdict="fail", **TYPED)]
    answers.append(ann.send(path, claim=claim, **{**TYPED, "token": "old"}))
    update_key(pages.store, ann.id, lambda terms: replace(terms, role=Role.VIEWER))
    pages.keyring.replace(active_keys(pages.store))
    answers.append(ann.send(path, claim=claim, verdict="fail", **TYPED))
    answers.append(
        ann.send(f"/traces/{claims.span_of(pages.store, item, None)}/comments", text=TYPED["note"])
    )

    assert [status for status, _ in answers] == [400, 400, 403, 403, 403]
    for _, page in answers:
        assert "all my &lt;b&gt;words&lt;/b&gt;" in page
    assert all("nowhere in it" in page and "tool" in page for _, page in answers[1:4])
    update_key(pages.store, ann.id, lambda terms: replace(terms, role=Role.REVIEWER))
    pages.keyring.replace(active_keys(pages.store))
    assert ann.send(path, claim=claim, verdict="fail", note="again")[0] == 303


@pytest.mark.parametrize(
    ("path", "field"),
    [("/items/{item}/submit", "note"), ("/traces/{span}/reviews", "note"), ("/traces/{span}/comments", "text"),
     ("/traces/{span}/promote", "expected")],
)  # fmt: skip
def test_a_database_that_is_away_loses_nothing(
    pages: Site, monkeypatch: pytest.MonkeyPatch, path: str, field: str
) -> None:
    """503 with what was typed, wherever something is typed; a page of elsewhere is shown nothing."""
    ann = Person(pages, Role.REVIEWER)
    item, claim = ann.take(queue(pages.store, 1))
    span = claims.span_of(pages.store, item, None) or ""
    where = path.format(item=item, span=span)

    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))

    monkeypatch.setattr(type(pages.store), "read", away)
    monkeypatch.setattr(type(pages.store), "begin", away)
    status, page = ann.send(where, claim=claim, verdict="fail", dataset="support", **{field: "all my words"})
    assert status == 503 and "all my words" in page and "The database is busy" in page
    headers = {"sec-fetch-site": "cross-site"}
    form = {"token": ann.token, field: "all my words"}
    elsewhere = ann.client.post(f"/review{where}", data=form, headers=headers)
    assert elsewhere.status_code == 403 and "all my words" not in elsewhere.text


def test_who_claimed_an_item_again_elsewhere_is_told_so(pages: Site) -> None:
    """Nothing is said to have gone to others; the page leads to the claim that holds."""
    id = queue(pages.store, 1)
    ann = Person(pages, Role.REVIEWER)
    item, old = ann.take(id)
    assert ann.send(f"/items/{item}/release", claim=old)[0] == 303
    again, new = ann.take(id)
    assert again == item and new != old

    for token in (old, "made-up"):
        status, page = ann.send(f"/items/{item}/submit", claim=token, verdict="fail", note="my words")
        assert status == 409 and "Another window of yours" in page and "went to others" not in page
        assert "my words" in page and f"item={item}" in page
        beat = ann.client.post(f"/review/items/{item}/beat", data={"token": ann.token, "claim": token})
        assert beat.status_code == 409 and beat.json()["lost"] == "again"
    assert ann.send(f"/items/{item}/submit", claim=new, verdict="fail")[0] == 303


def test_who_stays_on_the_trace_sees_that_it_was_saved(pages: Site) -> None:
    """And may undo it from there."""
    ann = Person(pages, Role.REVIEWER)
    item, claim = ann.take(queue(pages.store, 2))

    status, where = ann.send(f"/items/{item}/submit", claim=claim, verdict="pass", then="stay")

    page = ann.client.get(where).text
    assert status == 303 and f"/traces/{claims.span_of(pages.store, item, None)}" in where
    assert "Saved." in page and f'action="/review/items/{item}/undo"' in page
