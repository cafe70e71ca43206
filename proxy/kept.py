"""What is kept of an exchange: never more than the guardrails vouch for, and always exactly one record."""

from __future__ import annotations

from typing import Any

from guardrails.policy import Capture
from guardrails.types import Verdict
from proxy.context import Context
from proxy.dialects import chat
from proxy.errors import Unavailable
from proxy.exchange import Exchange
from proxy.recorder import NotRecorded
from proxy.verdicts import scanned


def storable(context: Context, verdict: Verdict) -> bool:
    """Whether a text with this verdict's edits made may be stored.

    Not when the policy keeps no texts, and not when a rule that acts could not look: what it would have
    masked is unknown then.
    """
    policy = context.guard.policy
    return policy.capture is not Capture.NONE and scanned(verdict, policy)


def storable_reply(context: Context, verdict: Verdict, reply: dict[str, Any] | None) -> dict[str, Any] | None:
    """The reply as it may be stored, or None."""
    return reply if storable(context, verdict) else None


def record(context: Context, exchange: Exchange) -> None:
    """Hand a finished exchange to the recorder and the metrics; a second call does nothing."""
    if exchange.duration_us is not None:
        return
    exchange.duration_us = exchange.elapsed_us()
    if exchange.safe_request is not None and exchange.safe_request.get("messages"):
        exchange.tool_calls += chat.answered_calls(exchange.safe_request)
    if exchange.safe_response is not None:
        for choice in exchange.safe_response["choices"]:
            exchange.tool_calls += chat.requested_calls(choice["message"])
    context.recorder.record(exchange)
    context.metrics.observe(exchange)


async def keep(context: Context, exchange: Exchange) -> None:
    """Before the last byte of a reply leaves: in strict mode, returns when its trace is on disk.

    Raises Unavailable when it cannot be put there.
    """
    if context.config.spool_mode != "strict" or exchange.duration_us is not None:
        return
    record(context, exchange)
    try:
        await context.recorder.written(exchange.id)
    except NotRecorded:
        raise Unavailable("The trace of this request could not be kept, so it is not answered.") from None
