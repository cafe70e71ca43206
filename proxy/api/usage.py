"""`GET /api/usage`: what keys, teams, models and days used, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import Route, allowed, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, plain_name, plain_param
from proxy.roles import Permission
from proxy.store import queries, spending

KNOWN = ("by", "since", "until", "tenant")
"""The query parameters of `GET /api/usage`."""


def router(context: Context) -> APIRouter:
    """The route; for those who may see it."""
    routes = APIRouter(route_class=Route, dependencies=[Depends(allowed(context, Permission.USAGE_READ))])

    @routes.get("/api/usage")
    def used(request: Request) -> Response:
        """Sums over the traces of callers, by key, team, model or day."""
        try:
            asked = asked_for(request.query_params)
            rows = spending.usage(context.store, asked)
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        return reply({"by": asked.by, "data": rows})

    return routes


def asked_for(given: Mapping[str, str]) -> spending.Asked:
    """What query parameters ask for. Raises BadRequest for one that is unknown, QueryError for a time that is none."""
    for name in given:
        if name not in KNOWN:
            message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(KNOWN)}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
    since, until = (
        queries.moment(name, given[name]) if name in given else None for name in ("since", "until")
    )
    return spending.Asked(given.get("by", "key"), since, until, given.get("tenant"))
