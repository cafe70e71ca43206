"""`/api/runs`: take eval runs, list them, give one back."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from proxy.api.deps import Route, administrator, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, NotFound
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
    routes = APIRouter(prefix="/api/runs", route_class=Route, dependencies=[Depends(administrator(context))])

    @routes.post("")
    def publish(body: dict[str, Any] = Depends(json_body(RUN_BYTES))) -> Response:
        """Keep a run document; one whose id is already there is left as it is."""
        check(body)
        new = queries.save_run(context.store, body)
        return reply({"id": body["id"], "created": new}, 201 if new else 200)

    @routes.get("")
    def list_runs(request: Request) -> Response:
        """Runs newest first, without their items."""
        for name in request.query_params:
            if name not in ("limit", "before"):
                message = f"Query parameter {name[:64]!r} is unknown. Known: limit, before."
                raise BadRequest(message, param=name[:64], code=Code.UNKNOWN_PARAMETER)
        limit = request.query_params.get("limit", "50")
        if not limit.isascii() or not limit.isdigit() or len(limit) > 6:
            raise BadRequest(f"limit takes 1 to {queries.MOST}.", param="limit")
        try:
            page = queries.list_runs(context.store, int(limit), request.query_params.get("before"))
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        return reply({"data": page.items, "next": page.next})

    @routes.get("/{id}")
    def read_run(id: str) -> Response:
        """One run document, as it was given."""
        run = queries.get_run(context.store, id)
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
