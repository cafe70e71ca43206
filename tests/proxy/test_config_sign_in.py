"""`guardhouse.oidc`: what cannot work is refused when it is read."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from proxy.config_sign_in import Oidc

GOOD: dict[str, Any] = {
    "issuer": "https://id.example",
    "client_id": "guardhouse",
    "public_url": "https://guardhouse.example/",
}


def test_the_way_back_is_built_from_the_public_url() -> None:
    """Alone; that is what is registered at the provider."""
    assert Oidc(**GOOD).redirect_uri == "https://guardhouse.example/review/oidc/callback"
    assert "s3cret" not in repr(Oidc(**GOOD, client_secret="s3cret"))


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"issuer": "id.example"}, "URL"),
        ({"issuer": "https://a:b@id.example"}, "credentials"),
        ({"issuer": "http://id.example"}, "plain_http"),
        ({"public_url": "http://guardhouse.example"}, "plain_http"),
        ({"public_url": "https://guardhouse.example/below"}, "path"),
        ({"public_url": "https://guardhouse.example?x=1"}, "query"),
        ({"client_id": ""}, "client_id"),
        ({"scopes": ["email"]}, "openid"),
        ({"roles": {"a": "viewer"}}, "roles_claim"),
        ({"roles_claim": "groups"}, "roles"),
        ({"roles_claim": "groups", "roles": {"a": "owner"}}, "viewer"),
        ({"default_role": "root"}, "viewer"),
        ({"tenant": ""}, "tenant"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"redirect": "x"}, "redirect"),
    ],
)
def test_what_cannot_work_is_refused(more: dict[str, Any], word: str) -> None:
    """With the word that says what to mend."""
    with pytest.raises(ValidationError) as refused:
        Oidc(**{**GOOD, **more})
    assert word in str(refused.value)


@pytest.mark.parametrize(
    ("url", "plain", "allowed"),
    [
        ("https://x.example/a", False, True), ("http://localhost:1/a", False, True), ("http://127.0.0.1/", False, True),
        ("http://x.example/", False, False), ("http://x.example/", True, True), ("ftp://x.example", True, False),
        ("javascript:alert(1)", True, False), ("", True, False), ("https://", True, False),
    ],
)  # fmt: skip
def test_which_addresses_may_be_used(url: str, plain: bool, allowed: bool) -> None:
    """Https, or this machine."""
    assert Oidc(**GOOD, plain_http=plain).is_allowed(url) is allowed
