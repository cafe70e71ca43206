"""Forms are read within bounds, and only those of our own pages."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from proxy.review.forms import FORM_BYTES, LONG_FORM_BYTES, MOST_REPEATED
from tests.proxy.review.site import hidden


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"a=" + b"x" * FORM_BYTES, 413), ("note=\u00e4".encode(), 400), (b"&".join([b"a=1"] * 30), 400)],
)
def test_what_no_page_of_ours_sends_is_refused(client: TestClient, body: bytes, status: int) -> None:
    """Too long, no form, too many fields."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/review/logout", content=body, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"a=" + b"x" * LONG_FORM_BYTES, 413),
        ("note=\u00e4".encode(), 400),
        (b"&".join([b"a=1"] * (MOST_REPEATED + 1)), 400),
    ],
)
def test_longer_forms_have_bounds_too(client: TestClient, body: bytes, status: int) -> None:
    """Those with fields that come more than once."""
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/review/traces/x/reviews", content=body, headers=headers).status_code == status


def test_a_form_of_another_site_is_refused(client: TestClient) -> None:
    """Whatever it holds."""
    answer = client.post("/review/traces/x/reviews", data={}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_a_nul_reaches_no_database(client: TestClient) -> None:
    """PostgreSQL refuses it in any text: what names something with one names nothing."""
    token = hidden(client.get("/review/me").text, "token")
    for path, form in (
        ("/review/items/x/beat", {"claim": "\0"}),
        ("/review/me/sign-out", {"visit": "\0"}),
        ("/review/groups/x", {"act": "resolved", "owner": "\0"}),
    ):
        assert client.post(path, data={"token": token, **form}).status_code < 500, path
