"""Every page below `/review`, in one router. Each page also answers `.json`."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from proxy.context import Context
from proxy.errors import NotFound
from proxy.review import (
    bulk,
    candidates,
    claiming,
    doors,
    drafts,
    eval_runs,
    golden,
    groups,
    me,
    oidc,
    overview,
    people,
    policies,
    queue,
    queues,
    reveals,
    saved,
    saying,
    timeline,
    trace,
)
from proxy.review.session import HOME
from proxy.review.site import Site

PARTS = (
    doors,
    overview,
    queue,
    saved,
    groups,
    bulk,
    trace,
    eval_runs,
    reveals,
    saying,
    candidates,
    golden,
    drafts,
    policies,
    timeline,
    queues,
    claiming,
    oidc,
    me,
    people,
)
"""The modules with pages: each has `add(routes, site)`."""


def build_router(context: Context) -> APIRouter:
    """The pages of one running proxy."""
    site = Site(context)
    routes = APIRouter(prefix=HOME, route_class=site.route_class())
    for part in PARTS:
        part.add(routes, site)

    @routes.get("/static/{name}")
    def static(name: str, request: Request) -> Response:
        """A style sheet, script or icon: the same for everybody, signed in or not."""
        return site.pages.asset(name, request.headers)

    @routes.get("/{rest:path}", dependencies=[Depends(site.reader)])
    def nothing(rest: str) -> Response:
        """Any other address."""
        raise NotFound("There is no such page.")

    return routes
