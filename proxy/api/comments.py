"""`/api/traces/{id}/comments`: what people say to one another about a trace."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Response

from proxy.api.deps import Route, allowed, json_body, reply
from proxy.context import Context
from proxy.errors import BadRequest, NotFound, Unavailable
from proxy.exchange import Principal
from proxy.roles import Permission, tenant_of
from proxy.said import masked
from proxy.store import comments, queries
from proxy.store.comments import About, CommentError

BODY_BYTES = 64 << 10


def router(context: Context) -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/traces/{id}/comments", route_class=Route)
    viewer = Depends(allowed(context, Permission.TRACES_READ))
    reviewer = Depends(allowed(context, Permission.REVIEWS_WRITE))

    @routes.get("")
    def listed(id: str, who: Principal = viewer) -> Response:
        """The comments on a trace, oldest first."""
        trace = queries.get_trace(context.store, id, tenant_of(who), who.key_id)
        if trace is None:
            raise _no_trace()
        return reply({"data": trace["comments"]})

    @routes.post("")
    async def add(
        id: str,
        who: Principal = reviewer,
        body: dict[str, Any] = Depends(json_body(BODY_BYTES)),
    ) -> Response:
        """Say something about a trace."""
        if set(body) != {"text"}:
            raise BadRequest("The body takes text, and nothing else.", param="text")
        return reply(await commented(context, who, About(span_id=id), body["text"]), 201)

    @routes.post("/{comment_id}/delete")
    def delete(id: str, comment_id: str, who: Principal = reviewer) -> Response:
        """Empty a comment of one's own."""
        if not comments.delete_comment(context.store, comment_id, who.key_id, tenant_of(who)):
            raise NotFound("No comment of yours has this id.")
        return reply({"deleted": comment_id})

    return routes


async def commented(context: Context, who: Principal, about: About, text: Any) -> dict[str, Any]:
    """Keep a comment after the guardrails; returns it as stored.

    Raises BadRequest when it cannot be, NotFound when there is nothing it is on, Unavailable when a rule could not
    look at it.
    """
    if not isinstance(text, str):
        raise BadRequest("text takes a text.", param="text")
    if len(text) > comments.LONGEST:
        raise BadRequest(f"text is over {comments.LONGEST} characters.", param="text")
    kept = await masked(context, who, text.replace("\r\n", "\n"))
    if kept is None:
        raise Unavailable("The comment was not kept: a rule could not look at it. Send it again later.")
    try:
        added = await asyncio.to_thread(
            comments.add_comment, context.store, about, who.key_id, kept, tenant_of(who)
        )
    except CommentError as error:
        raise BadRequest(str(error), param="text") from None
    if added is None:
        raise _no_trace()
    return added


def _no_trace() -> NotFound:
    return NotFound("There is no trace with this id.")
