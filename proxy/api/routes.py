"""The management API in one router."""

from __future__ import annotations

from fastapi import APIRouter

from proxy.api import (
    config,
    feedback,
    health,
    keys,
    prompts,
    retrievals,
    runs,
    sessions,
    traces,
    usage,
)
from proxy.context import Context

PARTS = (traces, sessions, runs, config, prompts, keys, usage, retrievals, feedback, health)


def build_router(context: Context) -> APIRouter:
    """Every route of one running proxy that is neither `/v1` nor a page."""
    routes = APIRouter()
    for part in PARTS:
        routes.include_router(part.router(context))
    return routes
