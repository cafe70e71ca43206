"""What comes from a provider is believed only when everything about it holds."""

from __future__ import annotations

import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from proxy.review.oidc_client import (
    FRESH_S,
    MOST_BYTES,
    Flow,
    NotBelieved,
    Provider,
    ProviderAway,
    _joined,
)
from tests.proxy.review.oidc_site import Forger, nonce_of, settings

pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")


@pytest.fixture
def forger() -> Iterator[Forger]:
    """A provider that says what a test wants, over real HTTP."""
    made: list[Forger] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            raw = made[0].answer(made[0].issuer + self.path)
            body = raw.get("raw", json.dumps(raw).encode())
            self.send_response(raw.get("status", 200))
            if "location" in raw:
                self.send_header("location", raw["location"])
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.do_GET()

        def log_message(self, *args: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.append(Forger(f"http://127.0.0.1:{server.server_port}"))
    yield made[0]
    server.shutdown()
    server.server_close()
    thread.join(10)


def finished(forger: Forger, provider: Provider | None = None) -> dict[str, Any]:
    """The claims that are believed after a whole way there and back."""
    provider = provider or Provider(settings(forger.issuer))
    url, flow = provider.begin()
    forger.nonce = nonce_of(url)
    return dict(provider.finish(flow, "code").claims)


def test_a_good_token_is_believed(forger: Forger) -> None:
    """Signed by the provider, for us, now, for this flow."""
    assert finished(forger)["email"] == "ada@example.com"


def _none(token: str) -> str:
    """The same claims under the algorithm `none`, unsigned."""
    import base64

    head = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').decode().rstrip("=")
    return f"{head}.{token.split('.')[1]}."


def _changed(token: str) -> str:
    """Another claim under the same signature."""
    head, _, signature = token.split(".")
    other = Forger("http://x").good("x")["id_token"].split(".")[1]
    return f"{head}.{other}.{signature}"


OTHER = RSAKey.generate_key(2048, {"kid": "one"})
LATER = int(time.time()) + 9_999
FORGED: dict[str, Callable[[Forger, str], dict[str, Any]]] = {
    "another key": lambda f, n: f.good(n, key=OTHER),
    "none": lambda f, n: {"id_token": _none(f.good(n)["id_token"])},
    "changed": lambda f, n: {"id_token": _changed(f.good(n)["id_token"])},
    "signed with the client secret": lambda f, n: f.good(n, key=OctKey.import_key("s3cret" * 8), alg="HS256"),
    "signed with the public key as secret": lambda f, n: {"id_token": f.signed_with_the_public_key(n)},
    "for another": lambda f, n: f.good(n, aud="another"),
    "for nobody": lambda f, n: f.good(n, aud=None),
    "for others too, without azp": lambda f, n: f.good(n, aud=["guardhouse", "another"]),
    "given to another": lambda f, n: f.good(n, azp="another"),
    "of another issuer": lambda f, n: f.good(n, iss="https://evil.example"),
    "of no issuer": lambda f, n: f.good(n, iss=None),
    "of another flow": lambda f, n: f.good("another nonce"),
    "of no flow": lambda f, n: f.good(n, nonce=None),
    "of another kind": lambda f, n: f.good(n, nonce=[n]),
    "expired": lambda f, n: f.good(n, exp=int(time.time()) - 999),
    "without an end": lambda f, n: f.good(n, exp=None),
    "with a strange end": lambda f, n: f.good(n, exp="never"),
    "not yet": lambda f, n: f.good(n, nbf=LATER),
    "from later": lambda f, n: f.good(n, iat=LATER, exp=LATER + 300),
    "of nobody": lambda f, n: f.good(n, sub=None),
    "of an empty name": lambda f, n: f.good(n, sub=""),
    "of a number": lambda f, n: f.good(n, sub=7),
    "no token": lambda f, n: {"access_token": "x"},
    "no text": lambda f, n: {"id_token": 7},
    "no parts": lambda f, n: {"id_token": "x"},
    "refused": lambda f, n: {"status": 400, "error": "invalid_grant"},
}  # fmt: skip


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_token_is_not_believed(forger: Forger, kind: str) -> None:
    """One thing wrong is enough; the message says which check failed and holds nothing of the token."""
    forger.token = lambda nonce: FORGED[kind](forger, nonce)
    with pytest.raises(NotBelieved) as refused:
        finished(forger)
    assert "example" not in str(refused.value) and len(str(refused.value)) < 100


def test_a_provider_may_offer_none_and_is_not_followed(forger: Forger) -> None:
    """What its description says of algorithms opens nothing."""
    forger.about = {"id_token_signing_alg_values_supported": ["none", "HS256", "RS256"]}
    forger.token = lambda nonce: {"id_token": _none(forger.good(nonce)["id_token"])}
    with pytest.raises(NotBelieved):
        finished(forger)


@pytest.mark.parametrize("kid", ["two", "one"])
def test_keys_are_rotated(forger: Forger, kid: str) -> None:
    """A new key, under a new name or the old one, is asked for when it is first used; otherwise nothing is."""
    provider = Provider(settings(forger.issuer))
    finished(forger, provider)
    finished(forger, provider)
    jwks = forger.issuer + "/jwks"
    assert forger.asked.count(jwks) == 1
    forger.key = RSAKey.generate_key(2048, {"kid": kid})
    forger.published = [forger.key]
    import joserfc.jwt as jwt

    header = {"alg": "RS256", "kid": kid}
    forger.token = lambda nonce: {"id_token": jwt.encode(header, forger.claims(nonce), forger.key)}
    finished(forger, provider)
    finished(forger, provider)
    assert forger.asked.count(jwks) == 2
    forger.token = lambda nonce: forger.good(nonce, key=OTHER)
    with pytest.raises(NotBelieved):
        finished(forger, provider)
    assert forger.asked.count(jwks) == 3


def test_a_description_is_asked_for_again_after_a_while(forger: Forger) -> None:
    """Once an hour."""
    now = [0.0]
    provider = Provider(settings(forger.issuer), lambda: now[0])
    provider.begin()
    provider.begin()
    now[0] = FRESH_S
    provider.begin()
    assert len(forger.asked) == 2


@pytest.mark.parametrize(
    "about",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "http://other.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"raw": b"<html>"},
        {"raw": b"[]"},
        {"raw": b'{"issuer": "' + b"x" * MOST_BYTES + b'"}'},
        {"status": 500},
        {"status": 302, "location": "http://169.254.169.254/"},
    ],
)
def test_a_provider_that_cannot_be_used(forger: Forger, about: dict[str, Any]) -> None:
    """Another name, missing or dangerous addresses, no JSON, too much of it, an error, a redirect: said, not followed."""
    forger.about = about
    with pytest.raises(ProviderAway) as away:
        Provider(settings(forger.issuer)).begin()
    assert "evil" not in str(away.value) and len(forger.asked) == 1


