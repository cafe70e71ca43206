"""The people who sign in: let in, changed and shut out by those who manage people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.users import STATES, signed_in
from proxy.errors import BadRequest, ProxyError, plain_name, plain_param
from proxy.managing import FAULTS, has_other_way, not_there, role_named, tenant_for, told
from proxy.passwords import SHORTEST, checked
from proxy.review.forms import read_form
from proxy.review.pages import redirect
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.roles import Permission, Role
from proxy.store import accounts, visits
from proxy.store.accounts import Account, Change, NewAccount, Under

PEOPLE = f"{HOME}/people"
FILTERS = ("role", "state", "after")
_DONE = {
    "added": "The account was made.",
    "changed": "The change holds from the very next request on.",
    "disabled": "The account is disabled, and signed out everywhere.",
    "enabled": "The account may sign in again.",
    "password": "The new password holds, and the account is signed out everywhere.",
    "out": "The account is signed out everywhere.",
}


def add(routes: APIRouter, site: Site) -> None:
    """The list, a page for each person, and what is done there."""
    manager = Depends(site.allowed(Permission.USERS_WRITE))
    filled = Depends(read_form)

    @routes.get("/people")
    def listed(request: Request, reader: Reader = manager) -> Response:
        """Who may sign in."""
        return _list(site, reader, request.query_params)

    @routes.get("/people.json")
    def listed_json(request: Request, reader: Reader = manager) -> Response:
        """The same as data."""
        found, more = _found(site, reader, request.query_params)
        return as_json({"data": [each.document() for each in found], "more": more})

    @routes.post("/people")
    def let_in(request: Request, reader: Reader = manager, form: dict[str, str] = filled) -> Response:
        """Make an account."""
        site.check_form(request, form)
        try:
            made = _made(site, reader, form)
        except FAULTS as error:
            return _list(site, reader, {}, told(error), form)
        return redirect(person_path(made.name, "added"))

    @routes.get("/people/{name}.json")
    def person_json(name: str, reader: Reader = manager) -> Response:
        """One person as data."""
        return as_json(
            {**_one(site, reader, name).document(), "visits": signed_in(visits.visits(site.store, name))}
        )

    @routes.get("/people/{name}")
    def person(name: str, request: Request, reader: Reader = manager) -> Response:
        """One person: what they may do, where they are signed in."""
        done = _DONE.get(request.query_params.get("done", ""))
        return _page(site, reader, _one(site, reader, name), done=done)

    @routes.post("/people/{name}")
    def change(
        name: str, request: Request, reader: Reader = manager, form: dict[str, str] = filled
    ) -> Response:
        """Another role, another display name."""
        site.check_form(request, form)
        return _changed(site, reader, name, form, "changed")

    @routes.post("/people/{name}/{act}")
    def act(
        name: str, act: str, request: Request, reader: Reader = manager, form: dict[str, str] = filled
    ) -> Response:
        """Disable, enable, set a password, sign out."""
        site.check_form(request, form)
        if act == "sign-out":
            visits.end_all(site.store, _one(site, reader, name), reader.who.key_id)
            return redirect(person_path(name, "out"))
        if act not in ("disable", "enable", "password"):
            raise not_there()
        return _changed(site, reader, name, form, {"disable": "disabled", "enable": "enabled"}.get(act, act))


def person_path(name: str, done: str = "") -> str:
    """Where a person's page is."""
    return f"{PEOPLE}/{quote(name, safe='')}" + (f"?done={done}" if done else "")


def _made(site: Site, reader: Reader, form: Mapping[str, str]) -> Account:
    name, password = accounts.plain_name(form.get("name", "")), form.get("password", "")
    new = NewAccount(
        name,
        role_named(form.get("role", "")),
        tenant_for(form.get("tenant"), reader.tenant),
        form.get("display", ""),
        site.hashing.hashed(checked(password, name)) if password else None,
    )
    return accounts.create(site.store, new, reader.who.key_id)


def _changed(site: Site, reader: Reader, name: str, form: Mapping[str, str], act: str) -> Response:
    """What a form on a person's page asks for; the page again, with what it is now, where that cannot be."""
    there = _one(site, reader, name)
    try:
        now = accounts.change(
            site.store,
            name,
            _wanted(site, name, form, act),
            Under(reader.who.key_id, reader.tenant, _revision(form), has_other_way(site.context.keyring)),
        )
    except FAULTS as error:
        return _page(site, reader, accounts.find(site.store, name, reader.tenant) or there, told(error))
    if now is None:
        raise not_there()
    return redirect(person_path(name, act))


def _wanted(site: Site, name: str, form: Mapping[str, str], act: str) -> Change:
    if act == "password":
        return Change(password=site.hashing.hashed(checked(form.get("password", ""), name)))
    if act in ("disabled", "enabled"):
        return Change(disabled=act == "disabled")
    return Change(role=role_named(form.get("role", "")), display=form.get("display", ""))


def _revision(form: Mapping[str, str]) -> int:
    told = form.get("revision", "")
    if not (told.isascii() and told.isdigit() and len(told) < 18):
        raise BadRequest("The form does not say which state of the account it is about. Reload the page.")
    return int(told)


def _one(site: Site, reader: Reader, name: str) -> Account:
    found = accounts.find(site.store, name, reader.tenant)
    if found is None:
        raise not_there()
    return found


def _found(site: Site, reader: Reader, query: Mapping[str, str]) -> tuple[list[Account], bool]:
    """The accounts that a query asks for, and whether there are more."""
    for name in query:
        if name not in FILTERS:
            raise BadRequest(
                f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(FILTERS)}.",
                param=plain_param(name),
            )
    role, state = query.get("role"), query.get("state")
    if role not in (None, *Role) or state not in (None, *STATES):
        raise BadRequest(
            f"role takes one of {', '.join(Role)}; state one of {', '.join(STATES)}.", param="role"
        )
    after = query.get("after", "").replace("\0", "")
    found = accounts.accounts(
        site.store, reader.tenant, role=role, state=state, after=after, limit=accounts.MOST + 1
    )
    return found[: accounts.MOST], len(found) > accounts.MOST


def _list(
    site: Site,
    reader: Reader,
    query: Mapping[str, str],
    error: ProxyError | None = None,
    form: Mapping[str, str] | None = None,
) -> Response:
    found, more = _found(site, reader, query)
    asked = {name: query[name] for name in ("role", "state") if name in query}
    oidc = site.context.config.oidc
    values: dict[str, Any] = {
        "reader": reader,
        "people": found,
        "asked": asked,
        "more": f"{PEOPLE}?{urlencode({**asked, 'after': found[-1].name})}" if more else None,
        "roles": list(Role),
        "role": (form or {}).get("role", Role.REVIEWER.value),
        "given": {name: (form or {}).get(name, "") for name in ("name", "display", "tenant")},
        "shortest": SHORTEST,
        "provider": oidc.label if oidc else None,
        "path": person_path,
        "error": error and error.message,
    }
    return site.pages.html("people.html", values, error.status if error else 200)


def _page(
    site: Site, reader: Reader, account: Account, error: ProxyError | None = None, done: str | None = None
) -> Response:
    values: dict[str, Any] = {
        "reader": reader,
        "person": account,
        "path": person_path(account.name),
        "visits": visits.visits(site.store, account.name),
        "roles": list(Role),
        "shortest": SHORTEST,
        "error": error and error.message,
        "done": done,
    }
    return site.pages.html("person.html", values, error.status if error else 200)
