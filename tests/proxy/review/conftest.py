"""Fixtures of the pages' tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.proxy.review.site import ADMIN_KEY, Site, sign_in, site


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Site]:
    """The pages over an empty store."""
    with site(tmp_path) as found:
        yield found


@pytest.fixture
def stranger(pages: Site) -> Iterator[TestClient]:
    """A browser that nobody has signed in with; it does not follow redirects."""
    with TestClient(pages.app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def client(stranger: TestClient) -> TestClient:
    """A browser signed in with the admin key."""
    assert sign_in(stranger, ADMIN_KEY).status_code == 303
    return stranger