def test_a_provider_that_does_not_answer() -> None:
    """Nobody waits for longer than was configured, and the reason is plain."""
    provider = Provider(settings("http://127.0.0.1:9", timeout_s=1))
    with pytest.raises(ProviderAway):
        provider.begin()
    with pytest.raises(ProviderAway):
        provider.finish(Flow("s", "n", "v"), "code")


def test_what_is_said_besides_is_of_the_same_person(forger: Forger) -> None:
    """What stands in the ID token wins; what is said of somebody else is left out."""
    forger.about = {"userinfo_endpoint": forger.issuer + "/me"}
    said = {"sub": "sub-ada", "groups": ["other"], "department": "engines"}
    answer = forger.answer
    forger.answer = lambda url: said if url.endswith("/me") else answer(url)  # type: ignore[method-assign]
    forger.token = lambda nonce: {**forger.good(nonce), "access_token": "at"}
    claims = finished(forger)
    assert claims["department"] == "engines" and claims["groups"] == ["staff", "reviewers"]
    said["sub"] = "sub-eve"
    assert "department" not in finished(forger)


def test_where_people_sign_out(forger: Forger) -> None:
    """At the provider's own page, if it has one that may be used."""
    provider = Provider(settings(forger.issuer))
    assert provider.logout_url("http://localhost:4000/review/login") is None
    forger.about = {"end_session_endpoint": forger.issuer + "/out"}
    url = Provider(settings(forger.issuer)).logout_url("http://localhost:4000/review/login")
    assert url is not None and url.startswith(forger.issuer + "/out?client_id=guardhouse")
    forger.about = {"end_session_endpoint": "http://other.example/out"}
    assert Provider(settings(forger.issuer)).logout_url("http://localhost:4000/review/login") is None


def test_nothing_secret_is_in_a_repr() -> None:
    """Not the verifier, not the client's secret, not what is said of a person."""
    assert "verifier" not in repr(Flow("s", "n", "verifier")) and "s3cret" not in repr(
        settings("https://id.example")
    )


@pytest.mark.parametrize(
    ("token", "more", "verified"),
    [
        ({"email": "a@x"}, {"email": "b@x", "email_verified": True}, None),
        ({"email": "a@x", "email_verified": True}, {"email": "b@x", "email_verified": False}, True),
        ({}, {"email": "b@x", "email_verified": True}, True),
        ({"email_verified": True}, {"email": "b@x"}, None),
    ],
)
def test_an_email_is_verified_by_whoever_names_it(token: Any, more: Any, verified: bool | None) -> None:
    """The token and what is told besides may name different ones."""
    assert _joined(token, more).get("email_verified") is verified
