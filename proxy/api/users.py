"""`/api/users`: the people who sign in, let in, changed and shut out by those who manage people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import Route, allowed, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, plain_name, plain_param
from proxy.exchange import Principal
from proxy.managing import FAULTS, has_other_way, not_there, role_named, tenant_for, told
from proxy.passwords import Hashing, checked
from proxy.roles import Permission, tenant_of
from proxy.store import accounts, visits
from proxy.store.accounts import Account, Change, NewAccount, Under

USER_BYTES = 16 << 10
NEW = ("name", "role", "tenant", "display", "password")
CHANGED = ("role", "display", "disabled", "password", "revision")
ASKED = ("role", "state", "after")
STATES = ("active", "invited", "disabled")


def router(context: Context) -> APIRouter:
    """The routes below `/api/users`."""
    routes = APIRouter(prefix="/api/users", route_class=Route)
    manager = Depends(allowed(context, Permission.USERS_WRITE))
    given = Depends(json_body(USER_BYTES))
    hashing = Hashing()

    @routes.get("")
    def list_users(request: Request, who: Principal = manager) -> Response:
        """The people of one's tenant by name, those after `after`; `more` when there are others."""
        query = dict(request.query_params)
        _check_members(query, ASKED)
        state = query.get("state")
        if state not in (None, *STATES):
            raise BadRequest(f"state takes one of: {', '.join(STATES)}.", param="state")
        role = query.get("role")
        found = accounts.accounts(
            context.store,
            tenant_of(who),
            role=None if role is None else _tried(lambda: role_named(role)),
            state=state,
            after=query.get("after", "").replace("\0", ""),
            limit=accounts.MOST + 1,
        )
        shown = found[: accounts.MOST]
        return reply({"data": [each.document() for each in shown], "more": len(found) > len(shown)})

    @routes.post("")
    def create_user(who: Principal = manager, body: dict[str, Any] = given) -> Response:
        """Let somebody in. Without a password the person comes through the identity provider, by verified e-mail."""
        _check_members(body, NEW)
        password, name = body.get("password"), _text(body, "name") or ""

        def made() -> Account:
            new = NewAccount(
                accounts.plain_name(name),
                role_named(_text(body, "role") or ""),
                tenant_for(_text(body, "tenant"), tenant_of(who)),
                _text(body, "display") or "",
                None if password is None else hashing.hashed(checked(_text(body, "password") or "", name)),
            )
            return accounts.create(context.store, new, who.key_id)

        return reply(_tried(made).document(), 201)

    @routes.get("/{name}")
    def show_user(name: str, who: Principal = manager) -> Response:
        """One of them, and where the person is signed in."""
        found = accounts.find(context.store, name, tenant_of(who))
        if found is None:
            raise not_there()
        return reply({**found.document(), "visits": signed_in(visits.visits(context.store, name))})

    @routes.patch("/{name}")
    def change_user(name: str, who: Principal = manager, body: dict[str, Any] = given) -> Response:
        """Change what is named. With `revision`, only if nobody else changed the account since."""
        _check_members(body, CHANGED)
        found = _tried(lambda: _changed(context, hashing, who, name, body))
        if found is None:
            raise not_there()
        return reply(found.document())

    return routes


def _changed(
    context: Context, hashing: Hashing, who: Principal, name: str, body: dict[str, Any]
) -> Account | None:
    """The account with what a body changes; None when it is not there."""
    revision, disabled = body.get("revision"), body.get("disabled")
    if revision is not None and (isinstance(revision, bool) or not isinstance(revision, int)):
        raise BadRequest("revision takes a number, as the account tells it.", param="revision")
    if disabled is not None and not isinstance(disabled, bool):
        raise BadRequest("disabled takes true or false.", param="disabled")
    role, password = _text(body, "role"), _text(body, "password")
    # Looked at first: a password costs much, and nothing where nobody is.
    if accounts.find(context.store, name, tenant_of(who)) is None:
        return None
    wanted = Change(
        role=None if role is None else role_named(role),
        display=_text(body, "display"),
        disabled=disabled,
        password=None if password is None else hashing.hashed(checked(password, name)),
    )
    under = Under(who.key_id, tenant_of(who), revision, has_other_way(context.keyring))
    return accounts.change(context.store, name, wanted, under)


def signed_in(found: list[visits.Visit]) -> list[dict[str, Any]]:
    """Visits as they are told: nothing that lets anybody in."""
    names = ("address", "browser", "created_us", "seen_us", "expires_us")
    return [{name: getattr(each, name) for name in names} for each in found]


def _tried(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except FAULTS as error:
        raise told(error) from None


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise BadRequest(f"{name} takes a text.", param=name, code=Code.INVALID_TYPE)


def _check_members(body: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in body:
        if name not in known:
            message = f"{plain_name(name)} is unknown. Known: {', '.join(known)}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
