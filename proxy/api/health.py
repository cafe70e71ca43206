"""`/healthz`, `/readyz` and `/metrics`: is it up, can it do its work, how is it doing."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from proxy.api.deps import Route, local, principal, reply
from proxy.context import Context
from proxy.readiness import Readiness


def router(context: Context) -> APIRouter:
    """The routes for probes and scrapers."""
    routes = APIRouter(route_class=Route)
    readiness = Readiness(context)

    @routes.get("/healthz")
    async def alive() -> Response:
        """The process answers. Says nothing about what it depends on: a restart would not cure that."""
        return reply({"status": "ok"})

    @routes.get("/readyz")
    def ready() -> Response:
        """Whether it can serve and keep its promises; 503 with the reasons when not."""
        found = readiness.look()
        body = {
            "status": "not ready" if found.reasons else "ok",
            "policy": context.policies.label,
            "config": context.config.revision,
            "reasons": found.reasons,
            "degraded": found.degraded,
        }
        return reply(body, 503 if found.reasons else 200)

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        """Prometheus' text format; for this machine, or with an admin key."""
        if not local(request):
            principal(context, request)
        body, content_type = context.metrics.render()
        return Response(body, media_type=content_type)

    return routes
