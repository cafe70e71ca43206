"""`/api/runs`: take eval runs, list them, give one back."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from proxy.api.deps import Route, allowed, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, NotFound, plain_name, plain_param
from proxy.exchange import Principal
from proxy.roles import Permission, tenant_of
from proxy.said import masked_run
from proxy.store import queries

RUN_BYTES = 64 << 20
"""The largest run document taken."""
Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[0-9A-Za-z_.:-]+$")]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Gate(_Open):
    """Whether the run may pass."""

    verdict: Literal["pass", "block", "invalid", "inconclusive", "none"]


class Item(_Open):
    """One case as the target answered it."""

    id: str
    repeat: int
    scores: dict[str, dict[str, Any]]


class RunDocument(_Open):
    """What a run document must have; all else in it is kept as it is."""

    format: Literal["guardhouse.run/1"]
    id: Name
    created_at: AwareDatetime
    suite: str
    golden: dict[str, Any]
    summary: dict[str, dict[str, Any]]
    gate: Gate
    items: list[Item]


def router(context: Context) -> APIRouter:
    """The routes below `/api/runs`."""
    routes = APIRouter(prefix="/api/runs", route_class=Route)
    reads = Depends(allowed(context, Permission.RUNS_READ))
    writes = Depends(allowed(context, Permission.RUNS_WRITE))

    @routes.post("")
    async def publish(
        who: Principal = writes, body: dict[str, Any] = Depends(json_body(RUN_BYTES))
    ) -> Response:
        """Keep a run document, after the policy; one whose id is already there is left as it is."""
        await asyncio.to_thread(check, body)
        run = await masked_run(context, who, body)
        new = await asyncio.to_thread(queries.save_run, context.store, run, who.tenant, who.key_id)
        if new:
            context.metrics.published(run)
        return reply({"id": body["id"], "created": new}, 201 if new else 200)

    @routes.get("")
    def list_runs(request: Request, who: Principal = reads) -> Response:
        """Runs newest first, without their items."""
        for name in request.query_params:
            if name not in ("limit", "before", "suite"):
                message = f"Query parameter {plain_name(name)} is unknown. Known: limit, before, suite."
                raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
        limit = request.query_params.get("limit", "50")
        if not limit.isascii() or not limit.isdigit() or len(limit) > 6:
            raise BadRequest(f"limit takes 1 to {queries.MOST}.", param="limit")
        if "\0" in request.query_params.get("suite", ""):
            raise BadRequest("suite holds a NUL, which no database takes.", param="suite")
        try:
            before, suite = (request.query_params.get(name) for name in ("before", "suite"))
            page = queries.list_runs(context.store, int(limit), before, tenant_of(who), suite)
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        return reply({"data": page.items, "next": page.next})

    @routes.get("/{id}")
    def read_run(id: str, who: Principal = reads) -> Response:
        """One run document, as it was given."""
        run = queries.get_run(context.store, id, tenant_of(who))
        if run is None:
            raise NotFound("There is no run with this id.")
        return reply(run)

    return routes


def check(run: dict[str, Any]) -> None:
    """Raises BadRequest naming the first field in which a document is no run of format guardhouse.run/1."""
    try:
        RunDocument.model_validate(run)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"]))
        raise BadRequest(f"{param}: {first['msg']}.", param=param) from None
