"""Pages of agent runs and conversations: the newest ones, and one as a timeline."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response

from proxy.api.deps import own
from proxy.errors import BadRequest, Code, NotFound, Unavailable, plain_name, plain_param
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.review.timeline_lines import STATES, STRIP_HEIGHT, timeline
from proxy.roles import Permission
from proxy.store import filters, queries
from proxy.store.deadline import Late
from proxy.store.filters import FilterError
from proxy.store.session_list import Sessions, list_sessions
from proxy.store.timeline import read_timeline

SESSIONS = f"{HOME}/sessions"
_RUN = re.compile(r"[0-9a-f]{32}")


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))

    @routes.get("/sessions")
    def sessions(request: Request, reader: Reader = viewer) -> Response:
        """Agent runs and conversations, newest first."""
        q, before = _asked(request.query_params, "q", "before")
        error, found = None, Sessions([], None)
        try:
            found = _sessions(site, reader, q, before)
        except FilterError as wrong:
            error = wrong
        values = {
            "reader": reader, "q": q or "", "before": before, "found": found, "error": error,
            "link": link, "fields": filters.FIELDS, "also": lambda field, value: also(q, field, value),
        }  # fmt: skip
        return site.pages.html("sessions.html", values, 400 if error else 200)

    @routes.get("/sessions.json")
    def sessions_json(request: Request, reader: Reader = viewer) -> Response:
        """The same as data."""
        found = _sessions(site, reader, *_asked(request.query_params, "q", "before"))
        return as_json({"data": found.items, "next": found.next, "partial": found.partial})

    @routes.get("/sessions/{run_id}.json")
    def session_json(run_id: str, request: Request, reader: Reader = viewer) -> Response:
        """The same as data."""
        return as_json(_run(site, run_id, request.query_params, reader))

    @routes.get("/sessions/{run_id}")
    def session(run_id: str, request: Request, reader: Reader = viewer) -> Response:
        """One run: every step in order, and what went wrong."""
        run = _run(site, run_id, request.query_params, reader)
        values = {
            "reader": reader, "run": run, "drawn": timeline(run), "states": STATES, "link": link,
            "here_ids": {step["id"] for step in run["steps"]}, "strip_height": STRIP_HEIGHT,
            "within": lambda field, value: also(f"run:{run['run_id']}", field, value, HOME),
        }  # fmt: skip
        return site.pages.html("session.html", values)


def link(**parameters: str | None) -> str:
    """The list's address with these parameters."""
    kept = {name: value for name, value in parameters.items() if value}
    return SESSIONS + ("?" + urlencode(kept, errors="replace") if kept else "")


def also(q: str | None, field: str, value: str, page: str = SESSIONS) -> str:
    """The address of a list with one more term in its filter."""
    term = str(filters.Term(field, ":", ((value,),)))
    text = term if not q else q if term in q.split() else f"{q} {term}"
    return f"{page}?{urlencode({'q': text}, errors='replace')}"


def _asked(parameters: Mapping[str, str], *known: str) -> list[str | None]:
    for name in parameters:
        if name not in known:
            message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(known)}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
    return [parameters.get(name) for name in known]


def _sessions(site: Site, reader: Reader, q: str | None, before: str | None) -> Sessions:
    filter = filters.parse(q or "") + own(reader.who)
    try:
        return list_sessions(site.store, site.context.config.run_idle_s, filter, before)
    except queries.QueryError as error:
        raise BadRequest(str(error), param="before") from None


def _run(site: Site, run: str, parameters: Mapping[str, str], reader: Reader) -> dict[str, Any]:
    [after] = _asked(parameters, "after")
    if not _RUN.fullmatch(run):
        raise _no_run()
    try:
        found = read_timeline(site.store, run, site.context.config.run_idle_s, after)
    except queries.QueryError as error:
        raise BadRequest(str(error), param="after") from None
    except Late:
        raise Unavailable("The database did not answer in time. Try again in a moment.") from None
    if found is None or reader.tenant not in (None, found["tenant"]):
        raise _no_run()
    return found


def _no_run() -> NotFound:
    return NotFound("There is no run with this id.")
