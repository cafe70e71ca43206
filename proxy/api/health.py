"""`/healthz`, `/readyz` and `/metrics`: is it up, can it do its work, how is it doing."""

from __future__ import annotations

from hmac import compare_digest

from fastapi import APIRouter, Request, Response

from proxy.api.deps import Route, local, principal, reply
from proxy.context import Context
from proxy.readiness import Readiness
from proxy.roles import Permission


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

    @routes.get("/readyz/serving")
    def serving() -> Response:
        """Whether it takes requests: what a load balancer asks. A database that is away is no reason not to."""
        reasons = dict(context.ready())
        if not context.recorder.accepting:
            reasons["recorder"] = "the spool is full"
        return reply(
            {"status": "not ready" if reasons else "ok", "reasons": reasons}, 503 if reasons else 200
        )

    @routes.get("/metrics")
    def metrics(request: Request) -> Response:
        """Prometheus' text format; for this machine, with the metrics key, or with a key that may see usage."""
        if not local(request) and not _scrapes(context, request):
            principal(context, request, Permission.USAGE_READ)
        body, content_type = context.metrics.render()
        return Response(body, media_type=content_type)

    return routes


def _scrapes(context: Context, request: Request) -> bool:
    """Whether the request has the key that is for numbers alone."""
    key = context.settings.metrics_key
    if key is None:
        return False
    expected = b"Bearer " + key.get_secret_value().encode()
    return compare_digest(request.headers.get("authorization", "").encode("utf-8", "replace"), expected)
