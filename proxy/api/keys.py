"""`/api/keys`: virtual keys, made, listed, changed and revoked by those who manage keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Response

from proxy.api.deps import Route, allowed, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, Forbidden, NotFound, plain_name, plain_param
from proxy.exchange import Principal
from proxy.key_terms import FREE, MEMBERS, Terms, check_terms, parse_terms
from proxy.permits import known_keys
from proxy.roles import Permission, tenant_of
from proxy.store import keys

KEY_BYTES = 64 << 10
WHO = ("name", "tenant", "admin")
"""Members of a new key beside its terms: they cannot be changed."""
_LONGEST = 128
Made = TypeVar("Made")


def router(context: Context) -> APIRouter:
    """The routes below `/api/keys`."""
    routes = APIRouter(prefix="/api/keys", route_class=Route)
    manager = Depends(allowed(context, Permission.KEYS_WRITE))
    given = Depends(json_body(KEY_BYTES))

    @routes.get("")
    def list_keys(who: Principal = manager) -> Response:
        """Every key there ever was that is theirs to manage, oldest first: never the keys themselves."""
        return reply({"data": [key.document() for key in keys.list_keys(context.store, tenant_of(who))]})

    @routes.post("")
    def create_key(who: Principal = manager, body: dict[str, Any] = given) -> Response:
        """Make a key. Its secret is in this answer and nowhere else."""
        _check_members(body, (*WHO, *MEMBERS))
        name, tenant = _text(body, "name"), _text(body, "tenant", tenant_of(who) or "default")
        admin = body.get("admin", False)
        if not isinstance(admin, bool):
            raise BadRequest("admin takes true or false.", param="admin")
        _check_reach(who, tenant, admin)
        terms = _checked(context, body, FREE)
        made = _tried(partial(keys.create_key, context.store, name, tenant, admin, terms, who.key_id))
        _refresh(context)
        return reply({"key": made.secret, **made.stored.document()}, 201)

    @routes.patch("/{id}")
    def update_key(id: str, who: Principal = manager, body: dict[str, Any] = given) -> Response:
        """Change what a key may do: a JSON merge patch of its terms. Its secret stays."""
        _check_members(body, MEMBERS)
        changed = _tried(
            partial(
                keys.update_key,
                context.store,
                id,
                partial(_checked, context, body),
                who.key_id,
                tenant_of(who),
            )
        )
        if changed is None:
            raise _no_key()
        _refresh(context)
        return reply(changed.document())

    @routes.post("/{id}/revoke")
    def revoke_key(id: str, who: Principal = manager) -> Response:
        """Make a key useless from now on."""
        if not keys.revoke_key(context.store, id, who.key_id, tenant_of(who)):
            raise _no_key()
        _refresh(context)
        found = next(key for key in keys.list_keys(context.store) if key.key_id == id)
        return reply(found.document())

    return routes


def _refresh(context: Context) -> None:
    """In this process the change holds when the answer is read; in the others within seconds."""
    context.keyring.refresh(partial(known_keys, context))


def _check_reach(who: Principal, tenant: str, admin: bool) -> None:
    """Raises Forbidden for a key that would reach where its maker does not."""
    own = tenant_of(who)
    if own is not None and admin:
        raise Forbidden("An admin key reaches every tenant: only the admin key and admin keys make one.")
    if own is not None and tenant != own:
        raise Forbidden("You manage the keys of your own tenant.")


def _check_members(body: dict[str, Any], known: tuple[str, ...]) -> None:
    for name in body:
        if name not in known:
            message = f"{plain_name(name)} is unknown. Known: {', '.join(known)}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)


def _text(body: dict[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable():
        return value
    raise BadRequest(f"{name} takes 1 to {_LONGEST} printable characters.", param=name)


def _checked(context: Context, body: dict[str, Any], was: Terms) -> Terms:
    """The terms with what the body changes. Raises BadRequest for what cannot be meant here."""

    def parsed() -> Terms:
        terms = parse_terms({name: body[name] for name in MEMBERS if name in body}, was)
        check_terms(context.config, terms, body)
        return terms

    return _tried(parsed)


def _tried(work: Callable[[], Made]) -> Made:
    try:
        return work()
    except ValueError as error:
        raise BadRequest(str(error), param=getattr(error, "member", None)) from None


def _no_key() -> NotFound:
    return NotFound("There is no key with this id.")
