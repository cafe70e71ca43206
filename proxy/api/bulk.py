"""`/api/bulk`: the same act on every trace of a filter, as a job with progress and undo."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy import bulk_jobs
from proxy.api.deps import Route, allowed, json_body, reply
from proxy.api.traces import limit_of, unfit
from proxy.context import Context
from proxy.errors import BadRequest, Code, Conflict, NotFound, plain_name, plain_param
from proxy.exchange import Principal
from proxy.roles import Permission, may, tenant_of
from proxy.said import with_note
from proxy.store import bulk
from proxy.store.blindness import jobs_hidden_from
from proxy.store.bulk import Job, Order
from proxy.store.filters import FilterError

BULK_BYTES = 64 << 10


class BulkBody(BaseModel):
    """An order as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: str
    filter: str = ""
    traces: list[str] = Field(default_factory=list)
    verdict: str = ""
    rule: str = ""
    entity: str = ""
    tags: list[str] = Field(default_factory=list)
    note: str = ""
    queue: str = ""


def router(context: Context) -> APIRouter:
    """The routes below `/api/bulk`."""
    routes = APIRouter(prefix="/api/bulk", route_class=Route)
    reviewer = Depends(allowed(context, Permission.REVIEWS_WRITE))
    viewer = Depends(allowed(context, Permission.TRACES_READ))

    @routes.get("")
    def list_jobs(request: Request, who: Principal = viewer) -> Response:
        """The newest jobs."""
        for name in request.query_params:
            if name != "limit":
                raise BadRequest(
                    f"Query parameter {plain_name(name)} is unknown. Known: limit.",
                    param=plain_param(name),
                    code=Code.UNKNOWN_PARAMETER,
                )
        found = bulk.jobs(context.store, tenant_of(who), limit_of(request.query_params))
        return reply({"data": [told(job) for job in shown(context, who, found)]})

    @routes.post("")
    async def start(
        who: Principal = reviewer, body: dict[str, Any] = Depends(json_body(BULK_BYTES))
    ) -> Response:
        """Begin a job."""
        noted = await with_note(context, who, body)
        return reply(told(await asyncio.to_thread(begin, context, who, noted)), 202)

    @routes.get("/{id}")
    def read(id: str, who: Principal = viewer) -> Response:
        """How far a job is."""
        return reply(told(*shown(context, who, [find(context, who, id)])))

    @routes.post("/{id}/cancel")
    def cancel(id: str, who: Principal = reviewer) -> Response:
        """Stop a job; what it did stays."""
        return reply(told(stop(context, who, id)))

    @routes.post("/{id}/undo")
    def undo(id: str, who: Principal = reviewer) -> Response:
        """Take back what a job said."""
        return reply(told(take_back(context, who, id)), 202)

    return routes


def told(job: Job) -> dict[str, Any]:
    """A job as it is told."""
    hidden = ("cursor", "scope")
    return {name: value for name, value in asdict(job).items() if name not in hidden} | {
        "can_undo": job.can_undo
    }


def shown(context: Context, who: Principal, jobs: Sequence[Job]) -> list[Job]:
    """Jobs as somebody may know them: not what others said of traces that they are to review blindly."""
    with context.store.read() as connection:
        hidden = jobs_hidden_from(connection, [job.id for job in jobs], who.key_id)
    return [replace(job, detail=_unsaid(job)) if job.id in hidden else job for job in jobs]


def _unsaid(job: Job) -> dict[str, Any]:
    return {**job.detail, "verdict": "", "tags": [], "note": ""}


def begin(context: Context, who: Principal, body: Mapping[str, Any]) -> Job:
    """Begin a job, as a form or a program asks for it. Raises BadRequest."""
    try:
        given = BulkBody.model_validate(body)
        values = given.model_dump(exclude={"queue"}) | {"queue_id": given.queue}
        order = Order(actor=who.key_id, tenant=who.tenant, scope=tenant_of(who), **values)
        started = bulk.start(context.store, order)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"]))
        raise BadRequest(f"{plain_name(param)}: {first['msg']}.", param=plain_param(param)) from None
    except bulk.BulkError as error:
        raise BadRequest(str(error), param=str(error).partition(" ")[0].rstrip(":")) from None
    except FilterError as error:
        raise unfit(error) from None
    bulk_jobs.begin(context, started)
    return started.job


def find(context: Context, who: Principal, id: str) -> Job:
    """A job that a key may see. Raises NotFound."""
    found = bulk.job(context.store, id, tenant_of(who)) if id.isprintable() else None
    if found is None:
        raise NotFound("There is no bulk job with this id.")
    return found


def stop(context: Context, who: Principal, id: str) -> Job:
    """Cancel a job. Raises NotFound, or Conflict for one that is not under way."""
    _check_whose(who, find(context, who, id))
    if not bulk.cancel(context.store, id, tenant_of(who), who.key_id):
        raise Conflict("The job is not under way any more: there is nothing to stop.")
    return find(context, who, id)


def take_back(context: Context, who: Principal, id: str) -> Job:
    """Begin to undo a job. Raises NotFound, or Conflict for one with nothing to take back."""
    _check_whose(who, find(context, who, id))
    started = bulk.undo(context.store, id, tenant_of(who), who.key_id)
    if started is None:
        raise Conflict("The job cannot be undone: it is under way, was undone, or said nothing.")
    bulk_jobs.begin(context, started)
    return started.job


def _check_whose(who: Principal, job: Job) -> None:
    """Raises Conflict unless it is one's own job, or one may decide between reviewers."""
    if job.actor != who.key_id and not may(who, Permission.REVIEWS_ADJUDICATE):
        raise Conflict(
            "It is somebody else's job: who ordered it, or who may adjudicate, can stop or undo it."
        )
