"""Questions to an OpenID Connect provider, through Authlib: where to send people, and who came back.

Nothing that the provider sends is believed before its signature is: issuer, audience, expiry, nonce and the algorithm
of an ID token are all checked. Answers are bounded in time and size. For threads, never for the event loop.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from proxy.config_sign_in import Oidc

FRESH_S = 3_600.0
"""How long what the provider says of itself, and its keys, are taken as they were."""
MOST_BYTES = 1 << 20
"""Bytes of one answer."""
LEEWAY_S = 60
"""Seconds by which the provider's clock may differ from ours."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that are believed: made with a key that only the provider has. Never `none`, never a shared secret."""
DISCOVERY = "/.well-known/openid-configuration"
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class ProviderAway(Exception):
    """The provider cannot be asked, or says nothing that can be used. The message holds no text of the provider."""


class NotBelieved(Exception):
    """What came back proves nothing. The message says which check failed."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What one way to the provider and back is bound together by."""

    state: str
    nonce: str
    verifier: str

    def __repr__(self) -> str:
        return "Flow()"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, as the provider says."""

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)


class Provider:
    """One provider, as configured. Safe between threads.

    Args:
        settings: `guardhouse.oidc`.
        clock: seconds since any fixed moment.
    """

    def __init__(self, settings: Oidc, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}

    def begin(self) -> tuple[str, Flow]:
        """Where to send somebody, and what has to come back. Raises ProviderAway."""
        endpoint = self._about()["authorization_endpoint"]
        flow = Flow(*(secrets.token_urlsafe(32) for _ in range(3)))
        url, _ = self._session().create_authorization_url(
            endpoint, state=flow.state, nonce=flow.nonce, code_verifier=flow.verifier
        )
        return str(url), flow

    def finish(self, flow: Flow, code: str) -> Identity:
        """Who came back with this code. Raises ProviderAway or NotBelieved."""
        tokens = self._tokens(flow, code)
        token, access = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            raise NotBelieved("there is no ID token")
        claims = self._believed(token, flow.nonce, access if isinstance(access, str) else None)
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:
            raise NotBelieved("sub is no name")
        if isinstance(access, str):
            claims = _joined(claims, self._more(access, subject))
        return Identity(self.settings.issuer, subject, claims)

    def logout_url(self, back: str) -> str | None:
        """Where people sign out at the provider; None when it has no such page. Raises ProviderAway."""
        from authlib.common.urls import add_params_to_uri

        endpoint = self._about().get("end_session_endpoint")
        if not isinstance(endpoint, str) or not self.settings.is_allowed(endpoint):
            return None
        params = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back}
        return str(add_params_to_uri(endpoint, list(params.items())))

    def _session(self) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        own = self.settings
        return OAuth2Session(
            own.client_id,
            own.client_secret,
            scope=" ".join(own.scopes),
            redirect_uri=own.redirect_uri,
            code_challenge_method="S256",
        )

    # --- what the provider says of itself

    def _about(self) -> dict[str, Any]:
        """The provider's own description, checked."""
        own = self.settings
        about = self._fresh(own.issuer.rstrip("/") + DISCOVERY)
        if about.get("issuer") != own.issuer:
            raise ProviderAway("it calls itself by another name than guardhouse.oidc.issuer")
        for name in _NEEDED:
            if not isinstance(about.get(name), str) or not own.is_allowed(about[name]):
                raise ProviderAway(f"its {name} is missing, or no address that may be used")
        return about

    def _fresh(self, url: str, *, again: bool = False) -> dict[str, Any]:
        """What stands at an address of the provider, asked for once in a while, or `again` now."""
        with self._lock:
            at, kept = self._kept.get(url, (0.0, {}))
        if kept and not again and self._clock() - at < FRESH_S:
            return kept
        found = self._asked("GET", url)
        with self._lock:
            self._kept = {**self._kept, url: (self._clock(), found)}
        return found

    # --- what it says of people

    def _tokens(self, flow: Flow, code: str) -> dict[str, Any]:
        about, own = self._about(), self.settings
        told = about.get("token_endpoint_auth_methods_supported")
        ways = told if isinstance(told, list) else ["client_secret_basic"]
        way = "client_secret_basic" if "client_secret_basic" in ways else "client_secret_post"
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": own.redirect_uri,
            "code_verifier": flow.verifier,
        }
        if own.client_secret is None:
            way, body = "none", {**body, "client_id": own.client_id}
        return self._asked("POST", about["token_endpoint"], way=way, data=body, refusal=True)

    def _believed(self, token: str, nonce: str, access: str | None) -> dict[str, Any]:
        """The claims of an ID token that is signed by the provider, now, for us, for this very flow."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        own, url = self.settings, self._about()["jwks_uri"]
        registry = JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
        options = {
            "iss": {"essential": True, "value": own.issuer},
            "aud": {"essential": True, "value": own.client_id},
        }
        known = {"nonce": nonce, "client_id": own.client_id, "access_token": access}

        def decoded(again: bool) -> Any:
            keys = KeySet.import_key_set(self._fresh(url, again=again))  # type: ignore[arg-type]
            return jwt.decode(token, keys, registry=registry)

        try:
            try:
                found = decoded(again=False)
            except (JoseError, ValueError):
                # The provider may sign with a new key since it was asked. It is asked once for each who comes back.
                found = decoded(again=True)
            claims = CodeIDToken(found.claims, found.header, options, known)
            claims.validate(leeway=LEEWAY_S)
        except ProviderAway:
            raise
        except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise NotBelieved(f"the ID token does not hold ({type(error).__name__})") from None
        return dict(found.claims)

    def _more(self, access: str, subject: str) -> dict[str, Any]:
        """What the provider says of somebody besides, where it does; of nobody else."""
        endpoint = self._about().get("userinfo_endpoint")
        if not isinstance(endpoint, str) or not self.settings.is_allowed(endpoint):
            return {}
        try:
            found = self._asked("GET", endpoint, headers={"authorization": f"Bearer {access}"})
        except ProviderAway:
            return {}
        return found if found.get("sub") == subject else {}

    # --- over the wire

    def _asked(
        self, method: str, url: str, *, way: str | None = None, refusal: bool = False, **options: Any
    ) -> dict[str, Any]:
        """The JSON object that the provider answers with. Raises ProviderAway, or NotBelieved for its refusal."""
        until = time.monotonic() + self.settings.timeout_s
        with self._session() as session:
            try:
                answer = session.request(
                    method,
                    url,
                    withhold_token=True,
                    auth=session.client_auth(way) if way else None,
                    timeout=self.settings.timeout_s,
                    allow_redirects=False,
                    stream=True,
                    **options,
                )
                data = bytearray()
                for chunk in answer.iter_content(1 << 16):
                    data += chunk
                    if len(data) > MOST_BYTES or time.monotonic() > until:
                        raise ProviderAway("its answer is too long, or takes too long")
            except OSError as error:
                # Every error of the transport is one of these.
                raise ProviderAway(f"it cannot be reached ({type(error).__name__})") from None
        if refusal and answer.status_code in (400, 401, 403):
            raise NotBelieved("the provider does not accept the code, or not this proxy")
        try:
            found = json.loads(data)
        except ValueError:
            found = None
        if answer.status_code != 200 or not isinstance(found, dict):
            raise ProviderAway(f"it answers with {answer.status_code}, or not with a JSON object")
        return found


def _joined(token: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """What both say of somebody, the token first. That an e-mail is verified counts for the one it was said of."""
    source = token if "email" in token else more
    joined = {**more, **token}
    joined.pop("email_verified", None)
    return joined | {name: source[name] for name in ("email_verified",) if name in source}
