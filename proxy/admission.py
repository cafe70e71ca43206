"""The door of the limits: who may come in, what the caller is told of it, and what is given back at the end."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from proxy.config_limits import scopes_of
from proxy.demand import demand_of, used
from proxy.errors import Code, RateLimited
from proxy.large import aside
from proxy.limiter import Answer, Demand, Refusal
from proxy.limits import NANO

if TYPE_CHECKING:
    from proxy.context import Context
    from proxy.exchange import Exchange

GRACE_SECONDS = 0.05
"""How long a request waits for others to give back what they have just done with, before it is refused."""
_OF_PROVIDERS = ("x-ratelimit-", "anthropic-ratelimit-")
_UNITS = {"rpm": "requests", "tpm": "tokens", "parallel": "requests", "budget": "insufficient_quota"}


async def admit(context: Context, exchange: Exchange) -> None:
    """Let a request in as far as the limits of its key and team go. Raises RateLimited, Forbidden or Unavailable."""
    assert exchange.principal is not None
    scopes = scopes_of(context.config, exchange.principal)
    if not scopes:
        return
    demand = await aside(exchange, demand_of, context, exchange, scopes)
    answer = await context.limiter.admit(demand)
    if answer.refusal is not None and answer.refusal.crowded:
        # Who has just read the last byte of a reply may be here before its lease was given back.
        await asyncio.sleep(GRACE_SECONDS)
        answer = await context.limiter.admit(demand)
    exchange.limit_headers = limit_headers(demand, answer, exchange.path.startswith("/v1/messages"))
    if answer.refusal is not None:
        context.metrics.limited(answer.refusal.scope.partition(":")[0], answer.refusal.kind)
        raise refused(answer.refusal)
    exchange.lease = demand


def charge(context: Context, exchange: Exchange) -> None:
    """Set what its limits are charged for an exchange that is over: before it is recorded, for the trace to say so."""
    if exchange.lease is not None and exchange.charged is None:
        exchange.charged = used(context, exchange, exchange.lease)


def settle(context: Context, exchange: Exchange) -> None:
    """Give back what is reserved for an exchange that is over, and count what it used. Again: nothing."""
    charge(context, exchange)
    lease, exchange.lease = exchange.lease, None
    if lease is not None and exchange.charged is not None:
        context.limiter.settle(lease, *exchange.charged)


def told(exchange: Exchange, provider: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of a reply, its provider's limits replaced by those that hold for the caller."""
    if not exchange.limit_headers:
        return provider
    kept = {name: value for name, value in provider.items() if not name.startswith(_OF_PROVIDERS)}
    return kept | exchange.limit_headers


def refused(refusal: Refusal) -> RateLimited:
    """The error that tells which limit is used up, and when to try again."""
    broke = refusal.kind == "budget" and not refusal.crowded
    headers = {}
    if refusal.wait_s is not None:
        wait = max(refusal.wait_s, 0.001)
        headers = {"retry-after": str(math.ceil(wait)), "retry-after-ms": str(math.ceil(wait * 1000))}
    if broke:
        headers["x-should-retry"] = "false"
    return RateLimited(
        _message(refusal),
        type=_UNITS[refusal.kind] if broke or refusal.kind != "budget" else "requests",
        code=Code.INSUFFICIENT_QUOTA if broke else Code.RATE_LIMIT_EXCEEDED,
        headers=headers,
    )


def _message(refusal: Refusal) -> str:
    kind, _, name = refusal.scope.partition(":")
    whose = "this key" if kind == "key" else f"the team {name.rpartition('/')[2]!r}"
    most, spent = refusal.most, refusal.used
    if refusal.kind == "budget":
        within = "" if refusal.period == "total" else f" a {refusal.period}"
        what = f"The budget of {whose} is {most / NANO:g} USD{within}, and {spent / NANO:g} are spent"
    elif refusal.kind == "parallel":
        return f"{whose[0].upper()}{whose[1:]} may have {most} requests under way at a time, and has {spent}."
    else:
        unit = _UNITS[refusal.kind]
        what = f"The limit of {whose} is {most:,} {unit} a minute, and {spent:,} are used"
    if refusal.crowded:
        return f"{what}; requests under way may need the rest. Try again in a second."
    if refusal.wait_s is None:
        return f"{what}. Ask the operator of this proxy for more."
    return f"{what}. Try again in {duration(refusal.wait_s)}."


def limit_headers(demand: Demand, answer: Answer, anthropic: bool) -> dict[str, str]:
    """What callers are told of the tightest limits by the minute, in the words of the API that they speak."""
    headers: dict[str, str] = {}
    each = list(zip(demand.scopes, answer.standings, strict=True))
    requests = [
        (limits.rpm - now.requests, limits.rpm, now.requests_reset_s)
        for (_, limits), now in each
        if limits.rpm is not None
    ]
    tokens = [
        (limits.tpm - now.tokens, limits.tpm, now.tokens_reset_s)
        for (_, limits), now in each
        if limits.tpm is not None
    ]
    for unit, found in (("requests", requests), ("tokens", tokens)):
        if not found:
            continue
        left, most, reset = min(found)
        values = {"limit": str(most), "remaining": str(max(0, left))}
        if anthropic:
            values["reset"] = (datetime.now(UTC) + timedelta(seconds=reset)).strftime("%Y-%m-%dT%H:%M:%SZ")
            headers |= {f"anthropic-ratelimit-{unit}-{name}": value for name, value in values.items()}
        else:
            values["reset"] = duration(reset)
            headers |= {f"x-ratelimit-{name}-{unit}": value for name, value in values.items()}
    return headers


def duration(seconds: float) -> str:
    """A time to wait as OpenAI writes it, never too short: `12ms`, `1s`, `6m0s`, `1h0m0s`."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms" if seconds > 0 else "0s"
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{rest}s"
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
