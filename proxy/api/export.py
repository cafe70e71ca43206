"""`GET /api/traces/export`: traces as a file, streamed. Every one is in the audit log, and none has a raw text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from proxy.api.deps import Route, allowed, own
from proxy.context import Context
from proxy.errors import BadRequest, Code, Unavailable, plain_name, plain_param
from proxy.exchange import Principal
from proxy.export.formats import MEDIA_TYPES, SUFFIXES, encoded
from proxy.roles import Permission
from proxy.store.db import AWAY
from proxy.store.exports import Export
from proxy.store.filters import FilterError, parse

KNOWN = ("q", "format", "content")
"""The query parameters of `GET /api/traces/export`."""


def router(context: Context) -> APIRouter:
    """The route; for those who may. It stands before `/api/traces/{id}`."""
    routes = APIRouter(route_class=Route)

    @routes.get("/api/traces/export")
    async def export(
        request: Request, who: Principal = Depends(allowed(context, Permission.TRACES_EXPORT))
    ) -> Response:
        """The traces of a filter, newest first. A reply that breaks off has no end, and a client sees that."""
        asked = request.query_params
        for name in asked:
            if name not in KNOWN:
                message = f"Query parameter {plain_name(name)} is unknown. Known: {', '.join(KNOWN)}."
                raise BadRequest(message, param=plain_param(name), code=Code.UNKNOWN_PARAMETER)
        format, content = asked.get("format", "jsonl"), asked.get("content", "false")
        if format not in MEDIA_TYPES:
            raise BadRequest(f"format takes one of {', '.join(MEDIA_TYPES)}.", param="format")
        if content not in ("true", "false"):
            raise BadRequest("content takes true or false.", param="content")
        try:
            one = Export(context.store, who.key_id, format, parse(asked.get("q", "")) + own(who))
            await asyncio.to_thread(one.begin)
        except FilterError as error:
            raise BadRequest(f"q, at {error.at}: {error}", param="q") from None
        except AWAY:
            raise Unavailable("The database does not answer.", headers={"retry-after": "5"}) from None
        headers = {
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="traces.{SUFFIXES[format]}"',
        }
        pieces = encoded(one.traces(), format, content == "true")
        return StreamingResponse(_streamed(one, pieces), 200, headers, MEDIA_TYPES[format])

    return routes


async def _streamed(export: Export, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces, each made in a thread; how it ended is kept whatever became of the caller."""
    complete = False
    try:
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            if piece:
                yield piece
        complete = True
    finally:
        # Not awaited by whoever was cancelled: it is done all the same.
        await asyncio.shield(asyncio.to_thread(export.end, complete))
