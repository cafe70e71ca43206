"""`/api/traces`: list traces, read one, judge one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy.api.deps import Route, administrator, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, NotFound
from proxy.exchange import Principal
from proxy.identity import session_hash
from proxy.store import queries

REVIEW_BYTES = 64 << 10
_TEXTS = (
    "outcome",
    "action",
    "rule",
    "entity",
    "model",
    "key_id",
    "team",
    "tenant",
    "shadow_of",
    "trace_id",
    "prompt",
    "prompt_version",
    "feedback",
)
_SWITCHES = ("flagged", "reviewed", "shadow")
_TIMES = ("since", "until")
KNOWN = (*_TEXTS, "run", "session", *_SWITCHES, *_TIMES, "limit", "before")
"""The query parameters of `GET /api/traces`."""


class ReviewBody(BaseModel):
    """A judgement as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    verdict: str
    finding: int | None = None
    note: str = Field(default="", max_length=10_000)


def router(context: Context) -> APIRouter:
    """The routes below `/api/traces`."""
    routes = APIRouter(prefix="/api/traces", route_class=Route)
    admin = Depends(administrator(context))

    @routes.get("", dependencies=[admin])
    def list_traces(request: Request) -> Response:
        """Traces newest first, filtered by the query."""
        asked = request.query_params
        try:
            page = queries.list_spans(
                context.store, span_filter(asked, context.key), limit_of(asked), asked.get("before")
            )
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        return reply({"data": page.items, "next": page.next})

    @routes.get("/{id}", dependencies=[admin])
    def read_trace(id: str) -> Response:
        """One trace document, with its reviews."""
        trace = queries.get_trace(context.store, id)
        if trace is None:
            raise _no_trace()
        return reply(trace)

    @routes.post("/{id}/reviews")
    def add_review(
        id: str,
        who: Principal = admin,
        body: dict[str, Any] = Depends(json_body(REVIEW_BYTES)),
    ) -> Response:
        """Keep a judgement of a trace or of one of its findings."""
        return reply(review(context, id, who.key_id, body), 201)

    return routes


def review(context: Context, id: str, author: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a judgement; returns it as stored. Raises BadRequest when it cannot be, NotFound for no trace."""
    try:
        given = ReviewBody.model_validate(body)
        new = queries.NewReview(given.verdict, author, given.note, given.finding)
        added = queries.add_review(context.store, id, new)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"]))
        raise BadRequest(f"{param}: {first['msg']}.", param=param) from None
    except queries.QueryError as error:
        raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
    if added is None:
        raise _no_trace()
    return added


def span_filter(asked: Mapping[str, str], key: bytes) -> queries.SpanFilter:
    """The filter that query parameters ask for; `key` hashes the name of a session.

    Raises BadRequest naming one that is unknown or unfit.
    """
    for name in asked:
        if name not in KNOWN:
            message = f"Query parameter {name[:64]!r} is unknown. Known: {', '.join(KNOWN)}."
            raise BadRequest(message, param=name[:64], code=Code.UNKNOWN_PARAMETER)
    values: dict[str, Any] = {name: asked[name] for name in _TEXTS if name in asked}
    if "run" in asked:
        values["run_id"] = asked["run"]
    if "session" in asked:
        values["session_id"] = session_hash(key, asked.get("tenant", "default"), asked["session"].strip())
    if "@" in values.get("prompt", ""):
        values["prompt"], _, values["prompt_version"] = values["prompt"].partition("@")
    for name in _SWITCHES:
        if name in asked:
            if asked[name] not in ("true", "false"):
                raise BadRequest(f"{name} takes true or false.", param=name)
            values[name] = asked[name] == "true"
    if values.get("feedback", "any") not in ("up", "down", "any"):
        raise BadRequest("feedback takes up, down or any.", param="feedback")
    for name in _TIMES:
        if name in asked:
            try:
                values[f"{name}_us"] = queries.moment(name, asked[name])
            except queries.QueryError as error:
                raise BadRequest(str(error), param=name) from None
    return queries.SpanFilter(**values)


def limit_of(asked: Mapping[str, str], unasked: str = "50") -> int:
    """How many a page is to have. Raises BadRequest for what is no such number."""
    text = asked.get("limit", unasked)
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadRequest(f"limit takes 1 to {queries.MOST}.", param="limit")
    return int(text)


def _no_trace() -> NotFound:
    return NotFound("There is no trace with this id.")
