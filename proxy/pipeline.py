"""The straight line every exchange takes: who, what, may it go out, call, may it come in, keep a trace."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import orjson

from guardrails.policy import BlockStyle
from guardrails.pseudonyms import Vault
from guardrails.redact import mask
from guardrails.types import merge
from proxy import relay, sse
from proxy.context import Context
from proxy.dialects import chat, chat_reply
from proxy.dialects.instruction import first_token
from proxy.errors import Blocked, Code, ProxyError, Unavailable
from proxy.exchange import Exchange
from proxy.kept import record, storable
from proxy.providers.base import Call, Reply, ReplyStream
from proxy.relay import Timed
from proxy.routing import Attempt
from proxy.vaults import HEADER, session_name
from proxy.verdicts import failed_closed, unscannable
from proxy.wire import ClientGone, Connection

VAULT_SCOPE = "chat"
"""Pseudonyms are equal within a tenant, so that a conversation keeps its tokens from turn to turn."""

_TRACEPARENT = re.compile(r"[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}")


async def serve(context: Context, connection: Connection) -> None:
    """Answer one chat completion, whatever becomes of it, and record it exactly once."""
    exchange = _begin(context, connection)
    out = relay.Outlet(context, connection, exchange)
    settled = False
    try:
        with Timed(exchange, "auth"):
            exchange.principal = context.keyring.principal(connection.header(b"authorization"))
        exchange.body = await connection.body(context.config.max_body_bytes)
        with Timed(exchange, "parse"):
            _parse(context, exchange)
            named = session_name(connection.header(HEADER.encode()))
        async with connection.watched():
            with Timed(exchange, "inspect_input"):
                sent = await _inspect(context, exchange, named)
            if sent is None:
                await _refuse(context, out)
            else:
                with Timed(exchange, "upstream"):
                    answer = await _call(context, connection, exchange, sent)
                if isinstance(answer, Reply):
                    await relay.whole(out, answer)
                else:
                    await relay.stream(out, answer)
        settled = True
    except ProxyError as error:
        await out.error(error)
        settled = True
    except (ClientGone, asyncio.CancelledError) as left:
        exchange.cancelled = not connection.complete
        settled = True
        if isinstance(left, asyncio.CancelledError):
            raise
    finally:
        if not settled:
            # A fault of our own: told, recorded, and on its way to the server's log.
            await out.error(ProxyError("The proxy failed. Its operator finds the reason in the log."))
        record(context, exchange)


# --- the steps


def _begin(context: Context, connection: Connection) -> Exchange:
    exchange = Exchange(connection.path, chat.NAME, policy=context.guard_label)
    given = _TRACEPARENT.fullmatch(connection.header(b"traceparent") or "")
    exchange.trace_id = given[1] if given else exchange.id
    return exchange


def _parse(context: Context, exchange: Exchange) -> None:
    """The body as a request for a model that is served. Raises BadRequest or NotFound."""
    if not context.recorder.accepting:
        raise Unavailable("No more traces can be kept, so no requests are taken. Try again later.")
    request = chat.document(exchange.body)
    if request.get("model") is None and context.config.default_model:
        request["model"] = context.config.default_model
        exchange.body = b""
    chat.check(request)
    exchange.request, exchange.stream = request, bool(request.get("stream"))
    context.router.resolve(request["model"])
    # Only now: a name that is not served could hold anything, and what stands here is stored.
    exchange.model = request["model"]
    exchange.retrieval = chat.retrieval(request)


async def _inspect(context: Context, exchange: Exchange, named: str | None) -> dict[str, Any] | None:
    """The request as it may go out, or None when it is blocked. Sets what is stored of it.

    `named` is the session whose earlier pseudonyms are known again; without one, only this request's are.
    """
    assert exchange.principal is not None
    guard, request = context.guard, exchange.request
    vault = exchange.vault = Vault(context.key, exchange.principal.tenant, VAULT_SCOPE)
    session = await context.vaults.open(exchange.principal.tenant, named, vault) if named else None
    hits, exchange.retrieval = exchange.retrieval, []
    found = await guard.inspect(chat.segments(request), vault)
    parts = chat.unscannable(request)
    verdict = merge([found, unscannable(parts, guard.policy.unscannable)]) if parts else found
    exchange.input = verdict
    blocked = bool(verdict.blocked_by)
    if session is not None and not blocked:
        await context.vaults.keep(session)
    edits = mask(f for f in verdict.findings if f.end) if blocked else verdict.edits
    edited = chat.apply_edits(request, edits) if edits else request
    if storable(context, verdict):
        exchange.safe_request = chat.without_media(chat.outgoing(edited))
        exchange.retrieval = chat.stored_retrieval(edited, hits)
    if verdict.edits or chat.EXTENSION in request:
        exchange.body = b""
    return None if blocked else chat.outgoing(edited, first_token(verdict.edits, vault))


async def _refuse(context: Context, out: relay.Outlet) -> None:
    """Tell the caller that the request is blocked, in the policy's style. Nothing of it went upstream."""
    exchange, policy = out.exchange, context.guard.policy
    verdict = exchange.input
    if failed_closed(verdict):
        message = f"The request was refused: the rule {verdict.blocked_by!r} could not check it."
        raise Blocked(message, code=Code.GUARDRAIL_UNAVAILABLE, param=verdict.blocked_at or None)
    if policy.block_style is BlockStyle.ERROR:
        message = f"The request was blocked by the rule {verdict.blocked_by!r} of the policy {policy.name!r}."
        raise Blocked(message, param=verdict.blocked_at or None)
    reply = chat_reply.refusal(exchange.id, exchange.model)
    exchange.finish_reasons = ("content_filter",)
    if exchange.stream:
        await out.begin({})
        await out.end(b"".join(sse.event(chunk) for chunk in chat_reply.as_chunks(reply)))
    else:
        await out.whole(200, orjson.dumps(reply))


async def _call(
    context: Context, connection: Connection, exchange: Exchange, sent: dict[str, Any]
) -> Reply | ReplyStream:
    """The provider's answer. Raises UpstreamError or UpstreamTimeout when there is none."""
    call = Call(sent, exchange.path, exchange.stream, exchange.body or None, connection.forwardable())
    attempts: list[Attempt] = []
    exchange.upstream_called = True
    try:
        routed = await context.router.call(exchange.model, lambda _: call, attempts)
    finally:
        exchange.attempts = len(attempts)
    exchange.deployment, exchange.provider = routed.deployment.id, routed.deployment.provider
    return routed.answer
