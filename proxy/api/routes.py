"""The management API in one router."""

from __future__ import annotations

from fastapi import APIRouter

from proxy.api import health, keys, policies, runs, sessions, traces, usage
from proxy.context import Context


def build_router(context: Context) -> APIRouter:
    """Traces, sessions, runs, policies, keys, usage, probes and metrics of one running proxy."""
    routes = APIRouter()
    for part in (traces, sessions, runs, policies, keys, usage, health):
        routes.include_router(part.router(context))
    return routes
