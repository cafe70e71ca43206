"""`/api/audit`: the acts in the audit log, for auditors."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import Route, allowed, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, plain_name, plain_param
from proxy.exchange import Principal
from proxy.roles import Permission, tenant_of
from proxy.store import audit

_KNOWN = ("limit", "before")


def router(context: Context) -> APIRouter:
    """The route."""
    routes = APIRouter(prefix="/api/audit", route_class=Route)

    @routes.get("")
    def list_acts(
        request: Request, who: Principal = Depends(allowed(context, Permission.AUDIT_READ))
    ) -> Response:
        """Acts newest first; `before` takes the `next` of an earlier answer."""
        for name in request.query_params:
            if name not in _KNOWN:
                message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(_KNOWN)}."
                raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
        limit = _number(request, "limit", audit.MOST) or 100
        before = _number(request, "before", (1 << 63) - 1)
        found = audit.acts(context.store, limit, before, tenant_of(who))
        return reply({"data": found, "next": str(found[-1]["seq"]) if len(found) == limit else None})

    return routes


def _number(request: Request, name: str, most: int) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not 1 <= int(text) <= most:
        raise BadRequest(f"{name} takes a number from 1 to {most}.", param=name)
    return int(text)
