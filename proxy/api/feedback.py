"""`POST /api/feedback`: what the app's user thought of a reply. Any key may, on exchanges that it made."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from guardrails.policy import Capture
from proxy.api.deps import Route, caller, json_body, kept, reply
from proxy.context import Context
from proxy.errors import BadRequest, NotFound, Unavailable
from proxy.exchange import Principal, new_id
from proxy.recorder import Recorder
from proxy.said import masked
from proxy.store.feedback import Away, Target, find_target

BODY_BYTES = 64 << 10
WAIT_SECONDS = 3.0
"""How long an exchange that is named by anything but its own id may take to be in the database."""
LOOKS = 6
"""How often it is looked for meanwhile."""
MOST_WAITING = 8
"""Callers who wait so at a time; others are answered at once."""
_FRESH_SECONDS = 60.0
"""Age up to which an exchange may still be in the spool of any process."""
_UUID7 = re.compile(r"[\da-f]{12}7[\da-f]{3}[89ab][\da-f]{15}")
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_.:-]+$")]
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[0-9A-Za-z_.:-]+$")]


class FeedbackBody(BaseModel):
    """Feedback as it comes in: one way to name the exchange, one way to judge it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    trace_id: Id | None = None
    response_id: Id | None = None
    name: Name = "user"
    thumb: Literal["up", "down"] | None = None
    score: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] | None = None
    comment: Annotated[str, Field(max_length=10_000)] | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> FeedbackBody:
        if (self.trace_id is None) == (self.response_id is None):
            raise ValueError("give either trace_id or response_id")
        if (self.thumb is None) == (self.score is None):
            raise ValueError("give either thumb or score")
        return self


def router(context: Context) -> APIRouter:
    """The route `/api/feedback`."""
    routes = APIRouter(prefix="/api/feedback", route_class=Route)
    waiting = asyncio.Semaphore(MOST_WAITING)

    @routes.post("")
    async def give(
        request: Request,
        who: Principal = Depends(caller(context)),
        body: dict[str, Any] = Depends(json_body(BODY_BYTES)),
    ) -> Response:
        """Keep what somebody thought of a reply."""
        given = _given(body)
        target = await _target(context, who, given, waiting)
        value = given.score if given.thumb is None else float(given.thumb == "up")
        document = {
            "kind": "feedback",
            "id": new_id(),
            "tenant": who.tenant,
            "key_id": who.key_id,
            "target": target.id,
            "name": given.name,
            "value": value,
            "comment": await _comment(context, who, target, given.comment),
            "created_us": time.time_ns() // 1000,
        }
        await kept(context, [document])
        context.metrics.feedback(given.thumb or "score")
        return reply({"id": document["id"], "trace_id": target.id}, 201)

    return routes


def _given(body: dict[str, Any]) -> FeedbackBody:
    try:
        return FeedbackBody.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"])) or None
        message = str(first["msg"]).removeprefix("Value error, ")
        raise BadRequest(
            f"{param}: {message}." if param else f"{message.capitalize()}.", param=param
        ) from None


async def _target(
    context: Context, who: Principal, given: FeedbackBody, waiting: asyncio.Semaphore
) -> Target:
    """The exchange that is meant. Raises NotFound when there is none that the caller may judge, Unavailable.

    One of another key is waited for as one that is not there, so that the time tells nothing.
    """
    try:
        found = await _look(context, who, given)
        if found is None and not waiting.locked():
            async with waiting:
                for _ in range(LOOKS):
                    await asyncio.sleep(WAIT_SECONDS / LOOKS)
                    found = await _look(context, who, given)
                    if found is not None:
                        break
    except Away:
        raise Unavailable(
            "The database does not answer. Try again later.", headers={"retry-after": "5"}
        ) from None
    if found is None:
        raise NotFound("There is no exchange of this key with this id.")
    return found


async def _look(context: Context, who: Principal, given: FeedbackBody) -> Target | None:
    """The exchange that is meant, if it is the caller's own or may still become it. Raises Away."""
    key_id = None if who.admin else who.key_id
    fresh = given.trace_id is not None and _fresh(context, given.trace_id)
    try:
        found = await asyncio.to_thread(find_target, context.store, key_id, given.trace_id, given.response_id)
    except Away:
        if not fresh:
            raise
        found = None
    if found is None and fresh and given.trace_id is not None:
        # Not in the database yet. Whether it is the caller's own is seen when it is read.
        return Target(given.trace_id, "", True)
    return found if found is not None and found.own else None


def _fresh(context: Context, id: str) -> bool:
    """Whether an id is that of an exchange so young that it may still be in the spool."""
    if not _UUID7.fullmatch(id):
        return False
    age = time.time() - int(id[:12], 16) / 1000
    recorder = context.recorder
    oldest = recorder.oldest_unwritten_seconds() if isinstance(recorder, Recorder) else 0.0
    return -_FRESH_SECONDS < age < max(_FRESH_SECONDS, oldest + _FRESH_SECONDS)


async def _comment(context: Context, who: Principal, target: Target, comment: str | None) -> str | None:
    """The comment as it may be stored: as the policy leaves it, or None when it may not be kept."""
    if not comment:
        return None
    if context.policies.guard_for(who, target.model, "/api/feedback").policy.capture is Capture.NONE:
        return None
    return await masked(context, who, comment, target.model, "/api/feedback")
