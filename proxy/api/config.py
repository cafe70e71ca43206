"""`/api/config`, `/api/policies` and `/api/reload`: what is in force, and reading it again."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Response

from guardrails.errors import GuardrailsError
from proxy.api.deps import Route, allowed, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, ConfigError
from proxy.exchange import Principal
from proxy.roles import Permission
from proxy.shown import shown


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=Route)
    reads = Depends(allowed(context, Permission.POLICIES_READ))

    @routes.get("/api/config", dependencies=[reads])
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

    @routes.get("/api/policies", dependencies=[reads])
    def in_force() -> Response:
        """The labels of the policies in force, the default first, and why the last load failed."""
        return reply({"in_force": context.policies.labels(), "trouble": context.reloads.trouble})

    @routes.post("/api/reload")
    async def reload(
        who: Principal = Depends(allowed(context, Permission.POLICIES_WRITE)),
    ) -> Response:
        """Reads the configuration and all it names again. 400 with file, line and reason when it cannot be used."""
        try:
            done = await context.reloads.reload(who)
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
