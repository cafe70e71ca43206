"""What reviewers say through forms: kept once, shown back, undone; nothing typed is lost."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.testclient import TestClient

from proxy.key_terms import Terms
from proxy.roles import Role
from proxy.store import belongings, comments, reviews
from proxy.store.comments import About
from proxy.store.keys import active_keys, create_key
from proxy.store.reviews import Place
from tests.proxy.review import documents
from tests.proxy.review.judged_forms import PLACE, missed
from tests.proxy.review.site import HOSTILE, Site, hidden, seed, sign_in


def post(client: TestClient, id: str, act: str, **form: Any) -> Any:
    """Fill in a form of a trace's page and send it."""
    token = hidden(client.get(f"/review/traces/{id}").text, "token")
    return client.post(f"/review/traces/{id}/{act}", data={"token": token, **form})


def test_one_form_says_all_of_it(pages: Site, client: TestClient) -> None:
    """Verdicts on findings, what was missed, the trace with tags and note: in one go, and shown back in the text."""
    [id] = seed(pages, documents.agent())
    form = {
        "verdict": "fail",
        "finding.0": "true_positive",
        "finding.7": "false_positive",
        "missed": missed("person"),
    }
    answer = post(client, id, "reviews", **form, tags=["tool", "safety"], note="see #8")

    assert answer.status_code == 303
    said = reviews.reviews(pages.store, id)
    assert [(each["verdict"], each["finding"]) for each in said] == [
        ("fail", None), ("true_positive", 0), ("false_positive", 7), ("missed", None),
    ]  # fmt: skip
    assert (said[0]["tags"], said[0]["note"]) == (["safety", "tool"], "see #8")
    assert (said[3]["pointer"], said[3]["start"], said[3]["entity"]) == (PLACE.pointer, PLACE.start, "PERSON")
    page = client.get(answer.headers["location"].partition("#")[0]).text
    assert 'id="mark-m1"' in page and "said-false_positive" in page and "You said: True positive" in page


@pytest.mark.parametrize(
    ("place", "status"),
    [
        (Place("input", PLACE.pointer, "", 0, len(documents.ASK)), 303),
        (Place("input", PLACE.pointer, "", 0, len(documents.ASK) + 1), 400),
        (Place("input", "/messages/99/content", "", 0, 1), 400),
        (Place("sideways", PLACE.pointer, "", 0, 1), 400),
        (Place("input", PLACE.pointer, "/x", 0, 1), 400),
    ],
)
def test_a_missed_place_must_be_in_the_stored_text(
    pages: Site, client: TestClient, place: Place, status: int
) -> None:
    """Otherwise all of it is refused, with the note still on the page."""
    [id] = seed(pages, documents.agent())
    answer = post(client, id, "reviews", missed=missed("X", place), verdict="pass", note="long thoughts")
    assert answer.status_code == status
    assert len(reviews.reviews(pages.store, id)) == (2 if status == 303 else 0)
    assert status == 303 or "long thoughts" in answer.text


def test_a_finding_is_saved_alone_and_only_its_row_comes_back(pages: Site, client: TestClient) -> None:
    """To a script; to a browser without one, the page at that finding."""
    [id] = seed(pages, documents.agent())
    token = hidden(client.get(f"/review/traces/{id}").text, "token")
    form = {
        "token": token,
        "only": "2",
        "finding.2": "wrong_action",
        "finding.1": "unsure",
        "verdict": "pass",
    }
    row = client.post(f"/review/traces/{id}/reviews", data=form, headers={"hx-request": "true"})

    assert row.status_code == 200 and "<html" not in row.text
    assert (
        'id="finding-3"' in row.text and "You said: Wrong action" in row.text and "finding-2" not in row.text
    )
    assert 'hx-swap-oob="innerHTML"' in row.text and "Undo" in row.text
    assert [(each["verdict"], each["finding"]) for each in reviews.reviews(pages.store, id)] == [
        ("wrong_action", 2)
    ]
    plain = client.post(f"/review/traces/{id}/reviews", data=form)
    assert plain.status_code == 303 and plain.headers["location"].endswith("#finding-3")


