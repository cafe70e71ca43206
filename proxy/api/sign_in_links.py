"""`/api/sign-in-links`: a link that signs its reader in to the pages once, as the key that asked for it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from proxy.api.deps import Route, allowed, reply
from proxy.context import Context
from proxy.exchange import Principal
from proxy.key_terms import told_time
from proxy.roles import Permission
from proxy.store import sign_in_links


def router(context: Context) -> APIRouter:
    """The route `/api/sign-in-links`."""
    routes = APIRouter(prefix="/api/sign-in-links", route_class=Route)

    @routes.post("")
    def make(who: Principal = Depends(allowed(context, Permission.KEYS_WRITE))) -> Response:
        """What a page's address takes behind `#link=`: good once, for ten minutes."""
        link, until_us = sign_in_links.make(context.store, who.key_id, who.tenant)
        return reply({"link": link, "expires": told_time(until_us)}, 201)

    return routes
