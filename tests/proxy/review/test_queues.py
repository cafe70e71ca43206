"""The pages of queues: whoever may makes them, everybody sees how they stand, and what is typed stays text."""

from __future__ import annotations

from starlette.testclient import TestClient

from proxy.store import queues
from tests.proxy.review.site import HOSTILE, Site, hidden
from tests.proxy.store.reviewing import queue, traces


def _send(client: TestClient, path: str, **form: str) -> tuple[int, str]:
    token = hidden(client.get("/review/queues").text, "token")
    answer = client.post(f"/review{path}", data={"token": token, **form})
    return answer.status_code, answer.headers.get("location", answer.text)


def test_the_queues_are_there_and_filled_when_somebody_looks(pages: Site, client: TestClient) -> None:
    """Also before maintenance came by; the same as data."""
    traces(pages.store, 3)
    page = client.get("/review/queues").text
    found = {row["name"]: row for row in client.get("/review/queues.json").json()["data"]}

    assert "Review next" in page and "flagged:true" in page
    assert ">1 % by chance, 1 review<" in page and ">Oldest waits since<" in page
    assert found["flagged"]["open"] == 3 and found["sample"]["share"] == 0.01


def test_a_queue_is_made_changed_and_closed_by_forms(pages: Site, client: TestClient) -> None:
    """What is wrong is said, and what was typed is there again."""
    form = {"name": "new", "filter": "outcome:masked", "percent": "5", "reviews": "2", "blind": "on"}
    status, where = _send(client, "/queues", **form)
    row = queues.find_queue(pages.store, "new", None) or {}
    assert (status, where) == (303, f"/review/queues?saved={row['id']}")
    assert (row["share"], row["reviews"], row["blind"]) == (0.05, 2, True)
    assert "5 % by chance, 2 reviews, blind" in client.get(where).text

    status, page = _send(
        client, "/queues", name=HOSTILE.encode("utf-8", "replace").decode(), filter="since:1h"
    )
    assert status == 400 and 'role="alert"' in page and "<script>alert" not in page
    assert _send(client, "/queues", name="x", percent="many")[0] == 400
    assert _send(client, f"/queues/{row['id']}", **{**form, "percent": "200"})[0] == 400
    assert _send(client, f"/queues/{row['id']}", **{**form, "percent": "50"})[0] == 303
    assert (queues.find_queue(pages.store, "new", None) or {})["share"] == 0.5
    assert _send(client, f"/queues/{row['id']}", act="close")[0] == 303
    assert (queues.find_queue(pages.store, "new", None) or {})["closed_us"]
    assert _send(client, "/queues/nothing", act="close")[0] == 404


def test_a_new_page_teaches_what_to_do(pages: Site, client: TestClient) -> None:
    """Nothing claimed, nothing disputed, no agreement: each says what would be there."""
    assert "Nothing is claimed" in client.get("/review/claims").text
    page = client.get("/review/disputed").text
    assert "Nothing is disputed" in page and "Nothing was reviewed by two yet" in page
    for path in ("queues", "claims", "disputed"):
        assert client.get(f"/review/{path}?colour=red").status_code == 400


def test_a_full_queue_and_a_filter_that_nobody_can_answer_are_told(pages: Site, client: TestClient) -> None:
    """So that nobody waits for more."""
    from proxy.store.tables_review import QUEUE

    id = queue(pages.store, 1)
    with pages.store.begin() as connection:
        connection.execute(QUEUE.update().where(QUEUE.c.id == id).values(filter="colour:red"))

    assert "This filter cannot be answered" in client.get("/review/queues").text
