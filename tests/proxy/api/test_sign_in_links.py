"""`POST /api/sign-in-links`: for those who manage keys, as themselves."""

from __future__ import annotations

from proxy.store import sign_in_links
from tests.proxy.api.conftest import Api


def test_a_link_signs_in_as_the_key_that_asked(api: Api) -> None:
    """Once; it says until when."""
    made = api.client.post("/api/sign-in-links")

    assert made.status_code == 201 and made.json()["expires"].endswith("Z")
    assert sign_in_links.use(api.store, made.json()["link"]) == "admin"
    assert sign_in_links.use(api.store, made.json()["link"]) is None
