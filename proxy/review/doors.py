"""Signing in to the reviewer's pages, with a name and a password or with a key, and out again."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Depends, Request, Response

from proxy.errors import Forbidden, ProxyError, RateLimited, Unauthorized, Unavailable
from proxy.exchange import Principal
from proxy.passwords import LONGEST_BYTES, Busy, is_outdated
from proxy.review.forms import COOKIE, read_form
from proxy.review.pages import redirect, secure
from proxy.review.session import HOME, HOURS, first_page, safe_next
from proxy.review.site import Reader, Site
from proxy.store import accounts, sign_in_links, visits
from proxy.store.accounts import Account
from proxy.store.db import AWAY

VISIT = "guardhouse_visit"
"""Cookie of somebody who is not signed in yet: what the sign-in form's token is bound to."""
DEVICE = "guardhouse_device"
"""Cookie of a browser in which somebody has signed in: lets nobody in, but has tries of its own."""
DEVICE_DAYS = 90
ME = f"{HOME}/me"
"""Where somebody begins for whom no list is."""


def add(routes: APIRouter, site: Site) -> None:
    """Sign in and sign out."""

    @routes.get("/login")
    def ask(request: Request) -> Response:
        """The sign-in form."""
        target = safe_next(request.query_params.get("next", ""))
        if (there := site.signed_in(request)) is not None:
            return redirect(begins(there.who, target))
        return sign_in_form(site, request, target)

    @routes.post("/login")
    def sign_in(request: Request, form: dict[str, str] = Depends(read_form)) -> Response:
        """Check the password or the key; on to the page that was asked for."""
        target = safe_next(form.get("next", ""))
        address = request.client.host if request.client else ""
        name = accounts.plain_name(form.get("name", ""))
        try:
            site.sessions.check_form(request.cookies.get(VISIT, ""), form.get("token", ""))
            take(site, address)
            if link := form.get("link", ""):
                cookie = _cookie_of_link(site, link, address)
            elif name and not form.get("key"):
                return _let_person_in(site, request, name, form.get("password", ""), target)
            else:
                cookie = _cookie(site, form.get("key", "").strip(), address)
        except ProxyError as error:
            return sign_in_form(site, request, target, error)
        site.attempts.allow(address)
        holder = site.sessions.holder(cookie)
        answer = redirect(begins(holder, target) if holder else target)
        let_in(request, answer, cookie)
        return answer

    @routes.post("/logout")
    def sign_out(
        request: Request,
        reader: Reader = Depends(site.reader),
        form: dict[str, str] = Depends(read_form),
    ) -> Response:
        """End the visit, here and on the server."""
        site.check_form(request, form)
        if reader.person is not None:
            try:
                visits.end(site.store, request.cookies.get(COOKIE, ""))
            except AWAY:
                raise Unavailable("You cannot be signed out now. Try again later.") from None
        oidc = site.context.config.oidc
        through = (
            reader.person is not None and oidc is not None and reader.person.account.issuer == oidc.issuer
        )
        answer = redirect(f"{HOME}/login" + ("?left=provider" if through else ""))
        answer.delete_cookie(COOKIE, path="/")
        return answer


def begins(who: Principal, target: str) -> str:
    """Where somebody who has signed in goes on: the page asked for, else the first that is for them."""
    return target if target != HOME else first_page(who) or ME


def take(site: Site, address: str) -> None:
    """Count a try of an address. Raises RateLimited when there were too many."""
    if wait := site.attempts.take(address):
        raise _too_many(wait)


def checked_person(site: Site, request: Request, name: str, password: str) -> Account:
    """The account that has this name and password. Raises Unauthorized, RateLimited or Unavailable.

    Unknown names, accounts without a password and disabled ones take as long and are told as wrong passwords are.
    """
    known = site.sessions.device_of(request.cookies.get(DEVICE, ""), name)
    counted = f"device {known}" if known else f"name {name[: accounts.LONGEST]}"
    if wait := site.names.take(counted):
        raise _too_many(wait)
    try:
        account = accounts.find(site.store, name)
        kept = account.password if account and account.disabled_us is None else None
        fits = site.hashing.fits(kept, password)
    except Busy:
        raise Unavailable("Too many people sign in right now. Try again in a few seconds.") from None
    except AWAY:
        raise Unavailable("Nobody can sign in with a name now. Try again later.") from None
    if not fits or account is None:
        site.signings.refused(request.client.host if request.client else "", account)
        raise Unauthorized("Name or password is wrong, or the account was disabled.")
    site.names.forget(counted)
    return account


