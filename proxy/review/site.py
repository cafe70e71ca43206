"""What the reviewer's pages share: who is looking, what is theirs to see, and how errors are told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute

from proxy.api.deps import check, problem, reply
from proxy.api.traces import unfit
from proxy.context import Context
from proxy.errors import Forbidden, ProxyError, Unavailable
from proxy.exchange import Principal
from proxy.passwords import Hashing
from proxy.review.compressing import LEAST, may_shrink, shrunk
from proxy.review.forms import COOKIE, read_fields
from proxy.review.pages import HEADERS, Pages, redirect
from proxy.review.session import (
    HOME,
    NAME_TRIES,
    NAME_WINDOW,
    Attempts,
    Sessions,
    first_page,
    safe_next,
)
from proxy.review.signings import Signings
from proxy.review.typed import Typed, typed
from proxy.roles import Permission, may, tenant_of
from proxy.store import visits
from proxy.store.accounts import PERSON, displays
from proxy.store.db import AWAY
from proxy.store.filters import FilterError
from proxy.store.visits import Visitor

BUSY = "The database is busy or away. Nothing was saved, and nothing is lost: send it again in a moment."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who is looking at a page."""

    who: Principal
    token: str
    """For the forms on the page."""
    person: Visitor | None = None
    """The account and the visit of who signed in with a name; None for a key."""

    @property
    def name(self) -> str:
        """What the page calls the reader."""
        return self.person.account.display if self.person else self.who.name or self.who.key_id

    @property
    def tenant(self) -> str | None:
        """The only tenant whose records the page may show; None: every one's."""
        return tenant_of(self.who)

    @property
    def first(self) -> str:
        """The page that the reader begins at."""
        return first_page(self.who) or f"{HOME}/me"

    def may(self, *permissions: str) -> bool:
        """Whether the page may show or offer what takes this permission, or one of these."""
        return any(may(self.who, Permission(each)) for each in permissions)


class SignInNeeded(Exception):
    """The page is there, but not for strangers."""


