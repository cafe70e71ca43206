"""A real OpenID provider, and the pages in front of it. The provider speaks the protocol; what it says can be forged."""

from __future__ import annotations

import base64
import hmac
import json
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from proxy.config_sign_in import CALLBACK, Oidc
from tests.proxy.review.site import Site, site

PUBLIC = "http://localhost:4000"
CLAIMS: dict[str, Any] = {
    "email": "ada@example.com",
    "email_verified": True,
    "name": "Ada Lovelace",
    "groups": ["staff", "reviewers"],
}


@contextmanager
def provider() -> Iterator[str]:
    """The issuer of a provider that knows Ada."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import oidc_provider_mock

        user = oidc_provider_mock.User(sub="sub-ada", claims=CLAIMS)
        with oidc_provider_mock.run_server_in_thread(user_claims=(user,)) as server:
            yield f"http://localhost:{server.server_port}"


def settings(issuer: str, **more: Any) -> Oidc:
    """A configuration for it."""
    given = {"issuer": issuer, "client_id": "guardhouse", "client_secret": "s3cret", "public_url": PUBLIC}
    return Oidc(**{**given, "default_role": "viewer", **more})


@contextmanager
def visited(folder: Path, oidc: Oidc) -> Iterator[tuple[Site, TestClient]]:
    """The pages, and a browser that nobody has signed in with."""
    with (
        site(folder, oidc=oidc) as pages,
        TestClient(pages.app, base_url=PUBLIC, follow_redirects=False) as browser,
    ):
        yield pages, browser


def begin(browser: TestClient, next: str = "") -> str:
    """Follow the button; the address at the provider."""
    answer = browser.get("/review/oidc", params={"next": next} if next else None)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def consent(url: str, subject: str = "sub-ada") -> str:
    """Be somebody at the provider; the address that it sends the browser back to."""
    answer = requests.post(url, data={"sub": subject}, allow_redirects=False, timeout=10)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


def come_back(browser: TestClient, address: str) -> Any:
    """Follow the provider's redirect."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == PUBLIC + CALLBACK
    return browser.get(f"{parts.path}?{parts.query}")


def through(browser: TestClient, subject: str = "sub-ada", next: str = "") -> Any:
    """The whole way there and back."""
    return come_back(browser, consent(begin(browser, next), subject))


def tell(issuer: str, subject: str, **claims: Any) -> None:
    """Have the provider say something else of somebody from now on."""
    requests.put(f"{issuer}/users/{subject}", json=claims, timeout=10).raise_for_status()


class Forger:
    """A provider of our own that says whatever a test wants: an ID token of any kind, slow, long or broken answers."""

    def __init__(self, issuer: str) -> None:
        self.issuer, self.key = issuer, RSAKey.generate_key(2048, {"kid": "one"})
        self.published = [self.key]
        self.about: dict[str, Any] = {}
        self.asked: list[str] = []
        self.token: Callable[[str], dict[str, Any]] = self.good
        self.nonce = ""

    def claims(self, sent: str, **other: Any) -> dict[str, Any]:
        """What a good ID token says, with some of it as a test wants; None leaves a claim out."""
        now = int(time.time())
        told = {"iss": self.issuer, "sub": "sub-ada", "aud": "guardhouse", "iat": now, "exp": now + 300}
        return {k: v for k, v in {**told, "nonce": sent, **CLAIMS, **other}.items() if v is not None}

    def good(self, sent: str, key: Any = None, alg: str = "RS256", **other: Any) -> dict[str, Any]:
        """The answer of a token endpoint."""
        header = {"alg": alg, "kid": "one"}
        return {"id_token": jwt.encode(header, self.claims(sent, **other), key or self.key, algorithms=[alg])}

    def signed_with_the_public_key(self, sent: str) -> str:
        """A token whose secret is what everybody knows: the public key."""
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": "one"}, self.claims(sent))]
        head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        signature = hmac.digest(self.key.as_pem(private=False), head, "sha256")
        return (head + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()

    def answer(self, url: str) -> dict[str, Any]:
        """What stands at an address."""
        self.asked.append(url)
        path = url.removeprefix(self.issuer)
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
            return {"issuer": self.issuer, **{k: self.issuer + v for k, v in places.items()}, **self.about}
        if path == "/jwks":
            return {"keys": [key.as_dict(private=False) for key in self.published]}
        return self.token(self.nonce)


def nonce_of(url: str) -> str:
    """The nonce that we sent along."""
    return parse_qs(urlsplit(url).query)["nonce"][0]
