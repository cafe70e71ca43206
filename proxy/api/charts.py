"""`GET /api/charts`: what happened over time, from the rollups."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import Route, allowed, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, Forbidden, plain_name, plain_param
from proxy.exchange import Principal
from proxy.roles import Permission, tenant_of
from proxy.store import charts, queries

_ONLY = ("tenant", "model", "team", "policy")
KNOWN = ("metric", "by", "since", "until", "step", "shadow", *_ONLY)
"""The query parameters of `GET /api/charts`."""


def router(context: Context) -> APIRouter:
    """The route; for those who may."""
    routes = APIRouter(route_class=Route)
    viewer = Depends(allowed(context, Permission.TRACES_READ))

    @routes.get("/api/charts")
    def chart(request: Request, who: Principal = viewer) -> Response:
        """One metric by hour or day, as one series or one for each value of something."""
        try:
            return reply(charts.chart(context.store, asked_for(request.query_params, tenant_of(who))))
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None

    return routes


def asked_for(given: Mapping[str, str], tenant: str | None = None) -> charts.Asked:
    """What query parameters ask for. Raises BadRequest, Forbidden for another tenant, QueryError."""
    for name in given:
        if name not in KNOWN:
            message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(KNOWN)}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
    if given.get("shadow", "false") not in ("true", "false"):
        raise BadRequest("shadow takes true or false.", param="shadow")
    only = {name: given[name] for name in _ONLY if name in given}
    if tenant is not None and only.setdefault("tenant", tenant) != tenant:
        raise Forbidden("This key sees its own tenant alone. Leave tenant out.")
    since, until = (
        queries.moment(name, given[name]) if name in given else None for name in ("since", "until")
    )
    return charts.Asked(
        metric=given.get("metric", "requests"),
        by=given.get("by"),
        since_us=since,
        until_us=until,
        step=given.get("step"),
        only=only,
        shadow=given.get("shadow") == "true",
    )
