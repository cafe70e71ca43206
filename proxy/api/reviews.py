"""`/api/queues`: which traces are to be reviewed; `/api/agreement`: how far reviewers agree."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from proxy.api.deps import Route, allowed, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, NotFound
from proxy.exchange import Principal
from proxy.roles import Permission, tenant_of
from proxy.store import filling, queues
from proxy.store.agreements import agreements
from proxy.store.queue_figures import QueueFigures, queue_figures
from proxy.store.queues import NewQueue, QueueError

QUEUE_BYTES = 64 << 10


class QueueBody(BaseModel):
    """A queue as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    filter: str = ""
    share: float = 1.0
    reviews: int = 1
    blind: bool = False
    priority: int = 0


class ChangeBody(BaseModel):
    """What is to change of a queue."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str | None = None
    filter: str | None = None
    share: float | None = None
    reviews: int | None = None
    blind: bool | None = None
    priority: int | None = None
    closed: bool | None = None


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=Route)
    viewer = Depends(allowed(context, Permission.TRACES_READ))
    editor = Depends(allowed(context, Permission.QUEUES_WRITE))

    @routes.get("/api/queues")
    def list_queues(who: Principal = viewer) -> Response:
        """Every queue, and how it stands."""
        filling.make_defaults(context.store)
        rows = queues.queues(context.store, tenant_of(who))
        found = queue_figures(context.store, [row["id"] for row in rows])
        return reply({"data": [{**row, **asdict(found.get(row["id"], QueueFigures()))} for row in rows]})

    @routes.post("/api/queues")
    def add_queue(
        who: Principal = editor, body: dict[str, Any] = Depends(json_body(QUEUE_BYTES))
    ) -> Response:
        """Make a queue."""
        try:
            new = NewQueue(**QueueBody.model_validate(body).model_dump())
            return reply(queues.add_queue(context.store, new, who.tenant, who.key_id), 201)
        except (ValidationError, QueueError) as error:
            raise _unfit(error) from None

    @routes.patch("/api/queues/{id}")
    def change_queue(
        id: str, who: Principal = editor, body: dict[str, Any] = Depends(json_body(QUEUE_BYTES))
    ) -> Response:
        """Change a queue, close it (`closed: true`), or open it again."""
        tenant = tenant_of(who)
        try:
            asked = ChangeBody.model_validate(body).model_dump(exclude_none=True)
            closed = asked.pop("closed", None)
            row = queues.find_queue(context.store, id, tenant)
            if row is None:
                raise NotFound("There is no queue with this id.")
            if asked:
                queues.change_queue(context.store, row["id"], asked, tenant, who.key_id)
        except (ValidationError, QueueError) as error:
            raise _unfit(error) from None
        if closed is not None:
            work = queues.close_queue if closed else queues.open_queue
            work(context.store, row["id"], tenant, who.key_id)
        return reply(queues.find_queue(context.store, row["id"], tenant))

    @routes.get("/api/agreement")
    def read_agreement(who: Principal = viewer) -> Response:
        """How far reviewers agree: by queue, by rule, by pair."""
        return reply(asdict(agreements(context.store, tenant_of(who))))

    return routes


def _unfit(error: ValidationError | QueueError) -> BadRequest:
    if isinstance(error, QueueError):
        return BadRequest(str(error), param=str(error).split(" ")[0].rstrip(":"))
    first = error.errors(include_input=False, include_url=False)[0]
    param = ".".join(map(str, first["loc"]))
    return BadRequest(f"{param}: {first['msg']}.", param=param)
