"""`/api/prompts`: which prompt templates requests may name, and how they are spread over versions."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from proxy.api.deps import Route, administrator, reply
from proxy.context import Context


def router(context: Context) -> APIRouter:
    """The route, for administrators only."""
    routes = APIRouter(route_class=Route, dependencies=[Depends(administrator(context))])

    @routes.get("/api/prompts")
    def known() -> Response:
        """Every prompt with its versions, their hashes, and the share of requests that each gets."""
        folder = context.prompts.folder
        return reply({"folder": None if folder is None else str(folder), "prompts": context.prompts.listed()})

    return routes
