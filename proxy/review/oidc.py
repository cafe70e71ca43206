"""Signing in through the organisation's identity provider: there, back, and out.

What binds the two ways together travels in a cookie of its own: signed, short-lived, and `Lax`, because the way back
comes from another site, with which no strict cookie is sent. It is worth nothing but one way back.
"""

from __future__ import annotations

import base64
import hmac
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from proxy.config_sign_in import CALLBACK, Oidc
from proxy.errors import BadRequest, Forbidden, NotFound, ProxyError, Unavailable, UpstreamError
from proxy.review.doors import begins, person_in, sign_in_form, take
from proxy.review.oidc_client import Flow, NotBelieved, Provider, ProviderAway
from proxy.review.oidc_people import admitted
from proxy.review.pages import HEADERS, secure
from proxy.review.session import HOME, safe_next
from proxy.review.site import Site
from proxy.store.db import AWAY

FLOW = "guardhouse_oidc"
"""Cookie of somebody who is on the way to the provider and back."""
FLOW_S = 600
"""Seconds that the way may take."""
AT_ONCE = 8
"""How many of one process may wait for the provider at a time."""
Found = TypeVar("Found")
_USED = 10_000
_LONGEST = 4_096
_AGAIN = f"Begin again at {HOME}/login."
_log = logging.getLogger(__name__)


class Flows:
    """Makes and reads the cookies of ways to the provider and back: each is good once, in this process."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = hmac.digest(key, b"guardhouse/oidc/1", "sha256")
        self._clock = clock
        self._lock = threading.Lock()
        self._used: OrderedDict[str, float] = OrderedDict()

    def cookie(self, flow: Flow, target: str) -> str:
        """The cookie for a way that ends at a page of ours."""
        told = [flow.state, flow.nonce, flow.verifier, target, int(self._clock()) + FLOW_S]
        head = base64.urlsafe_b64encode(orjson.dumps(told)).decode()
        return f"{head}.{self._signature(head)}"

    def taken(self, cookie: str, state: str) -> tuple[Flow, str]:
        """The way that a browser comes back on, and the page where it ends. Raises Forbidden; then nothing is used."""
        head, _, signature = cookie.partition(".")
        if len(cookie) > _LONGEST or not hmac.compare_digest(
            self._signature(head).encode(), signature.encode("utf-8", "replace")
        ):
            raise Forbidden(
                f"This browser did not begin to sign in here, or did so at another address. {_AGAIN}"
            )
        flow_state, nonce, verifier, target, until = orjson.loads(base64.urlsafe_b64decode(head))
        if not hmac.compare_digest(flow_state.encode(), state.encode("utf-8", "replace")):
            raise Forbidden(f"This way back belongs to another sign-in. {_AGAIN}")
        now = self._clock()
        if now >= until or not self._first(flow_state, now):
            raise Forbidden(f"This way back is too old, or was used already. {_AGAIN}")
        return Flow(flow_state, nonce, verifier), safe_next(target)

    def _first(self, state: str, now: float) -> bool:
        with self._lock:
            while self._used and (len(self._used) > _USED or next(iter(self._used.values())) < now):
                self._used.popitem(last=False)
            if state in self._used:
                return False
            self._used[state] = now + FLOW_S
            return True

    def _signature(self, head: str) -> str:
        return hmac.digest(self._key, head.encode("utf-8", "replace"), "sha256").hex()


class Providers:
    """The provider as it is configured now."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._provider: Provider | None = None
        self.turns = threading.BoundedSemaphore(AT_ONCE)

    def now(self) -> Provider:
        """It. Raises NotFound where there is none."""
        settings: Oidc | None = self._site.context.config.oidc
        if settings is None:
            raise NotFound("No identity provider is configured here.")
        with self._lock:
            if self._provider is None or self._provider.settings != settings:
                self._provider = Provider(settings)
            return self._provider


