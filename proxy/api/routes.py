"""The management API in one router."""

from __future__ import annotations

from fastapi import APIRouter

from proxy.api import (
    audit,
    bulk,
    charts,
    comments,
    config,
    export,
    feedback,
    golden,
    health,
    keys,
    prompts,
    retrievals,
    reveals,
    reviews,
    runs,
    sessions,
    sign_in_links,
    subjects,
    traces,
    usage,
    users,
)
from proxy.context import Context

PARTS = (
    audit,
    bulk,
    charts,
    comments,
    export,
    traces,
    subjects,
    reveals,
    reviews,
    sessions,
    runs,
    golden,
    config,
    prompts,
    keys,
    sign_in_links,
    users,
    usage,
    retrievals,
    feedback,
    health,
)


def build_router(context: Context) -> APIRouter:
    """Every route of one running proxy that is neither `/v1` nor a page."""
    routes = APIRouter()
    for part in PARTS:
        routes.include_router(part.router(context))
    return routes
