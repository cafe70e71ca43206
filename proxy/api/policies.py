"""`/api/policies` and `/api/reload`: which policies are in force, and loading them again."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from guardrails.errors import PolicyError
from proxy.api.deps import Route, administrator, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code


def router(context: Context) -> APIRouter:
    """The routes; all of them for administrators only."""
    routes = APIRouter(route_class=Route, dependencies=[Depends(administrator(context))])

    @routes.get("/api/policies")
    def in_force() -> Response:
        """The labels of the policies in force, the default first, and why the last load failed."""
        return reply({"in_force": context.policies.labels(), "trouble": context.policies.trouble})

    @routes.post("/api/reload")
    async def reload() -> Response:
        """Reads the policies' files again. 400 with file, line and reason when they cannot be enforced."""
        try:
            changed = await context.policies.reload()
        except PolicyError as error:
            raise BadRequest(
                f"The policies in force stay, as the new ones cannot be enforced: {error}",
                code=Code.INVALID_POLICY,
            ) from None
        return reply({"in_force": context.policies.labels(), "changed": changed})

    return routes
