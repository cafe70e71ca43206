"""`/api/golden/candidates`: reviewed traces as cases for a golden set, and the note that one was taken into it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from proxy import golden_case
from proxy.api.deps import Route, allowed, json_body, reply
from proxy.api.traces import limit_of
from proxy.context import Context
from proxy.errors import BadRequest, Code, NotFound, Unavailable, plain_name, plain_param
from proxy.exchange import Principal
from proxy.golden_case import NoCase
from proxy.key_terms import told_time
from proxy.roles import Permission, tenant_of
from proxy.said import masked
from proxy.store import candidates
from proxy.store.candidates import Candidate
from proxy.store.queries import QueryError, get_trace, moment

FORMAT = "guardhouse.candidate/1"
BYTES = 256 << 10
"""The largest promotion taken."""
_KNOWN = ("set", "since", "limit", "before")


class Promotion(BaseModel):
    """What promotes a trace: to which set, and what else is to be said of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trace: Annotated[str, Field(min_length=1, max_length=64)]
    set: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    answer: Annotated[str, Field(max_length=20_000)] = ""
    note: Annotated[str, Field(max_length=4_000)] = ""


def router(context: Context) -> APIRouter:
    """The routes below `/api/golden`."""
    routes = APIRouter(prefix="/api/golden/candidates", route_class=Route)
    reads = Depends(allowed(context, Permission.TRACES_READ))
    judges = Depends(allowed(context, Permission.REVIEWS_WRITE))
    takes = Depends(allowed(context, Permission.RUNS_WRITE))

    @routes.get("")
    def list_candidates(request: Request, who: Principal = reads) -> Response:
        """Candidates that are not withdrawn, newest first, each with its item."""
        asked = request.query_params
        for name in asked:
            if name not in _KNOWN:
                message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(_KNOWN)}."
                raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
        try:
            since_us = moment("since", asked["since"]) if asked.get("since") else 0
            found, after = candidates.candidates(
                context.store,
                tenant_of(who),
                asked.get("set", ""),
                since_us,
                limit_of(asked),
                asked.get("before"),
            )
        except QueryError as error:
            raise BadRequest(str(error), param=str(error).partition(" ")[0]) from None
        told = [told_of(context, each, who.key_id) for each in found]
        return reply({"format": FORMAT, "data": told, "next": after})

    @routes.get("/{id}")
    def read_candidate(id: str, who: Principal = reads) -> Response:
        """One candidate with its item."""
        return reply({"format": FORMAT, **told_of(context, one(context, id, tenant_of(who)), who.key_id)})

    @routes.post("")
    async def promote(who: Principal = judges, body: dict[str, Any] = Depends(json_body(BYTES))) -> Response:
        """Make a trace a candidate; what is expected follows from its findings and verdicts, and from what is given."""
        try:
            asked = Promotion.model_validate(body)
        except ValidationError as error:
            param = ".".join(map(str, error.errors(include_input=False, include_url=False)[0]["loc"]))
            raise BadRequest(f"{plain_name(param)} cannot be taken.", param=plain_param(param)) from None
        said = {"answer": asked.answer, "note": asked.note}
        texts = {name: await masked(context, who, text) for name, text in said.items() if text}
        if None in texts.values():
            raise Unavailable(
                "It was not kept: a rule could not look at what you wrote. Send it again later."
            )
        found = await asyncio.to_thread(_promote, context, who, asked, texts)
        return reply({"format": FORMAT, **await asyncio.to_thread(told_of, context, found, who.key_id)}, 201)

    @routes.post("/{id}/taken")
    def take(id: str, who: Principal = takes) -> Response:
        """Note that a candidate was taken into a golden set."""
        one(context, id, tenant_of(who))
        return reply({"id": id, "new": candidates.take(context.store, id, who.key_id, tenant_of(who))})

    return routes


def _promote(
    context: Context, who: Principal, asked: Promotion, texts: Mapping[str, str | None]
) -> Candidate:
    """The candidate that a trace becomes. Raises NotFound, or Conflict for one that nobody reviewed."""
    tenant = tenant_of(who)
    there = asked.trace.isprintable()
    document = get_trace(context.store, asked.trace, tenant, who.key_id) if there else None
    if document:
        golden_case.check_reviewed(document)
    labels = {**golden_case.suggested(document), **texts} if document else {}
    found = document and candidates.promote(context.store, asked.trace, asked.set, labels, who.key_id, tenant)
    if not found:
        raise NotFound("There is no trace with this id.")
    return found


def one(context: Context, id: str, tenant: str | None) -> Candidate:
    """A candidate. Raises NotFound."""
    found = candidates.candidate(context.store, id, tenant) if id.isprintable() else None
    if found is None:
        raise NotFound("There is no candidate with this id. It goes with its trace.")
    return found


def told_of(context: Context, candidate: Candidate, reader: str) -> dict[str, Any]:
    """A candidate as it is told: with its item and the item's hash, or why there is no item.

    What somebody else expects of a trace is kept from a reader as long as what they said of it is.
    """
    told: dict[str, Any] = {
        "id": candidate.id,
        "set": candidate.dataset,
        "trace": candidate.span_id,
        "state": candidate.state,
        "created": told_time(candidate.created_us),
        "item": None,
        "sha256": None,
        "problem": None,
    }
    document = get_trace(context.store, candidate.span_id, candidate.tenant, reader)
    try:
        if document is None:
            raise NoCase("Its trace is gone.")
        if document["blind"] and candidate.actor != reader:
            raise NoCase("Its trace waits for blind reviews: what others expect of it is told afterwards.")
        told["item"] = golden_case.case(document, candidate, context.key)
        told["sha256"] = golden_case.sha256(told["item"])
    except NoCase as error:
        told["problem"] = str(error)
    return told
