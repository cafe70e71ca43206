"""`/api/sessions`: one agent run or conversation, its exchanges in order."""

from __future__ import annotations

import re

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import Route, allowed, reply
from proxy.api.traces import limit_of
from proxy.context import Context
from proxy.errors import BadRequest, Code, NotFound, plain_name, plain_param
from proxy.exchange import Principal
from proxy.roles import Permission, tenant_of
from proxy.store import queries, sessions

_RUN = re.compile(r"[0-9a-f]{32}")
KNOWN = ("limit", "after")
"""The query parameters of `GET /api/sessions/{run_id}`."""


def router(context: Context) -> APIRouter:
    """The route below `/api/sessions`."""
    routes = APIRouter(prefix="/api/sessions", route_class=Route)
    viewer = Depends(allowed(context, Permission.TRACES_READ))

    @routes.get("/{run_id}")
    def read_run(run_id: str, request: Request, who: Principal = viewer) -> Response:
        """A run with a page of its exchanges, its tool calls and what is missing."""
        asked = request.query_params
        for name in asked:
            if name not in KNOWN:
                message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(KNOWN)}."
                raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
        limit = limit_of(asked, str(queries.MOST))
        if not _RUN.fullmatch(run_id):
            raise _no_run()
        try:
            found = sessions.read_run(
                context.store, run_id, context.config.run_idle_s, limit, asked.get("after")
            )
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        if found is None or tenant_of(who) not in (None, found["tenant"]):
            raise _no_run()
        return reply(found)

    return routes


def _no_run() -> NotFound:
    return NotFound("There is no run with this id.")
