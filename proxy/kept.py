"""What is kept of an exchange: never more than the guardrails vouch for, and always exactly one record."""

from __future__ import annotations

from typing import Any

from guardrails.policy import Capture
from guardrails.types import Verdict, merge
from proxy import admission
from proxy.context import Context
from proxy.costs import settle
from proxy.dialects import file_search
from proxy.errors import Unavailable
from proxy.exchange import Exchange
from proxy.logs import access
from proxy.recorder import NotRecorded
from proxy.verdicts import scanned


def storable(exchange: Exchange, verdict: Verdict) -> bool:
    """Whether a text with this verdict's edits made may be stored.

    Not when the policy keeps no texts, and not when a rule that acts could not look: what it would have
    masked is unknown then.
    """
    policy = exchange.guard.policy
    return policy.capture is not Capture.NONE and scanned(verdict, policy)


def storable_reply(
    exchange: Exchange, verdict: Verdict, reply: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The reply as it may be stored, or None."""
    return reply if storable(exchange, verdict) else None


def record(context: Context, exchange: Exchange) -> None:
    """Hand a finished exchange to the recorder and the metrics; a second call does nothing."""
    if exchange.duration_us is not None:
        return
    exchange.duration_us = exchange.elapsed_us()
    if exchange.safe_request is not None:
        exchange.tool_calls += exchange.dialect.answered_calls(exchange.safe_request)
    if exchange.safe_response is not None:
        exchange.tool_calls += exchange.dialect.requested_calls(exchange.safe_response)
        exchange.retrieval = [*exchange.retrieval, *file_search.hits(exchange.safe_response)]
    settle(context, exchange)
    admission.charge(context, exchange)
    context.recorder.record(exchange)
    context.metrics.observe(exchange)
    if context.spans is not None:
        context.spans.export(exchange)
    access(exchange)


async def watched(exchange: Exchange) -> None:
    """Returns when what is looked at beside the exchange is known, and part of its verdict on the request."""
    while exchange.watching:
        exchange.input = merge([exchange.input, await exchange.watching.pop(0)])


async def keep(context: Context, exchange: Exchange) -> None:
    """Before the last byte of a reply leaves: in strict mode, returns when its trace is on disk.

    Raises Unavailable when it cannot be put there.
    """
    strict = context.config.spool_mode == "strict"
    if strict or context.runs.ready(exchange):
        # Other proxies know of the reply before its caller can go on from it.
        await context.runs.settle(exchange)
    if not strict or exchange.duration_us is not None:
        return
    await watched(exchange)
    record(context, exchange)
    try:
        await context.recorder.written(exchange.id)
    except NotRecorded:
        raise Unavailable("The trace of this request could not be kept, so it is not answered.") from None
