"""`/api/sessions`: one agent run or conversation, its exchanges in order."""

from __future__ import annotations

import re

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import Route, administrator, reply
from proxy.api.traces import limit_of
from proxy.context import Context
from proxy.errors import BadRequest, Code, NotFound
from proxy.store import queries, sessions

_RUN = re.compile(r"[0-9a-f]{32}")
KNOWN = ("limit", "after")
"""The query parameters of `GET /api/sessions/{run_id}`."""


def router(context: Context) -> APIRouter:
    """The route below `/api/sessions`."""
    routes = APIRouter(prefix="/api/sessions", route_class=Route)
    admin = Depends(administrator(context))

    @routes.get("/{run_id}", dependencies=[admin])
    def read_run(run_id: str, request: Request) -> Response:
        """A run with a page of its exchanges, its tool calls and what is missing."""
        asked = request.query_params
        for name in asked:
            if name not in KNOWN:
                message = f"Query parameter {name[:64]!r} is unknown. Known: {', '.join(KNOWN)}."
                raise BadRequest(message, param=name[:64], code=Code.UNKNOWN_PARAMETER)
        limit = limit_of(asked, str(queries.MOST))
        if not _RUN.fullmatch(run_id):
            raise _no_run()
        try:
            found = sessions.read_run(
                context.store, run_id, context.config.run_idle_s, limit, asked.get("after")
            )
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        if found is None:
            raise _no_run()
        return reply(found)

    return routes


def _no_run() -> NotFound:
    return NotFound("There is no run with this id.")
