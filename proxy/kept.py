"""What is kept of an exchange: never more than the guardrails vouch for, and always exactly one record."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

from guardrails.policy import Capture
from guardrails.types import Verdict, merge
from proxy import admission
from proxy.context import Context
from proxy.costs import settle
from proxy.dialects import file_search
from proxy.errors import Unavailable
from proxy.exchange import Exchange
from proxy.identity import subject_hash, user, without_user
from proxy.logs import access
from proxy.raw import sealed
from proxy.recorder import NotRecorded
from proxy.verdicts import scanned


def storable(exchange: Exchange, verdict: Verdict) -> bool:
    """Whether a text with this verdict's edits made may be stored.

    Not when the policy keeps no texts, and not when a rule that acts could not look: what it would have
    masked is unknown then.
    """
    return exchange.capture is not Capture.NONE and scanned(verdict, exchange.guard.policy)


def storable_reply(
    exchange: Exchange, verdict: Verdict, reply: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The reply as it may be stored, or None. Some replies repeat whom their request named."""
    return without_user(reply) if reply is not None and storable(exchange, verdict) else None


def name_subject(
    context: Context, exchange: Exchange, headers: Mapping[bytes, bytes], request: Mapping[str, Any]
) -> None:
    """Sets the keyed hash of the person whom a request is for, as far as it is read."""
    if exchange.principal is not None and (name := user(headers, request)) is not None:
        exchange.subject = subject_hash(context.key, exchange.principal.tenant, name)


def record(context: Context, exchange: Exchange, waits: bool = False) -> None:
    """Hand a finished exchange to the recorder and the metrics; a second call does nothing.

    With `waits` the metrics wait until it is known whether it could be kept, see `keep`. Of callers without a good
    key only some have a row: see `proxy.strangers`.
    """
    if exchange.duration_us is not None:
        return
    finish(context, exchange)
    if exchange.principal is not None or context.strangers.may(context.recorder):
        context.recorder.record(exchange, waits)
    if not waits:
        count(context, exchange)


def finish(context: Context, exchange: Exchange) -> None:
    """Set what only the end of an exchange tells."""
    exchange.duration_us = exchange.elapsed_us()
    calls, hits = [*exchange.tool_calls], exchange.retrieval
    if exchange.safe_request is not None:
        calls += exchange.dialect.answered_calls(exchange.safe_request)
    if exchange.safe_response is not None:
        calls += exchange.dialect.requested_calls(exchange.safe_response)
        hits = [*hits, *file_search.hits(exchange.safe_response)]
    exchange.tool_calls, exchange.retrieval = calls, hits
    _seal(context, exchange)
    settle(context, exchange)
    admission.charge(context, exchange)


def count(context: Context, exchange: Exchange) -> None:
    """Tell those who watch of a finished exchange."""
    context.metrics.observe(exchange)
    if context.spans is not None:
        context.spans.export(exchange)
    access(exchange)


def _seal(context: Context, exchange: Exchange) -> None:
    """Encrypt what is kept from before the guardrails, if every policy it stood under keeps it."""
    raw, exchange.raw = exchange.raw, None
    if raw is None:
        return
    capture = exchange.capture
    if capture is Capture.RAW or (capture is Capture.FLAGGED and exchange.flagged):
        exchange.sealed = sealed(context.key, exchange.id, raw)


async def watched(exchange: Exchange) -> None:
    """Returns when what is looked at beside the exchange is known, and part of its verdict on the request."""
    while exchange.watching:
        exchange.input = merge([exchange.input, await exchange.watching.pop(0)])


async def keep(context: Context, exchange: Exchange) -> None:
    """Before the last byte of a reply leaves: returns when the end of this process loses its trace no more.

    In strict mode when it is on disk. Raises Unavailable when it cannot be put there; what the caller is told
    instead is recorded as soon as it can.
    """
    if exchange.duration_us is not None:
        return
    strict = context.config.spool_mode == "strict" and not exchange.unkept
    if strict:
        await watched(exchange)
    if strict or context.runs.ready(exchange):
        # Other proxies know of the reply before its caller can go on from it.
        await context.runs.settle(exchange)
    if not strict:
        if exchange.watching or not context.runs.ready(exchange):
            # The whole of it follows when it is known; nobody waits for that.
            draft = copy(exchange)
            finish(context, draft)
            context.recorder.draft(draft)
        else:
            record(context, exchange)
        return
    begun = copy(exchange)
    record(context, exchange, waits=True)
    try:
        await context.recorder.written(exchange.id)
    except NotRecorded:
        exchange.unkept, exchange.duration_us = True, None
        exchange.tool_calls, exchange.retrieval = begun.tool_calls, begun.retrieval
        raise Unavailable("The trace of this request could not be kept, so it is not answered.") from None
    count(context, exchange)
