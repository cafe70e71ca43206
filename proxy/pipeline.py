"""The straight line every exchange takes: who, what, may it go out, call, may it come in, keep a trace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from guardrails.conversation import Conversation
from guardrails.engine import Guard
from guardrails.policy import BlockStyle
from guardrails.pseudonyms import Vault
from guardrails.redact import mask
from guardrails.types import Segment, Stage, merge
from proxy import admission, moderation, objects, permits, raw, relay, retrievals, traceparent
from proxy.cache import CHOOSING, directives
from proxy.config_deployments import Deployment
from proxy.context import Context
from proxy.dialects import stream_usage
from proxy.dialects.base import Dialect
from proxy.dialects.extension import EXTENSION
from proxy.dialects.request_body import document
from proxy.dialects.served import JUDGED_HERE
from proxy.document import told
from proxy.errors import Blocked, Code, ProxyError, Unavailable
from proxy.exchange import Exchange
from proxy.identity import in_headers, without_user
from proxy.kept import name_subject, storable
from proxy.large import aside, texts_of
from proxy.lasting import acts, is_stored
from proxy.prompt_request import prompted
from proxy.providers.base import Call, Reply, ReplyStream
from proxy.relay import Timed
from proxy.routing import Attempt, speaker
from proxy.vaults import HEADER, session_name
from proxy.verdicts import failed_closed, unscannable
from proxy.wire import Connection

VAULT_SCOPE = "chat"
"""Pseudonyms are equal within a tenant, so that a conversation keeps its tokens from turn to turn."""


async def serve(context: Context, connection: Connection, dialect: Dialect) -> None:
    """Answer one request in a dialect, whatever becomes of it, and record it exactly once."""
    out = relay.Outlet(context, connection, begin(context, connection, dialect, connection.path))
    await relay.settled(out, _served(out))


# --- the steps


def begin(context: Context, connection: Connection, dialect: Dialect, path: str) -> Exchange:
    """The exchange of a request that has just come in on a route."""
    exchange = Exchange(path, dialect, context.policies.guard, id=connection.id)
    exchange.named = in_headers(connection.headers)
    traceparent.enter(exchange, connection)
    exchange.config = context.config.revision
    return exchange


async def _served(out: relay.Outlet) -> None:
    """The steps, one after the other."""
    context, connection, exchange = out.context, out.connection, out.exchange
    with Timed(exchange, "auth"):
        exchange.principal = context.keyring.principal(connection.credentials())
        name_subject(context, exchange, connection.headers, {})
        permits.check_caller(context, exchange.principal)
    exchange.body = await connection.body(context.config.max_body_bytes, context.config.clients.send_s)
    exchange.size = len(exchange.body)
    with Timed(exchange, "parse"):
        exchange.session = session_name(connection.header(HEADER.encode()))
        await aside(exchange, _parse, context, exchange, connection.headers)
        exchange.retrievals = retrievals.named(context.key, connection, exchange)
        await objects.check(context, exchange)
    async with connection.watched():
        await admission.admit(context, exchange)
        if exchange.model:
            await _relay(context, connection, out)
        else:
            await moderation.answer(out)


def admit(context: Context) -> None:
    """Raises Unavailable when no more traces can be kept."""
    if not context.recorder.accepting:
        raise Unavailable("No more traces can be kept, so no requests are taken. Try again later.")


def _parse(context: Context, exchange: Exchange, headers: Mapping[bytes, bytes]) -> None:
    """The body as a request for a model that is served on this route. Raises BadRequest or NotFound."""
    admit(context)
    came = exchange.body
    given = document(came)
    name_subject(context, exchange, headers, given)
    dialect, request = exchange.dialect, prompted(context, exchange, given)
    if request.get("model") is None and context.config.default_model:
        request["model"] = context.config.default_model
        exchange.body = b""
    dialect.check(request)
    assert exchange.principal is not None
    exchange.request, exchange.stream = request, bool(request.get("stream"))
    if exchange.path not in JUDGED_HERE or request.get("model") in context.router.models():
        deployments = context.router.resolve(request["model"])
        # Only now: a name that is not served could hold anything, and what stands here is stored.
        exchange.model = request["model"]
        permits.check_model(exchange.principal, exchange.model)
        for deployment in deployments:
            speaker(deployment, exchange.path)
    exchange.guard = context.policies.guard_for(exchange.principal, exchange.model, exchange.path)
    exchange.raw = raw.begun(exchange.capture, came)
    exchange.retrieval = dialect.hits(request)
    exchange.follows = objects.followed(exchange)


async def _relay(context: Context, connection: Connection, out: relay.Outlet) -> None:
    """Answer with what the provider says to what may go out."""
    exchange = out.exchange
    with Timed(exchange, "inspect_input"):
        sent = await inspect(context, exchange)
    if sent is None:
        await _refuse(context, out)
        return
    context.runs.look(exchange)
    with Timed(exchange, "upstream"):
        answer = await _answer(context, connection, exchange, sent)
    if isinstance(answer, Reply):
        await relay.whole(out, answer)
    else:
        await relay.stream(out, answer)


async def inspect(context: Context, exchange: Exchange) -> dict[str, Any] | None:
    """The request as it may go out, or None when it is blocked. Sets what is stored of it."""
    assert exchange.principal is not None
    guard = exchange.guard
    vault = exchange.vault = Vault(context.key, exchange.principal.tenant, VAULT_SCOPE)
    tenant, named = exchange.principal.tenant, exchange.session
    session = await context.vaults.open(tenant, named, vault) if named else None
    if exchange.follows:
        await context.vaults.open(tenant, exchange.follows, vault)
    exchange.retrieval = []
    texts, said, parts = await aside(exchange, _read, exchange)
    found = await guard.inspect(texts, vault, conversation=said, later=True)
    verdict = merge([found, unscannable(parts, guard.policy.unscannable)]) if parts else found
    exchange.input, exchange.conversation = verdict, said
    if session is not None and not verdict.blocked_by:
        await context.vaults.keep(session)
    sent = await aside(exchange, _decided, exchange, vault)
    if sent is not None and guard.watches({text.stage for text in texts}):
        exchange.watching.append(asyncio.create_task(guard.watch(texts, said)))
    return sent


def _read(exchange: Exchange) -> tuple[list[Segment], Conversation, list[tuple[str, Stage]]]:
    """What a request says, and its parts that hold something other than text."""
    texts = texts_of(exchange)
    said = exchange.dialect.conversation(exchange.request, texts, exchange.counted_as)
    return texts, said, exchange.dialect.unscannable(exchange.request)


def _decided(exchange: Exchange, vault: Vault) -> dict[str, Any] | None:
    """The judged request as it may go out, or None when it is blocked. Sets what is stored of it."""
    verdict, dialect, request = exchange.input, exchange.dialect, exchange.request
    blocks = bool(verdict.blocked_by)
    edits = mask(f for f in verdict.findings if f.end) if blocks else verdict.edits
    edited = dialect.edited(request, edits) if edits else request
    if verdict.edits:
        exchange.conversation = exchange.conversation.edited(verdict.edits)
    exchange.safe_request = None
    if storable(exchange, verdict):
        exchange.safe_request = without_user(dialect.stored(edited))
        exchange.retrieval = dialect.hits(edited)
    if verdict.edits or EXTENSION in request:
        exchange.body = b""
    return None if blocks else dialect.outgoing(edited, verdict.edits, vault)


async def _judged(context: Context, exchange: Exchange) -> dict[str, Any]:
    """The request as it may go out. Raises Blocked when it may not."""
    sent = await inspect(context, exchange)
    if sent is None:
        raise blocked(exchange)
    return sent


async def _refuse(context: Context, out: relay.Outlet) -> None:
    """Tell the caller that the request is blocked, in the policy's style. Nothing of it went upstream."""
    exchange = out.exchange
    polite = exchange.guard.policy.block_style is BlockStyle.REFUSAL and not failed_closed(exchange.input)
    reply = exchange.dialect.refusal(exchange) if polite else None
    if reply is None:
        raise blocked(exchange)
    exchange.finish_reasons = exchange.dialect.finish_reasons(reply)
    if exchange.stream:
        await out.begin({})
        await out.end(exchange.dialect.events(reply))
    else:
        await out.whole(200, orjson.dumps(reply))