def _let_person_in(site: Site, request: Request, name: str, password: str, target: str) -> Response:
    account = checked_person(site, request, name, password)
    if account.password and is_outdated(account.password):
        account = _hashed_anew(site, account, password)
    answer = person_in(site, request, account, "password", target)
    device = site.sessions.device(name)
    set_cookie(request, answer, DEVICE, device, DEVICE_DAYS * 86_400)
    return answer


def person_in(site: Site, request: Request, account: Account, way: str, target: str) -> Response:
    """Begin a visit and go on to the page that was asked for. Raises Unauthorized or Unavailable."""
    address = request.client.host if request.client else ""
    try:
        secret = visits.begin(site.store, account, address, request.headers.get("user-agent", ""), way)
    except AWAY:
        raise Unavailable("Signing in cannot be noted now. Try again later.") from None
    if secret is None:
        raise Unauthorized("The account was changed meanwhile. Sign in again.")
    site.attempts.allow(address)
    answer = redirect(begins(account.principal(), target))
    let_in(request, answer, secret)
    return answer


def let_in(request: Request, answer: Response, cookie: str) -> None:
    """Give the browser the cookie of who has signed in."""
    set_cookie(request, answer, COOKIE, cookie, HOURS * 3600)
    answer.delete_cookie(VISIT, path="/")


def set_cookie(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    """A cookie that no script reads and no other site sends."""
    # Not for /review alone: `/review.json` is not below it.
    answer.set_cookie(
        name, value, max_age=seconds, path="/", secure=secure(request), httponly=True, samesite="strict"
    )


def sign_in_form(site: Site, request: Request, target: str, error: ProxyError | None = None) -> Response:
    """The form, with what went wrong."""
    visit = request.cookies.get(VISIT, "")
    fresh = not (visit.isascii() and visit.isalnum() and len(visit) == 32)
    visit = secrets.token_hex(16) if fresh else visit
    oidc = site.context.config.oidc
    values = {
        "reader": None,
        "next": target,
        "token": site.sessions.token(visit),
        "closed": site.context.keyring.closed,
        "people": _any_people(site),
        "longest": LONGEST_BYTES,
        "provider": oidc.label if oidc else None,
        "left": oidc is not None and request.query_params.get("left") == "provider",
        "error": error and error.message,
    }
    answer = site.pages.html("login.html", values, error.status if error else 200)
    if error is not None and "retry-after" in error.headers:
        answer.headers["retry-after"] = error.headers["retry-after"]
    if fresh:
        set_cookie(request, answer, VISIT, visit, HOURS * 3600)
    return answer


def _cookie(site: Site, key: str, address: str) -> str:
    """The cookie for who holds a key; that, and that somebody holds none, is noted. Raises ProxyError."""
    try:
        cookie = site.sessions.sign_in(key)
    except Unauthorized:
        site.signings.refused(address)
        raise Unauthorized("That key is not known here, or was revoked.") from None
    except Forbidden:
        site.signings.refused(address)
        raise
    site.signings.kept(site.sessions.holder(cookie), address)
    return cookie


def _cookie_of_link(site: Site, link: str, address: str) -> str:
    """The cookie for whom a link signs in, once; that is noted, and that it was no good. Raises ProxyError."""
    try:
        key_id = sign_in_links.use(site.store, link)
    except AWAY:
        raise Unavailable("Nobody can sign in with a link now. Try again later.") from None
    found = None if key_id is None else site.context.keyring.holder(key_id)
    if found is None:
        site.signings.refused(address)
        raise Unauthorized("This link was used already, or is too old. Sign in with the key.")
    site.signings.kept(found[0], address)
    return site.sessions.sign_in_as(found[0])


def _hashed_anew(site: Site, account: Account, password: str) -> Account:
    """The same account, its password kept at today's price; as it is where somebody changed it meanwhile."""
    try:
        hashed = site.hashing.hashed(password)
        return accounts.rehash(site.store, account, hashed) or account
    except (Busy, *AWAY):
        return account


def _any_people(site: Site) -> bool:
    """Whether anybody may have an account."""
    try:
        return accounts.any_accounts(site.store)
    except AWAY:
        return True


def _too_many(wait: int) -> RateLimited:
    return RateLimited(f"Too many attempts. Try again in {wait} seconds.", headers={"retry-after": str(wait)})
