"""What is one's own: what one may do here, one's password, and where one is signed in."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.users import signed_in
from proxy.errors import BadRequest, Forbidden, ProxyError, Unauthorized
from proxy.managing import FAULTS, told
from proxy.passwords import LONGEST_BYTES, SHORTEST, checked
from proxy.review.doors import ME, checked_person
from proxy.review.forms import read_form
from proxy.review.pages import redirect
from proxy.review.site import Reader, Site, as_json
from proxy.roles import permissions
from proxy.store import accounts, visits
from proxy.store.accounts import Change, Under
from proxy.store.visits import Visitor

_DONE = {
    "password": "The new password holds. Everywhere else you are signed out.",
    "out": "You are signed out there.",
}


def add(routes: APIRouter, site: Site) -> None:
    """The page, and what is done there. Whoever is signed in may see it: it shows nothing but what is theirs."""
    anybody, filled = Depends(site.reader), Depends(read_form)

    @routes.get("/me")
    def me(request: Request, reader: Reader = anybody) -> Response:
        """Who one is here."""
        return _page(site, reader, done=_DONE.get(request.query_params.get("done", "")))

    @routes.get("/me.json")
    def me_json(reader: Reader = anybody) -> Response:
        """The same as data."""
        person = reader.person
        return as_json(
            {
                "id": reader.who.key_id,
                "tenant": reader.tenant,
                "permissions": sorted(permissions(reader.who)),
                "account": person.account.document() if person else None,
                "visits": signed_in(visits.visits(site.store, person.account.name)) if person else [],
            }
        )

    @routes.post("/me/password")
    def password(request: Request, reader: Reader = anybody, form: dict[str, str] = filled) -> Response:
        """Another password; the visits elsewhere end."""
        site.check_form(request, form)
        person = _person(reader)
        try:
            _set_password(site, request, person, form)
        except Unauthorized:
            return _page(site, reader, BadRequest("Your password as it is now is another one."))
        except ProxyError as error:
            return _page(site, reader, error)
        except FAULTS as error:
            return _page(site, reader, told(error))
        return redirect(f"{ME}?done=password")

    @routes.post("/me/sign-out")
    def sign_out(request: Request, reader: Reader = anybody, form: dict[str, str] = filled) -> Response:
        """End one of one's own visits, or all but this one."""
        site.check_form(request, form)
        person = _person(reader)
        only = form.get("visit") or None
        keep = None if only else person.visit.id
        visits.end_all(site.store, person.account, reader.who.key_id, only=only, keep=keep)
        return redirect(f"{ME}?done=out")


def _set_password(site: Site, request: Request, person: Visitor, form: dict[str, str]) -> None:
    """Raises ProxyError or one of FAULTS; then the password is as it was."""
    name, new = person.account.name, form.get("new", "")
    if person.account.password is None:
        raise Forbidden("You sign in through an identity provider: there is no password here to change.")
    if new != form.get("again", ""):
        raise BadRequest("The two new passwords are not the same.")
    checked(new, name)
    account = checked_person(site, request, name, form.get("password", ""))
    accounts.change(
        site.store,
        name,
        Change(password=site.hashing.hashed(new)),
        Under(account.author, None, account.revision, other_way=True, keep=person.visit.id),
    )


def _person(reader: Reader) -> Visitor:
    if reader.person is None:
        raise Forbidden("You are signed in with a key: it has no password, and nothing else to change here.")
    return reader.person


def _page(site: Site, reader: Reader, error: ProxyError | None = None, done: str | None = None) -> Response:
    person = reader.person
    values: dict[str, Any] = {
        "reader": reader,
        "person": person.account if person else None,
        "here": person.visit.id if person else "",
        "visits": visits.visits(site.store, person.account.name) if person else [],
        "permissions": sorted(permissions(reader.who)),
        "shortest": SHORTEST,
        "longest": LONGEST_BYTES,
        "error": error and error.message,
        "done": done,
    }
    return site.pages.html("me.html", values, error.status if error else 200)