def blocked(exchange: Exchange) -> Blocked:
    """The error that tells which rule blocks the request."""
    rule, at = exchange.input.blocked_by, told(exchange.input.blocked_at, exchange.input.findings)
    if failed_closed(exchange.input):
        message = f"The request was refused: the rule {rule!r} could not check it."
        return Blocked(message, code=Code.GUARDRAIL_UNAVAILABLE, param=at)
    name = exchange.guard.policy.name
    return Blocked(f"The request was blocked by the rule {rule!r} of the policy {name!r}.", param=at)


async def _answer(
    context: Context, connection: Connection, exchange: Exchange, sent: dict[str, Any]
) -> Reply | ReplyStream:
    """The provider's answer, or the one that it gave to an equal request. Raises as `_call` does."""
    if context.replies.off or exchange.stream:
        return await _call(context, connection, exchange, sent)
    lasting = is_stored(exchange.path, sent) or acts(exchange.path, sent)
    wanted = directives(connection.header(b"cache-control"))
    if lasting or "no-store" in wanted:
        return await _call(context, connection, exchange, sent)
    assert exchange.principal is not None
    chosen = (connection.header(name) or "" for name in CHOOSING)
    asked = (exchange.principal.tenant, exchange.path, exchange.policy, *chosen)
    key = context.replies.key(asked, sent)
    if "no-cache" not in wanted and (kept := context.replies.get(key)) is not None:
        exchange.provider = "cache"
        return Reply(kept.status, {"x-guardhouse-cache": "hit"}, kept.body)
    answer = await _call(context, connection, exchange, sent)
    if isinstance(answer, Reply) and asked[2] == exchange.policy and _is_answer(exchange, answer):
        context.replies.put(key, answer)
    return answer


