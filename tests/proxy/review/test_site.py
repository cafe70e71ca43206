"""What every page shares: strangers are asked to sign in, data needs a key, forms are our own."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from proxy.store import reviews
from tests.proxy.review import documents
from tests.proxy.review.site import ADMIN_KEY, Site, seed


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
    assert reviews.reviews(pages.store, id) == []


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

    # A judgement may be longer: `test_forms` has its bounds. Within them it needs its token like any form.
    longer = path.endswith("/reviews") and status in (413, 400)
    assert answer.status_code == (403 if longer else status)
    assert "Traceback" not in answer.text


def test_a_link_from_another_site_finds_the_session(client: TestClient, stranger: TestClient) -> None:
    """Browsers keep strict cookies back on links from outside: the page is asked for again by ourselves."""
    stranger.cookies.clear()
    answer = stranger.get("/review/traces/x?outcome=any", headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 200
    assert 'content="0; url=/review/traces/x?outcome=any"' in answer.text
