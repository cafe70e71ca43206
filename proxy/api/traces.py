"""`/api/traces`: list traces, read one, judge one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy.api.deps import Route, allowed, json_body, own, reply
from proxy.context import Context
from proxy.errors import BadRequest, Code, Conflict, NotFound, plain_name, plain_param
from proxy.exchange import Principal
from proxy.places import check_place, checked_entity
from proxy.roles import Permission, tenant_of
from proxy.said import with_note
from proxy.store import filters, queries, reviews
from proxy.store.facets import facets
from proxy.store.filter_fields import TAGS
from proxy.store.filters import Filter, FilterError

REVIEW_BYTES = 64 << 10
_FIELDS = {
    **{
        name: name
        for name in ("outcome", "action", "rule", "entity", "model", "team", "tenant", "shadow_of", "prompt")
    },
    **{
        name: name
        for name in ("feedback", "run", "session", "flagged", "reviewed", "shadow", "since", "until")
    },
    "key_id": "key",
    "trace_id": "trace",
}
"""Query parameters that stand for one term of a filter, with its field."""
_SWITCHES = ("flagged", "reviewed", "shadow")
KNOWN = ("q", *_FIELDS, "prompt_version", "limit", "before")
"""The query parameters of `GET /api/traces`."""


class PlaceBody(BaseModel):
    """A range of a stored text that no rule found."""

    model_config = ConfigDict(extra="forbid", strict=True)

    side: Literal["input", "output"]
    pointer: str = Field(max_length=2_000)
    within: str = Field(default="", max_length=2_000)
    start: int
    end: int


class ReviewBody(BaseModel):
    """A judgement as it comes in."""

    model_config = ConfigDict(extra="forbid", strict=True)

    verdict: str
    finding: int | None = None
    note: str = Field(default="", max_length=10_000)
    tags: list[str] = Field(default_factory=list, max_length=len(TAGS))
    place: PlaceBody | None = None
    entity: str | None = None


def router(context: Context) -> APIRouter:
    """The routes below `/api/traces`."""
    routes = APIRouter(prefix="/api/traces", route_class=Route)
    viewer = Depends(allowed(context, Permission.TRACES_READ))
    reviewer = Depends(allowed(context, Permission.REVIEWS_WRITE))

    @routes.get("")
    def list_traces(request: Request, who: Principal = viewer) -> Response:
        """Traces newest first, filtered by the query."""
        asked = request.query_params
        try:
            page = queries.list_spans(
                context.store, filter_of(asked, KNOWN) + own(who), limit_of(asked), asked.get("before")
            )
        except queries.QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        except FilterError as error:
            raise unfit(error) from None
        return reply({"data": page.items, "next": page.next, "partial": page.partial})

    @routes.get("/facets")
    def count_facets(request: Request, who: Principal = viewer) -> Response:
        """How the traces of a filter divide, field by field."""
        try:
            found = facets(context.store, filter_of(request.query_params, KNOWN[:-2]) + own(who))
        except FilterError as error:
            raise unfit(error) from None
        return reply(
            {
                "matches": found.matches,
                "approximate": found.approximate,
                "facets": {
                    name: [{"value": value, "count": count} for value, count in counts]
                    for name, counts in found.counts.items()
                },
            }
        )

    @routes.get("/{id}")
    def read_trace(id: str, who: Principal = viewer) -> Response:
        """One trace document, with its reviews."""
        trace = queries.get_trace(context.store, id, tenant_of(who), who.key_id)
        if trace is None:
            raise _no_trace()
        return reply(trace)

    @routes.post("/{id}/reviews")
    async def add_review(
        id: str,
        who: Principal = reviewer,
        body: dict[str, Any] = Depends(json_body(REVIEW_BYTES)),
    ) -> Response:
        """Keep a judgement of a trace or of one of its findings."""
        noted = await with_note(context, who, body)
        return reply(await asyncio.to_thread(review, context, id, who, noted), 201)

    @routes.post("/{id}/reviews/{review_id}/withdraw")
    def withdraw_review(id: str, review_id: str, who: Principal = reviewer) -> Response:
        """Take a judgement of one's own back."""
        if queries.get_trace(context.store, id, tenant_of(who)) is None:
            raise _no_trace()
        try:
            taken_back = reviews.withdraw(context.store, review_id, who.key_id, id)
        except reviews.ReviewError as error:
            raise Conflict(f"This {error}") from None
        if not taken_back:
            raise NotFound("No judgement of yours with this id stands on this trace.")
        return reply({"withdrawn": review_id})

    return routes


def review(context: Context, id: str, who: Principal, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a judgement; returns it as stored. Raises BadRequest when it cannot be, NotFound for no trace."""
    try:
        given = ReviewBody.model_validate(body)
        added = reviews.add_review(context.store, id, _new(context, id, who, given), tenant_of(who))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"]))
        raise BadRequest(f"{param}: {first['msg']}.", param=param) from None
    except reviews.ReviewError as error:
        raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
    if added is None:
        raise _no_trace()
    return added


def _new(context: Context, id: str, who: Principal, given: ReviewBody) -> reviews.NewReview:
    """A judgement as it is kept, its place looked up in the stored text."""
    place = None
    if given.place is not None:
        trace = queries.get_trace(context.store, id, tenant_of(who))
        if trace is None:
            raise _no_trace()
        check_place(trace, **given.place.model_dump())
        place = reviews.Place(**given.place.model_dump())
    elif given.entity is not None:
        raise BadRequest("entity goes with place.", param="entity")
    return reviews.NewReview(
        verdict=given.verdict,
        author=who.key_id,
        note=given.note,
        finding=given.finding,
        tags=given.tags,
        place=place,
        entity=None if given.entity is None else checked_entity(given.entity),
    )


def filter_of(asked: Mapping[str, str], known: Sequence[str]) -> Filter:
    """The filter that query parameters ask for: `q`, and those that stand for one term each.

    Raises BadRequest naming one that is unknown or unfit.
    """
    for name in asked:
        if name not in known:
            message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(known)}."
            raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
    try:
        found = filters.parse(asked.get("q", ""))
    except FilterError as error:
        raise unfit(error) from None
    for name, value in asked.items():
        if name in _FIELDS:
            found += _term(name, value)
    if "prompt_version" in asked:
        if not asked.get("prompt"):
            raise BadRequest("prompt_version needs prompt.", param="prompt_version")
        named, _, _ = asked.get("prompt", "").partition("@")
        found = found.without("prompt") + _term("prompt", f"{named}@{asked['prompt_version']}")
    return found


def _term(name: str, value: str) -> Filter:
    if name in _SWITCHES and value not in ("true", "false"):
        raise BadRequest(f"{name} takes true or false.", param=name)
    try:
        return filters.of(**{_FIELDS[name]: value})
    except FilterError as error:
        raise BadRequest(str(error), param=name) from None


def unfit(error: FilterError) -> BadRequest:
    """A filter that means nothing, as the caller is told."""
    return BadRequest(f"{error} (q, character {error.at + 1})", param="q")


def limit_of(asked: Mapping[str, str], unasked: str = "50") -> int:
    """How many a page is to have. Raises BadRequest for what is no such number."""
    text = asked.get("limit", unasked)
    if not text.isascii() or not text.isdigit() or len(text) > 6:
        raise BadRequest(f"limit takes 1 to {queries.MOST}.", param="limit")
    return int(text)


def _no_trace() -> NotFound:
    return NotFound("There is no trace with this id.")