def _is_answer(exchange: Exchange, answer: Reply) -> bool:
    """Whether a reply is one, and no error or half of one: nothing else is worth giving again."""
    try:
        exchange.dialect.reply(answer.body)
    except ProxyError:
        return False
    return True


async def _call(
    context: Context, connection: Connection, exchange: Exchange, sent: dict[str, Any]
) -> Reply | ReplyStream:
    """The provider's answer. Raises UpstreamError or UpstreamTimeout when there is none."""

    def call(deployment: Deployment, payload: dict[str, Any]) -> Call:
        headers, body = traceparent.headers(exchange, connection), exchange.body or None
        if exchange.stream and deployment.stream_usage and stream_usage.is_wanted(exchange.path, payload):
            exchange.counting = True
            payload, body = stream_usage.asking(payload, body)
        return Call(payload, exchange.path, exchange.stream, body, headers)

    async def made(deployment: Deployment) -> Call:
        # A fallback may stand under another policy than the model that was asked for.
        if deployment.model_name != exchange.model:
            await _judge_for(context, exchange, deployment.model_name, bodies)
        return call(deployment, bodies[exchange.guard])

    bodies = {exchange.guard: sent}
    attempts: list[Attempt] = []
    exchange.upstream_called = True
    context.shadows.cast(context, connection, exchange, _judged)
    try:
        once = acts(exchange.path, sent) or is_stored(exchange.path, sent)
        routed = await context.router.call(exchange.model, made, attempts, exchange.sticky, once)
    finally:
        exchange.attempts = len(attempts)
        exchange.deployment = attempts[-1].deployment if attempts else ""
        context.metrics.attempts(exchange.model, attempts)
    exchange.deployment = routed.deployment.id
    exchange.provider = speaker(routed.deployment, exchange.path)
    return routed.answer


async def _judge_for(
    context: Context, exchange: Exchange, model: str, bodies: dict[Guard, dict[str, Any]]
) -> None:
    """Judge the request by the policy for a fallback, if that is another; adds the request as it may go there.

    Raises Blocked when that policy blocks it.
    """
    assert exchange.principal is not None
    guard = context.policies.guard_for(exchange.principal, model, exchange.path)
    if guard is exchange.guard:
        return
    exchange.kept_before = exchange.capture
    exchange.guard, before = guard, exchange.input
    judged = await inspect(context, exchange)
    # What the first policy found stays on record: its provider was sent the text.
    both = merge([exchange.input, replace(before, edits=())])
    exchange.input = replace(both, findings=tuple(dict.fromkeys(both.findings)))
    if judged is None:
        raise blocked(exchange)
    bodies[guard] = judged
