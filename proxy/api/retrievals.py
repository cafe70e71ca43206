"""`POST /api/retrievals`: what a caller retrieved, posted before the request that it is for."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy.api.deps import Route, caller, json_body, kept, reply
from proxy.context import Context
from proxy.errors import BadRequest
from proxy.exchange import Principal, new_id
from proxy.otlp.conventions import MOST_DOCUMENTS, Document, Told
from proxy.otlp.documents import Draft, stored
from proxy.retrievals import stored_id

BODY_BYTES = 4 << 20
Text = Annotated[str, Field(max_length=1_000_000)]


class HitBody(BaseModel):
    """One hit as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, Field(min_length=1, max_length=512)]
    score: Annotated[float, Field(allow_inf_nan=False)] | None = None
    text: Text = ""
    rank: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    metadata: dict[str, Any] = {}
    """Read over: nothing of it is kept."""


class RetrievalBody(BaseModel):
    """A retrieval as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")] | None = None
    trace_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    query: Text | None = None
    hits: Annotated[list[HitBody], Field(max_length=MOST_DOCUMENTS)]


def router(context: Context) -> APIRouter:
    """The route `/api/retrievals`."""
    routes = APIRouter(prefix="/api/retrievals", route_class=Route)

    @routes.post("")
    async def post(
        who: Principal = Depends(caller(context)), body: dict[str, Any] = Depends(json_body(BODY_BYTES))
    ) -> Response:
        """Keep a retrieval; one whose id is already there is left as it is."""
        given = _given(body)
        id = given.id or new_id()
        await kept(context, [await stored(context, who, _draft(context, who, given, id), "/api/retrievals")])
        return reply({"id": id}, 201)

    return routes


def _given(body: dict[str, Any]) -> RetrievalBody:
    try:
        return RetrievalBody.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"]))
        raise BadRequest(f"{param}: {first['msg']}.", param=param) from None


def _draft(context: Context, who: Principal, given: RetrievalBody, id: str) -> Draft:
    now = time.time_ns() // 1000
    documents = (
        Document(hit.rank or place, hit.id, hit.score, hit.text) for place, hit in enumerate(given.hits, 1)
    )
    return Draft(
        id=stored_id(context.key, who.key_id, id),
        trace_id=given.trace_id or "",
        parent=None,
        name="retrieval",
        service="",
        source="api",
        started_us=now,
        ended_us=now,
        received_us=now,
        error=False,
        told=Told(
            "retrieval", query=given.query, documents=tuple(sorted(documents, key=lambda one: one.rank))
        ),
    )
