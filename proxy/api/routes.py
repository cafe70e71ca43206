"""The management API in one router."""

from __future__ import annotations

from fastapi import APIRouter

from proxy.api import config, health, runs, traces
from proxy.context import Context


def build_router(context: Context) -> APIRouter:
    """Traces, runs, configuration, probes and metrics of one running proxy."""
    routes = APIRouter()
    for part in (traces, runs, config, health):
        routes.include_router(part.router(context))
    return routes
