"""`/api/prompts`: which prompt templates requests may name, and how they are spread over versions."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from proxy.api.deps import Route, allowed, reply
from proxy.context import Context
from proxy.roles import Permission


def router(context: Context) -> APIRouter:
    """The route, for those who may see policies."""
    routes = APIRouter(route_class=Route, dependencies=[Depends(allowed(context, Permission.POLICIES_READ))])

    @routes.get("/api/prompts")
    def known() -> Response:
        """Every prompt with its versions, their hashes, and the share of requests that each gets."""
        folder = context.prompts.folder
        return reply({"folder": None if folder is None else str(folder), "prompts": context.prompts.listed()})

    return routes
