"""Revealing what was said before the guardrails: leave for a part of a trace, its bytes, and who had leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import Route, allowed, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, Forbidden, Gone, NotFound, RateLimited, plain_name, plain_param
from proxy.exchange import Principal
from proxy.raw import PARTS
from proxy.roles import Permission, tenant_of
from proxy.store import reveals

BODY_BYTES = 16 << 10
Found = TypeVar("Found")


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=Route)
    may_reveal = Depends(allowed(context, Permission.TRACES_REVEAL))
    auditor = Depends(allowed(context, Permission.AUDIT_READ))

    @routes.post("/api/traces/{id}/reveal")
    def ask(
        id: str, who: Principal = may_reveal, body: dict[str, Any] = Depends(json_body(BODY_BYTES))
    ) -> Response:
        """Leave to read a part of a trace as it was, for the key that asks and for a while."""
        for name in body:
            if name not in ("part", "reason"):
                raise BadRequest(
                    f"{plain_name(name)} is unknown. Known: part, reason.", param=plain_param(name)
                )
        grant = granted(context, who, id, body.get("part"), body.get("reason"))
        return reply({"grant": grant.id, "expires": told_moment(grant.expires_us)}, 201)

    @routes.get("/api/traces/{id}/raw/{part}")
    def raw(id: str, part: str, request: Request, who: Principal = may_reveal) -> Response:
        """The bytes of a part, as they were."""
        found = revealed(context, who, id, part, request.query_params.get("grant", ""))
        headers = {
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "content-disposition": f"attachment; filename={part}.bin",
            "x-guardhouse-cut": "true" if found.cut else "false",
        }
        return Response(found.data, 200, headers, "application/octet-stream")

    @routes.get("/api/traces/{id}/reveals")
    def of_trace(id: str, who: Principal = auditor) -> Response:
        """Who had leave to read what of a trace, and why, newest first."""
        return reply({"data": reveals.reveals(context.store, id, tenant_of(who))})

    @routes.get("/api/reveals")
    def all_of_them(who: Principal = auditor) -> Response:
        """The same of all traces."""
        return reply({"data": reveals.reveals(context.store, None, tenant_of(who))})

    return routes


def granted(context: Context, who: Principal, id: str, part: Any, reason: Any) -> reveals.Grant:
    """Leave for a key to read a part. Raises BadRequest, NotFound, Gone or RateLimited."""
    if part not in PARTS:
        raise BadRequest(f"part takes one of {', '.join(PARTS)}.", param="part")
    try:
        why = reveals.checked_reason(reason if isinstance(reason, str) else "")
    except ValueError as error:
        raise BadRequest(str(error), param="reason") from None
    limits = context.config.reveal
    wanted = reveals.Wanted(id, part, who.key_id, who.tenant)
    return _tried(lambda: reveals.ask(context.store, wanted, why, limits.ttl_s, limits.per_hour))


def revealed(context: Context, who: Principal, id: str, part: str, grant: str) -> reveals.Revealed:
    """A part as it was, for the key that has leave. Raises Forbidden, NotFound, Gone or RateLimited."""
    wanted = reveals.Wanted(id, part, who.key_id, who.tenant)
    return _tried(lambda: reveals.read(context.store, wanted, grant, context.config.reveal.per_hour))


def told_moment(microseconds: int) -> str:
    """A moment in RFC 3339."""
    return (
        datetime.fromtimestamp(microseconds / 1e6, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )


def _tried(work: Callable[[], Found]) -> Found:
    try:
        return work()
    except reveals.NotThere:
        raise NotFound(
            "There is no such trace, or nothing was kept of this part from before masking."
        ) from None
    except reveals.Gone:
        raise Gone("What was kept of this part is gone: its time was over, or it was erased.") from None
    except reveals.NoGrant:
        raise Forbidden("This grant is not for this key and part, or its time is over. Ask again.") from None
    except reveals.TooMany:
        message = "This key has revealed as often as it may within an hour. Try again later."
        raise RateLimited(message, headers={"retry-after": "600"}) from None
