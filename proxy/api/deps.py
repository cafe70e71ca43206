"""What the management routes share: who may use them, how a body is read, how an answer and an error look."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.routing import APIRoute

from proxy.context import Context
from proxy.errors import BadRequest, Code, Forbidden, PayloadTooLarge, ProxyError, Unavailable, openai_body
from proxy.exchange import Principal
from proxy.permits import check_calls
from proxy.recorder import NotRecorded
from proxy.roles import ADMIN_KEY, MAY, Permission, Role, may, tenant_of
from proxy.store.bodies import encode
from proxy.store.filters import EVERYTHING, Filter, of

LOOPBACK = ("127.0.0.1", "::1")
_HERE = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?", re.I)
_PASSED_ON = ("forwarded", "x-forwarded-", "x-real-ip", "via", "x-client-ip", "true-client-ip", "cf-")
"""How the headers begin that reverse proxies add."""


class Route(APIRoute):
    """A route whose errors are told in OpenAI's envelope, whatever app it is mounted in."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's callable, with its errors rendered."""
        answer = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await answer(request)
            except ProxyError as error:
                return problem(error)

        return told


def problem(error: ProxyError) -> Response:
    """An error as the caller gets it."""
    return Response(openai_body(error), error.status, error.headers, "application/json")


def reply(value: Any, status: int = 200) -> Response:
    """A JSON answer. Traces hold hostile text, so no browser may take it for anything else."""
    headers = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
    return Response(encode(value), status, headers, "application/json")


def principal(context: Context, request: Request, permission: Permission) -> Principal:
    """Who sends this request and has the permission. Raises Unauthorized or Forbidden for everybody else."""
    found: Principal = context.keyring.principal(request.headers.get("authorization"))
    check(found, permission)
    return found


def check(who: Principal, *permissions: Permission) -> None:
    """Raises Forbidden, naming the roles that would do, when a key has none of the permissions."""
    if not any(may(who, each) for each in permissions):
        roles = " or ".join(role for role in Role if MAY[role] & {*permissions})
        other = ", or an admin key" if ADMIN_KEY & {*permissions} else ""
        raise Forbidden(
            f"This needs the permission {' or '.join(permissions)}: a key with the role {roles or 'none'}{other}."
        )


def own(who: Principal) -> Filter:
    """The traces that a key may see, whatever it asks for, without judgements that are hidden from who has it."""
    tenant = tenant_of(who)
    return replace(EVERYTHING if tenant is None else of(tenant=tenant), reader=who.key_id)


def allowed(context: Context, permission: Permission) -> Callable[[Request], Principal]:
    """`principal` as a FastAPI dependency: every management route has one."""

    def asked(request: Request) -> Principal:
        return principal(context, request, permission)

    return asked


def caller(context: Context) -> Callable[[Request], Principal]:
    """Whoever holds a key that may call, as a FastAPI dependency. Raises Unauthorized or Forbidden for all others."""

    def asked(request: Request) -> Principal:
        found: Principal = context.keyring.principal(request.headers.get("authorization"))
        check_calls(found)
        return found

    return asked


async def kept(context: Context, documents: list[dict[str, Any]]) -> None:
    """Returns when documents are on disk. Raises Unavailable when they cannot be put there."""
    try:
        context.recorder.take(documents)
        await context.recorder.written(documents[-1]["id"])
    except NotRecorded:
        raise Unavailable(
            "It could not be kept. Send it again later.", headers={"retry-after": "5"}
        ) from None


def local(request: Request) -> bool:
    """Whether the request comes from this machine itself: not through a reverse proxy, nor from a page of elsewhere.

    A page whose name leads to this machine (DNS rebinding) says its own name as the host.
    """
    forwarded = any(name.startswith(_PASSED_ON) for name in request.headers)
    named = _HERE.fullmatch(request.headers.get("host", ""))
    here = request.client is not None and request.client.host in LOOPBACK
    return here and named is not None and not forwarded


def json_body(limit: int) -> Callable[[Request], Awaitable[dict[str, Any]]]:
    """A dependency: the request's JSON object. Raises PayloadTooLarge over `limit` bytes, else BadRequest."""

    async def read(request: Request) -> dict[str, Any]:
        data = bytearray()
        async for chunk in request.stream():
            data += chunk
            if len(data) > limit:
                raise PayloadTooLarge(f"The body is over {limit} bytes.")
        try:
            body = orjson.loads(bytes(data))
        except orjson.JSONDecodeError:
            raise BadRequest("The body is not JSON.", code=Code.INVALID_JSON) from None
        if not isinstance(body, dict):
            raise BadRequest("The body is not a JSON object.", code=Code.INVALID_TYPE)
        return body

    return read
