"""What an exchange cost, and who answers for it: set when it is finished."""

from __future__ import annotations

from proxy.context import Context
from proxy.errors import Code
from proxy.exchange import Exchange

SPENDING = frozenset(
    {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/responses/compact",
        "/v1/embeddings",
        "/v1/messages",
        "/v1/moderations",
    }
)
"""Routes on which a provider is asked for work. Counting tokens and reading what it keeps costs nothing."""


def settle(context: Context, exchange: Exchange) -> None:
    """Set what the exchange cost and which price says so.

    0 when nothing was sent to a provider that it bills (blocked, refused, failed, given again, kept objects);
    None when price or usage is not known.
    """
    if not exchange.upstream_called or exchange.path not in SPENDING or unbilled(exchange):
        exchange.cost_nanousd = 0
        return
    deployment = context.router.deployment(exchange.deployment)
    price = None if deployment is None else context.prices.of(deployment)
    if deployment is None or price is None:
        return
    exchange.price_version = price.version
    if not is_part(exchange) or price.free:
        exchange.cost_nanousd = context.prices.cost(deployment, exchange.usage, _service_tier(exchange))


def unbilled(exchange: Exchange) -> bool:
    """Whether the provider was not reached, or answered with an error: nobody is asked money for that."""
    failure = exchange.failure
    return exchange.refused or (failure is not None and failure.code == Code.UPSTREAM_UNREACHABLE)


def is_part(exchange: Exchange) -> bool:
    """Whether the usage may be that of a part: Anthropic's streams tell it at the begin too, and it grows."""
    broken = exchange.cancelled or exchange.failure is not None or bool(exchange.output.blocked_by)
    return exchange.stream and exchange.dialect.name == "messages" and broken


def _service_tier(exchange: Exchange) -> object:
    """The tier in which the provider says that it answered; else the one asked for."""
    told = (exchange.safe_response or exchange.told or {}).get("service_tier")
    return told if isinstance(told, str) else exchange.request.get("service_tier")
