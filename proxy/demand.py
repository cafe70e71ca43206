"""What a request may use at most, before anybody has asked a provider; and what it used, when that is over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from proxy.costs import is_part, unbilled
from proxy.demand_size import request_tokens, text_tokens
from proxy.errors import Code, Forbidden
from proxy.limiter import Demand, Scopes
from proxy.limits import MOST

if TYPE_CHECKING:
    from proxy.config import Config
    from proxy.config_deployments import Deployment
    from proxy.context import Context
    from proxy.exchange import Exchange

OUTPUT_TOKENS = 4_096
"""What a reply is taken for where neither the request nor the price table bounds it."""
WRITING = frozenset(
    {"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/responses/compact", "/v1/messages"}
)
"""Routes whose replies are written by a model."""
WORKING = WRITING | {"/v1/embeddings", "/v1/moderations"}
"""Routes on which a model works. Counting tokens and reading what a provider keeps uses none."""
_BOUNDS = {
    "/v1/chat/completions": ("max_completion_tokens", "max_tokens"),
    "/v1/completions": ("max_tokens",),
    "/v1/responses": ("max_output_tokens",),
    "/v1/messages": ("max_tokens",),
}
"""What bounds a reply, by route: a member of another route's is nothing to the provider."""


def demand_of(context: Context, exchange: Exchange, scopes: Scopes) -> Demand:
    """The most that a request may use. Raises Forbidden where a budget holds and the price is not known."""
    at_s = exchange.started_us // 1_000_000
    if not exchange.model or exchange.path not in WORKING:
        return Demand(exchange.id, scopes, at_s=at_s)
    tokens_in = request_tokens(exchange)
    priced = exchange.path != "/v1/moderations" and any(limits.budgets for _, limits in scopes)
    writes = exchange.path in WRITING
    if not priced and not any(limits.tpm for _, limits in scopes):
        return Demand(exchange.id, scopes, tokens_in, 0, at_s, tokens_in)
    deployments = _reachable(context, exchange.model) if priced else context.router.resolve(exchange.model)
    tokens_out = _most_written(context, exchange, deployments) if writes else 0
    cost = _most_cost(context, deployments, tokens_in, tokens_out) if priced else 0
    return Demand(exchange.id, scopes, tokens_in + tokens_out, cost, at_s, tokens_in)


def used(context: Context, exchange: Exchange, lease: Demand) -> tuple[int, int]:
    """The tokens and billionths of a US dollar that an exchange used, estimated where its provider does not say."""
    if not exchange.upstream_called or not lease.tokens:
        return 0, exchange.cost_nanousd or 0
    tokens_in, tokens_out, told = _counted(exchange.usage)
    if not told:
        if unbilled(exchange):
            return lease.tokens_in, 0
        if exchange.path == "/v1/responses" and exchange.request.get("background") is True:
            # The provider has only begun, and tells what it used when nobody is here any more.
            return lease.tokens, lease.cost if exchange.cost_nanousd is None else exchange.cost_nanousd
        tokens_in, tokens_out = lease.tokens_in, _written(exchange, lease)
    elif is_part(exchange):
        tokens_out = max(tokens_out, _written(exchange, lease))
    if exchange.cost_nanousd is not None:
        return tokens_in + tokens_out, exchange.cost_nanousd
    if not lease.cost:
        return tokens_in + tokens_out, 0
    deployment = context.router.deployment(exchange.deployment)
    cost = None if deployment is None else context.prices.estimate(deployment, tokens_in, tokens_out)
    return tokens_in + tokens_out, lease.cost if cost is None else cost


def _reachable(context: Context, model: str) -> list[Deployment]:
    """The deployments of a model, and of all that may answer in its place."""
    names = {model: None, **dict.fromkeys(_fallbacks(context.config, model))}
    return [each for name in names for each in context.router.resolve(name)]


def _fallbacks(config: Config, model: str) -> list[str]:
    settings = config.router
    lists = (settings.fallbacks, settings.context_window_fallbacks, settings.content_policy_fallbacks)
    return [name for each in lists for name in each.get(model, each.get("*", ()))]


def _most_written(context: Context, exchange: Exchange, deployments: list[Deployment]) -> int:
    request = exchange.request
    bounds = [request[name] for name in _BOUNDS.get(exchange.path, ()) if _is_count(request.get(name))]
    if bounds:
        most = max(bounds)
    else:
        known = [context.prices.max_output_tokens(each) or OUTPUT_TOKENS for each in deployments]
        most = max(known, default=OUTPUT_TOKENS)
    choices = [request[name] for name in ("n", "best_of") if _is_count(request.get(name))]
    return int(min(most * max(choices, default=1) * _prompts(exchange), MOST))


def _prompts(exchange: Exchange) -> int:
    """How many prompts a request has: each is completed by itself."""
    prompt = exchange.request.get("prompt") if exchange.path == "/v1/completions" else None
    return len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST


def _most_cost(context: Context, deployments: list[Deployment], tokens_in: int, tokens_out: int) -> int:
    costs = [context.prices.most(each, tokens_in, tokens_out) for each in deployments]
    known = [cost for cost in costs if cost is not None]
    if len(known) < len(costs):
        raise Forbidden(
            "A budget holds for this key, and what this model costs is not known, so it is not served to it. The"
            " operator can write model_info.input_cost_per_token and output_cost_per_token at each of its deployments"
            " and fallbacks.",
            code=Code.MODEL_PRICE_UNKNOWN,
            param="model",
        )
    return max(known, default=0)


def _counted(usage: Mapping[str, Any] | None) -> tuple[int, int, bool]:
    """(in, out, whether the provider said either)."""
    counts = [
        next((usage[name] for name in names if _is_count(usage.get(name))), None) if usage else None
        for names in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
    ]
    return counts[0] or 0, counts[1] or 0, any(count is not None for count in counts)


def _written(exchange: Exchange, lease: Demand) -> int:
    """About how many tokens the reply is, as far as it came; where it was not kept, what was reserved for it."""
    if exchange.safe_response is not None:
        return text_tokens(exchange.safe_response.get("choices", exchange.safe_response))
    return lease.tokens - lease.tokens_in if exchange.first_token_us is not None else 0
