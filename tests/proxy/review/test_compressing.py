"""Pages are compressed for ourselves, static files for everybody who takes it."""

from __future__ import annotations

import gzip

import pytest
from starlette.testclient import TestClient

from proxy.review.compressing import may_shrink, shrunk, takes_gzip


@pytest.mark.parametrize(
    ("told", "takes"),
    [
        ("gzip", True),
        ("br, gzip;q=0.8", True),
        ("gzip; q=0", False),
        ("br", False),
        ("", False),
        ("xgzip", False),
    ],
)
def test_only_who_takes_it_gets_it(told: str, takes: bool) -> None:
    """As the header says."""
    assert takes_gzip({"accept-encoding": told}) is takes


@pytest.mark.parametrize(
    ("site", "may"),
    [("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False), ("", False)],
)
def test_no_other_site_makes_a_page_be_compressed(site: str, may: bool) -> None:
    """Neither does a program, which says nothing."""
    assert may_shrink({"accept-encoding": "gzip", "sec-fetch-site": site}) is may


def test_the_same_is_compressed_to_the_same() -> None:
    """No time stands in it, and it comes back whole."""
    assert shrunk(b"a" * 5000) == shrunk(b"a" * 5000) and gzip.decompress(shrunk(b"a" * 5000)) == b"a" * 5000


def test_pages_and_files_over_http(client: TestClient) -> None:
    """A page for our own request is small; for another site's it is as long as it is; a style sheet is small for both."""
    ours = client.get("/review/overview", headers={"sec-fetch-site": "same-origin"})
    theirs = client.get("/review/overview", headers={"sec-fetch-site": "same-site"})
    style = client.get("/review/static/review.css", headers={"sec-fetch-site": "cross-site"})
    plain = client.get("/review/static/review.css", headers={"accept-encoding": "identity"})

    assert ours.headers["content-encoding"] == "gzip" and "content-encoding" not in theirs.headers
    assert len(ours.text) > int(ours.headers["content-length"]) and "sec-fetch-site" in ours.headers["vary"]
    assert style.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert style.content == plain.content