def add(routes: APIRouter, site: Site) -> None:
    """The way there, the way back, and the way out."""
    flows, providers = Flows(site.context.key), Providers(site)

    @routes.get("/oidc")
    def there(request: Request) -> Response:
        """On to the provider. A link, not a form: browsers hold a form's redirects to the page's own policy."""
        target = safe_next(request.query_params.get("next", ""))
        try:
            provider = providers.now()
            url, flow = _asked(providers, provider.begin)
        except ProxyError as error:
            return sign_in_form(site, request, target, error)
        answer = _away(url)
        answer.set_cookie(
            FLOW,
            flows.cookie(flow, target),
            max_age=FLOW_S,
            path=CALLBACK,
            secure=secure(request),
            httponly=True,
            samesite="lax",
        )
        return answer

    @routes.get(CALLBACK.removeprefix(HOME))
    def back(request: Request) -> Response:
        """Who comes back from the provider, and on to the page that was asked for."""
        try:
            answer = _let_in(site, flows, providers, request)
        except ProxyError as error:
            answer = sign_in_form(site, request, HOME, error)
        answer.delete_cookie(FLOW, path=CALLBACK)
        return answer

    @routes.get("/oidc/logout")
    def out(request: Request) -> Response:
        """On to the provider, to sign out there."""
        try:
            provider = providers.now()
            url = _asked(
                providers,
                lambda: provider.logout_url(f"{provider.settings.public_url.rstrip('/')}{HOME}/login"),
            )
            if url is None:
                raise NotFound("The identity provider has no page to sign out.")
        except ProxyError as error:
            return sign_in_form(site, request, HOME, error)
        return _away(url)


def _let_in(site: Site, flows: Flows, providers: Providers, request: Request) -> Response:
    """The browser with a visit. Raises ProxyError, and notes that somebody was refused."""
    provider, asked = providers.now(), request.query_params
    address = request.client.host if request.client else ""
    try:
        flow, target = flows.taken(request.cookies.get(FLOW, ""), asked.get("state", ""))
        # Only who began here is counted: other sites may send anybody's browser to this address.
        take(site, address)
        if asked.get("iss", provider.settings.issuer) != provider.settings.issuer:
            raise Forbidden(f"Another identity provider sent you back. {_AGAIN}")
        if "error" in asked:
            raise Forbidden(f"The identity provider did not sign you in. {_AGAIN}")
        code = asked.get("code", "")
        if not 0 < len(code) <= _LONGEST:
            raise BadRequest(f"The identity provider sent no code back. {_AGAIN}")
        identity = _asked(providers, lambda: provider.finish(flow, code))
        account = admitted(site.store, provider.settings, identity)
    except AWAY:
        raise Unavailable("Nobody can sign in now: the database does not answer. Try again later.") from None
    except (Forbidden, BadRequest):
        site.signings.refused(address)
        raise
    answer = person_in(site, request, account, "oidc", target)
    return _from_ourselves(site, answer, begins(account.principal(), target))


def _from_ourselves(site: Site, redirect: Response, target: str) -> Response:
    """The way on as a page of ours: a redirect would still count as the other site's, without our strict cookie."""
    answer = site.pages.html("again.html", {"reader": None, "target": target})
    for name, value in redirect.raw_headers:
        if name == b"set-cookie":
            answer.raw_headers.append((name, value))
    return answer


def _asked(providers: Providers, question: Callable[[], Found]) -> Found:
    """What the provider is asked, a few at a time. Raises UpstreamError, Forbidden or Unavailable."""
    if not providers.turns.acquire(blocking=False):
        raise Unavailable("Too many people sign in right now. Try again in a few seconds.")
    try:
        return question()
    except ProviderAway as error:
        _log.warning("the identity provider of guardhouse.oidc cannot be used: %s", error)
        raise UpstreamError(
            "The identity provider cannot be used now. Try again later, or sign in another way; "
            "the operator of this proxy finds the reason in its log."
        ) from None
    except NotBelieved as error:
        _log.warning("what came back from the identity provider of guardhouse.oidc was refused: %s", error)
        raise Forbidden(f"What came back from the identity provider proves nothing. {_AGAIN}") from None
    finally:
        providers.turns.release()


def _away(url: str) -> Response:
    """On to another site: only to the provider's own pages."""
    return RedirectResponse(url, 303, HEADERS | {"cache-control": "no-store"})
