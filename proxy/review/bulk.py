"""Pages of bulk jobs: what would be done to how many, how far a job is, and taking it back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response

from proxy.api import bulk as api
from proxy.api.deps import own
from proxy.api.traces import unfit
from proxy.errors import BadRequest, Code, plain_name
from proxy.review.forms import Fields, read_fields
from proxy.review.judging import OF_FINDING, OF_TRACE
from proxy.review.pages import redirect
from proxy.review.session import HOME
from proxy.review.site import Reader, Site, as_json
from proxy.roles import Permission
from proxy.said import with_note
from proxy.store import bulk, queries
from proxy.store.bulk import Job
from proxy.store.filter_fields import TAGS
from proxy.store.filters import FilterError, parse
from proxy.store.queues import queues

EXAMPLES = 5
_KNOWN = ("q", "trace", "kind", "verdict", "rule", "entity")
_LONGEST = 200


def add(routes: APIRouter, site: Site) -> None:
    """The routes."""
    viewer = Depends(site.allowed(Permission.TRACES_READ))
    reviewer = Depends(site.allowed(Permission.REVIEWS_WRITE))

    @routes.get("/jobs")
    def jobs(reader: Reader = viewer) -> Response:
        """The newest jobs."""
        found = api.shown(site.context, reader.who, bulk.jobs(site.store, reader.tenant))
        called = site.called(job.actor for job in found)
        return site.pages.html("jobs.html", {"reader": reader, "jobs": found, "called": called})

    @routes.get("/jobs.json")
    def jobs_json(reader: Reader = viewer) -> Response:
        """The same as data."""
        return as_json(
            {
                "data": [
                    api.told(job)
                    for job in api.shown(site.context, reader.who, bulk.jobs(site.store, reader.tenant))
                ]
            }
        )

    @routes.get("/jobs/new")
    def new(request: Request, reader: Reader = reviewer) -> Response:
        """What would be done, to how many, with examples; nothing is done yet."""
        return site.pages.html("jobs_new.html", {"reader": reader, **_preview(site, request, reader)})

    @routes.post("/jobs")
    async def start(
        request: Request, reader: Reader = reviewer, form: Fields = Depends(read_fields)
    ) -> Response:
        """Begin a job; on to its page."""
        site.check_form(request, form)
        noted = await with_note(site.context, reader.who, _body(form))
        job = await asyncio.to_thread(api.begin, site.context, reader.who, noted)
        return redirect(_path(job))

    @routes.get("/jobs/{id}.json")
    def job_json(id: str, reader: Reader = viewer) -> Response:
        """How far a job is, as data."""
        return as_json(
            api.told(*api.shown(site.context, reader.who, [api.find(site.context, reader.who, id)]))
        )

    @routes.get("/jobs/{id}")
    def job(id: str, reader: Reader = viewer) -> Response:
        """How far a job is; the page asks again by itself until it ends."""
        [found] = api.shown(site.context, reader.who, [api.find(site.context, reader.who, id)])
        values = {"reader": reader, "job": found, "called": site.called([found.actor])}
        return site.pages.html("job.html", values | _names(site, reader))

    @routes.post("/jobs/{id}/cancel")
    def cancel(
        id: str, request: Request, reader: Reader = reviewer, form: Fields = Depends(read_fields)
    ) -> Response:
        """Stop a job; what it did stays."""
        site.check_form(request, form)
        return redirect(_path(api.stop(site.context, reader.who, id)))

    @routes.post("/jobs/{id}/undo")
    def undo(
        id: str, request: Request, reader: Reader = reviewer, form: Fields = Depends(read_fields)
    ) -> Response:
        """Take back what a job said."""
        site.check_form(request, form)
        return redirect(_path(api.take_back(site.context, reader.who, id)))


def _path(job: Job) -> str:
    return f"{HOME}/jobs/{quote(job.id)}"


def _names(site: Site, reader: Reader) -> dict[str, Any]:
    """What jobs are told by."""
    return {
        "queues": {queue["id"]: queue["name"] for queue in queues(site.store, reader.tenant)},
        "verdicts": {name: words[0] for name, words in (OF_TRACE | OF_FINDING).items()},
    }


def _body(form: Fields) -> dict[str, Any]:
    """A form as an order that the API takes."""
    kind = form.get("kind", "")
    ticked = form.get("traces", "").split(",") if form.get("traces") else []
    names = {"verdict": ("rule", "entity"), "queue": ("queue",), "close": ("queue",)}.get(kind, ())
    body: dict[str, Any] = {name: form.get(name, "").strip() for name in names}
    body |= {"kind": kind, "filter": "" if ticked else form.get("q", "").strip(), "traces": ticked}
    if kind == "verdict":
        note = form.get("note", "").replace("\r\n", "\n").strip()
        body |= {"verdict": form.get("verdict", ""), "tags": form.all("tags"), "note": note}
    return body


def _preview(site: Site, request: Request, reader: Reader) -> dict[str, Any]:
    """Raises BadRequest for what cannot be asked."""
    asked: Mapping[str, str] = request.query_params
    for name, value in asked.items():
        if name not in _KNOWN:
            message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(_KNOWN)}."
            raise BadRequest(message, code=Code.UNKNOWN_PARAMETER)
        if name != "q" and (len(value) > _LONGEST or "\0" in value):
            raise BadRequest(f"{name} is over {_LONGEST} characters, or holds a NUL.", param=name)
    ticked = sorted({*request.query_params.getlist("trace")})
    text = "" if ticked else asked.get("q", "").strip()
    if len(ticked) > bulk.MOST_TICKED:
        raise BadRequest(f"At most {bulk.MOST_TICKED} traces can be ticked: use a filter.", param="trace")
    if not ticked and not text:
        raise BadRequest("Tick some traces, or name a filter.", param="q")
    try:
        filter = parse(f"trace:{','.join(ticked[:EXAMPLES])}" if ticked else text) + own(reader.who)
        counted = bulk.Counted(len(ticked)) if ticked else bulk.counted(site.store, filter, 2.0)
        examples = queries.list_spans(site.store, filter, EXAMPLES).items
    except FilterError as error:
        raise unfit(error) from None
    return {
        "text": text, "ticked": ticked, "counted": counted, "examples": examples,
        "most": bulk.MOST_TRACES, "of_trace": OF_TRACE, "of_finding": OF_FINDING, "all_tags": TAGS,
        "chosen": {name: asked.get(name, "") for name in _KNOWN[2:]},
        "open_queues": [queue for queue in queues(site.store, reader.tenant) if queue["closed_us"] is None],
    }  # fmt: skip
