"""`/api/config`, `/api/policies` and `/api/reload`: what is in force, and reading it again."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request, Response

from guardrails.errors import GuardrailsError
from proxy.api.deps import Route, administrator, principal, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, ConfigError
from proxy.shown import shown


def router(context: Context) -> APIRouter:
    """The routes; all of them for administrators only."""
    routes = APIRouter(route_class=Route, dependencies=[Depends(administrator(context))])

    @routes.get("/api/config")
    def configuration() -> Response:
        """The configuration in force without its secrets, and what became of the last reload."""
        now, reloads = context.config, context.reloads
        return reply(
            {
                "revision": now.revision,
                "file": str(now.file),
                "loaded_at": datetime.fromtimestamp(reloads.loaded, UTC).isoformat(timespec="milliseconds"),
                "trouble": reloads.trouble,
                "needs_restart": reloads.needs_restart,
                "policies": context.policies.labels(),
                "config": shown(now),
            }
        )

    @routes.get("/api/policies")
    def in_force() -> Response:
        """The labels of the policies in force, the default first, and why the last load failed."""
        return reply({"in_force": context.policies.labels(), "trouble": context.reloads.trouble})

    @routes.post("/api/reload")
    async def reload(request: Request) -> Response:
        """Reads the configuration and all it names again. 400 with file, line and reason when it cannot be used."""
        try:
            done = await context.reloads.reload(principal(context, request))
        except ConfigError as error:
            raise BadRequest(_stays(error), code=Code.INVALID_CONFIG) from None
        except GuardrailsError as error:
            raise BadRequest(_stays(error), code=Code.INVALID_POLICY) from None
        return reply(
            {
                "in_force": context.policies.labels(),
                "changed": done.changed,
                "revision": context.config.revision,
                "needs_restart": done.needs_restart,
            }
        )

    return routes


def _stays(error: Exception) -> str:
    return f"The configuration in force stays, as the changed one cannot be used: {error}"