class Site:
    """The pages of one running proxy, and what they share."""

    def __init__(self, context: Context) -> None:
        self.store = context.store
        self.context = context
        self.pages = Pages(lambda: context.policies.label)
        self.sessions = Sessions(context.key, context.keyring)
        self.attempts = Attempts()
        self.names = Attempts(tries=NAME_TRIES, window=NAME_WINDOW)
        self.hashing = Hashing()
        self.signings = Signings(context.store)

    # --- who is there

    def signed_in(self, request: Request) -> Reader | None:
        """Who sends this request's cookie, as the account or key is now; None for a stranger. For threads.

        Raises Unavailable while nobody can say.
        """
        cookie = request.cookies.get(COOKIE, "")
        if visits.is_secret(cookie):
            return self._visiting(request, cookie)
        who = self.sessions.holder(cookie)
        return None if who is None else Reader(who, self.sessions.token(cookie))

    def _visiting(self, request: Request, cookie: str) -> Reader | None:
        # A page that is left open says so by itself; that is nobody's doing, and keeps no visit alive.
        active = not request.url.path.endswith("/beat")
        try:
            found = visits.visitor(self.store, cookie, active=active)
        except AWAY:
            raise Unavailable("Nobody can say now who is signed in. Try again later.") from None
        if found is None:
            return None
        return Reader(found.account.principal(), self.sessions.token(cookie), found)

    def reader(self, request: Request) -> Reader:
        """Who is there. A program may send its key to a `.json` page instead of a cookie.

        Raises SignInNeeded, or Unauthorized and Forbidden for `.json`.
        """
        found = self.signed_in(request)
        if found is not None:
            return found
        if not request.url.path.endswith(".json"):
            raise SignInNeeded
        who = self.context.keyring.principal(request.headers.get("authorization"))
        if first_page(who) is None:
            raise Forbidden(
                "No page is for this key. Use the admin key, or a key made with --admin or --role."
            )
        return Reader(who, "")

    def allowed(self, *permissions: Permission) -> Callable[[Request], Reader]:
        """Who may see this page, as a dependency: who has one of the permissions. Raises Forbidden for all others."""

        def asked_for(request: Request) -> Reader:
            reader = self.reader(request)
            check(reader.who, *permissions)
            return reader

        return asked_for

    def route_class(self) -> type[APIRoute]:
        """A route that tells errors as a page, or as JSON where JSON was asked for."""
        site = self

        class Page(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                answer = super().get_route_handler()

                async def told(request: Request) -> Response:
                    return await small(request, await full(request))

                async def full(request: Request) -> Response:
                    try:
                        return await answer(request)
                    except SignInNeeded:
                        return site.ask_to_sign_in(request)
                    except (ProxyError, FilterError) as problematic:
                        error = unfit(problematic) if isinstance(problematic, FilterError) else problematic
                        return await site._told(request, error)
                    except AWAY as away:
                        if request.method != "POST":
                            raise
                        _log.warning("a form was not taken: the database is away (%s)", type(away).__name__)
                        return await site._told(request, Unavailable(BUSY))

                return told

        return Page

    async def _told(self, request: Request, error: ProxyError) -> Response:
        """An error, as a page or as JSON: with what was typed into the form, if one was sent."""
        if request.url.path.endswith(".json"):
            return problem(error)
        reader = await run_in_threadpool(self._still_there, request)
        return self.pages.problem(error, reader, await self._typed(request, reader))

    async def _typed(self, request: Request, reader: Reader | None) -> Typed | None:
        """What a form held, for who sent it from a page of ours."""
        if request.method != "POST":
            return None
        try:
            form = await read_fields(request)
            if reader is None:
                self.check_form(request, form)
        except ProxyError:
            return None
        return typed(form.pairs)

    def _still_there(self, request: Request) -> Reader | None:
        """Who is there, for a page that tells a problem; nobody while that cannot be said."""
        try:
            return self.signed_in(request)
        except (ProxyError, *AWAY):
            return None

    def ask_to_sign_in(self, request: Request) -> Response:
        """The way to the sign-in form, and from there back to this page."""
        query = f"?{request.url.query}" if request.url.query else ""
        target = safe_next(quote(request.url.path) + query) if request.method == "GET" else HOME
        if request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET":
            # A link from another site comes without our strict cookie. Asked for again by our own page, it
            # comes with it, and whoever is signed in need not sign in again.
            return self.pages.html("again.html", {"reader": None, "target": target})
        return redirect(f"{HOME}/login" + (f"?next={quote(target, safe='')}" if target != HOME else ""))

    def called(self, authors: Iterable[str | None]) -> Mapping[str, str]:
        """What a page calls each of these authors: a person by the account's display name, a key by its id."""
        every = {author for author in authors if author}
        return {author: author.removeprefix(PERSON) for author in every} | {**displays(self.store, every)}

    def check_form(self, request: Request, form: dict[str, str]) -> None:
        """Raises Forbidden unless a form was made for whoever sends it."""
        self.sessions.check_form(request.cookies.get(COOKIE, ""), form.get("token", ""))


async def small(request: Request, answer: Response) -> Response:
    """The answer, compressed where it is worth it and safe. For the event loop: the work is done in a thread."""
    if "content-encoding" in answer.headers or not isinstance(answer.body, bytes) or len(answer.body) < LEAST:
        return answer
    answer.headers["vary"] = "accept-encoding, sec-fetch-site"
    if may_shrink(request.headers):
        answer.body = await run_in_threadpool(shrunk, answer.body)
        answer.headers["content-encoding"] = "gzip"
        answer.headers["content-length"] = str(len(answer.body))
    return answer


def as_json(value: Any) -> Response:
    """Data, under the same protection as a page."""
    answer = reply(value)
    answer.headers.update(HEADERS)
    return answer
