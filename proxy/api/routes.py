"""The management API in one router."""

from __future__ import annotations

from fastapi import APIRouter

from proxy.api import feedback, health, policies, retrievals, runs, sessions, traces
from proxy.context import Context


def build_router(context: Context) -> APIRouter:
    """Traces, sessions, runs, policies, probes and metrics of one running proxy."""
    routes = APIRouter()
    for part in (traces, sessions, runs, policies, health, retrievals, feedback):
        routes.include_router(part.router(context))
    return routes