def test_what_was_just_saved_can_be_undone_from_the_next_page(pages: Site, client: TestClient) -> None:
    """All of it, and nothing that was said before."""
    ids = seed(pages, documents.blocked(0), documents.blocked(1))
    post(client, ids[0], "reviews", verdict="defer")
    answer = post(client, ids[0], "reviews", verdict="pass", **{"finding.0": "unsure"}, then="next")
    location = answer.headers["location"]
    assert urlsplit(location).path == f"/review/traces/{ids[1]}"
    page = client.get(location).text
    assert f'action="/review/traces/{ids[0]}/undo"' in page

    since = parse_qs(urlsplit(location).query)["saved"][0].partition(".")[2]
    back = post(client, ids[0], "undo", since=since)

    assert back.headers["location"].startswith(f"/review/traces/{ids[0]}?")
    standing = [each["verdict"] for each in reviews.reviews(pages.store, ids[0]) if not each["superseded"]]
    assert standing == ["withdrawn", "withdrawn"]
    assert post(client, ids[0], "undo", since="x").status_code == 400


def test_only_ones_own_judgement_can_be_withdrawn(pages: Site, client: TestClient) -> None:
    """Once, and on the trace that it is on."""
    ids = seed(pages, documents.blocked(0), documents.blocked(1))
    mine = reviews.add_review(pages.store, ids[0], reviews.NewReview("pass", "admin")) or {}
    other = reviews.add_review(pages.store, ids[0], reviews.NewReview("pass", "ann")) or {}
    for id, review, status in (
        (ids[0], other["id"], 404), (ids[1], mine["id"], 404), (ids[0], mine["id"], 303), (ids[0], mine["id"], 404),
    ):  # fmt: skip
        assert post(client, id, f"reviews/{review}/withdraw").status_code == status


def test_comments_are_said_shown_and_deleted(pages: Site, client: TestClient) -> None:
    """After the guardrails, hostile or not, as text."""
    [id] = seed(pages, documents.agent())
    answer = post(client, id, "comments", text="<script>alert(1)</script> \u202ehm")
    assert answer.headers["location"].endswith("#comments")
    page = client.get(f"/review/traces/{id}").text
    assert "&lt;script&gt;alert(1)" in page and 'data-code="U+202E"' in page and "<script>alert" not in page
    [row] = comments.comments(pages.store, About(span_id=id))
    assert post(client, id, f"comments/{row['id']}/delete").status_code == 303
    assert "Deleted by its author" in client.get(f"/review/traces/{id}").text
    assert post(client, id, f"comments/{row['id']}/delete").status_code == 404
    assert post(client, id, "comments", text="x" * 4_001).status_code == 400


def test_a_trace_deleted_while_open_loses_nothing_that_was_typed(pages: Site, client: TestClient) -> None:
    """A clear page, the note, and the verdicts chosen; for comments too."""
    [id] = seed(pages, documents.agent())
    token = hidden(client.get(f"/review/traces/{id}").text, "token")
    with pages.store.begin() as connection:
        belongings.delete(connection, belongings.belongings(connection, [id]))
    form = {
        "token": token,
        "finding.1": "false_positive",
        "note": f"an hour of work {HOSTILE[:60]}",
        "tags": "tool",
    }
    answer = client.post(f"/review/traces/{id}/reviews", data=form)
    assert answer.status_code == 404
    assert "an hour of work" in answer.text and "false positive" in answer.text and "#2" in answer.text
    assert "deleted while you had it open" in answer.text and "<script>alert" not in answer.text
    said = client.post(f"/review/traces/{id}/comments", data={"token": token, "text": "and so on"})
    assert said.status_code == 404 and "and so on" in said.text


def test_a_trace_of_another_tenant_is_not_there(pages: Site, stranger: TestClient) -> None:
    """Neither for verdicts, nor for comments, nor to be undone."""
    key = create_key(pages.store, "r", tenant="b", terms=Terms(role=Role.REVIEWER))
    pages.keyring.replace(active_keys(pages.store))
    own, others = seed(pages, documents.blocked(0) | {"tenant": "b"}, documents.blocked(1))
    sign_in(stranger, key.secret)
    token = hidden(stranger.get(f"/review/traces/{own}").text, "token")
    for act, form in (("reviews", {"verdict": "pass"}), ("comments", {"text": "x"})):
        answer = stranger.post(f"/review/traces/{others}/{act}", data={"token": token, **form})
        assert answer.status_code == 404
    assert reviews.reviews(pages.store, others) == []
    assert comments.comments(pages.store, About(span_id=others)) == []
