"""`POST /v1/traces`: spans that apps export as OTLP over HTTP, in protobuf or JSON, kept once they are on disk."""

from __future__ import annotations

import asyncio
import time

from proxy.context import Context
from proxy.dialects.served import error_body
from proxy.errors import Code, ProxyError, Unavailable
from proxy.exchange import new_id
from proxy.otlp import json_form, protobuf
from proxy.otlp.documents import documents
from proxy.otlp.span import Batch
from proxy.otlp.turns import RETRY
from proxy.permits import check_calls
from proxy.recorder import NotRecorded
from proxy.wire import ClientGone, Connection, header_pairs

PATH = "/v1/traces"
MOST_BYTES = 8 << 20
"""Of one request, decoded; the configuration's `max_body_bytes` where that is less."""
PROTOBUF, JSON = "application/x-protobuf", "application/json"


async def serve(context: Context, connection: Connection) -> None:
    """Answer one export; errors as a google.rpc.Status to who speaks protobuf, in OpenAI's envelope to all others."""
    id_ = new_id()
    kind = (connection.header(b"content-type") or "").partition(";")[0].strip().lower()
    spoken = PROTOBUF if kind == PROTOBUF else JSON
    headers = {"x-request-id": id_, "request-id": id_, "x-guardhouse-trace-id": id_, "content-type": spoken}
    status = 200
    try:
        body = await _taken(context, connection, kind)
    except ClientGone:
        return
    except ProxyError as error:
        status, error.request_id = error.status, id_
        headers |= error.headers
        body = protobuf.status(status, error.message) if spoken == PROTOBUF else error_body(PATH, error)
    await connection.reply(status, header_pairs(headers), body)


async def _taken(context: Context, connection: Connection, kind: str) -> bytes:
    """The answer to spans that are on disk. Raises ProxyError."""
    who = context.keyring.principal(connection.credentials())
    check_calls(who)
    if kind not in (PROTOBUF, JSON):
        raise ProxyError(
            f"Spans come as content-type {PROTOBUF} or {JSON}.",
            status=415, type="invalid_request_error", code=Code.UNSUPPORTED_MEDIA_TYPE, param="content-type",
        )  # fmt: skip
    if not context.recorder.accepting:
        raise Unavailable("No more spans can be kept now. Send them again later.", headers=RETRY)
    limit = min(context.config.max_body_bytes, MOST_BYTES)
    body = await connection.body(limit, context.config.clients.send_s)
    read, response = (
        (protobuf.read, protobuf.response) if kind == PROTOBUF else (json_form.read, json_form.response)
    )
    async with context.exports.one():
        batch: Batch = await asyncio.to_thread(read, body)
        found = await documents(context, who, batch.spans, time.time_ns() // 1000)
    if found:
        try:
            await asyncio.to_thread(context.recorder.take, found)
            await context.recorder.written(found[-1]["id"])
        except NotRecorded:
            raise Unavailable("The spans could not be kept. Send them again later.", headers=RETRY) from None
    context.metrics.app_spans(len(found), len(batch.refused))
    return response(len(batch.refused), "; ".join(dict.fromkeys(batch.refused)))
