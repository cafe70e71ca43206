"""What a request may use at most, and what it is taken to have used."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from proxy.config_deployments import Deployment
from proxy.demand import OUTPUT_TOKENS, demand_of, used
from proxy.dialects.messages_dialect import MESSAGES
from proxy.errors import Code, Forbidden
from proxy.exchange import Failure
from proxy.limiter import Demand
from proxy.limits import Limits
from tests.proxy.exchanges import masked

SCOPES = (("key:k", Limits(tpm=10)),)
PAID = (("key:k", Limits(budgets={"day": 5})),)


class Prices:
    """Ten for a token in, twenty for one out; nobody knows what `dear` costs."""

    def __init__(self, longest: int | None = None) -> None:
        self.longest = longest

    def max_output_tokens(self, deployment: Deployment) -> int | None:
        """As given."""
        return self.longest

    def most(self, deployment: Deployment, tokens_in: int, tokens_out: int) -> int | None:
        """Twice the usual price."""
        usual = self.estimate(deployment, tokens_in, tokens_out)
        return None if usual is None else 2 * usual

    def estimate(self, deployment: Deployment, tokens_in: int, tokens_out: int) -> int | None:
        """None for `dear`."""
        return None if deployment.id == "dear" else 10 * tokens_in + 20 * tokens_out


def context(longest: int | None = None, fallbacks: Any = None) -> Any:
    """A context with one model of each name."""
    router = SimpleNamespace(
        resolve=lambda name: [Deployment(name, name, "fake", "fake", name)],
        deployment=lambda id: Deployment(id, id, "fake", "fake", id) if id else None,
    )
    settings = SimpleNamespace(
        fallbacks=fallbacks or {}, context_window_fallbacks={}, content_policy_fallbacks={}
    )
    return SimpleNamespace(router=router, prices=Prices(longest), config=SimpleNamespace(router=settings))


@pytest.mark.parametrize(
    ("request_", "longest", "out"),
    [
        ({"max_tokens": 50}, None, 50),
        ({"max_completion_tokens": 70, "n": 3}, 5, 210),
        ({"max_output_tokens": 8}, None, OUTPUT_TOKENS),
        ({"max_output_tokens": 8, "max_tokens": 9}, None, 9),
        ({}, 900, 900),
        ({}, None, OUTPUT_TOKENS),
        ({"max_tokens": "many", "n": -1}, None, OUTPUT_TOKENS),
        ({"max_tokens": True}, None, OUTPUT_TOKENS),
    ],
)
def test_a_reply_is_bounded_by_what_is_asked_for(request_: Any, longest: int | None, out: int) -> None:
    """The request's own bound for each choice, else the model's, else a usual one."""
    exchange = masked(request={"messages": [], **request_})

    demand = demand_of(context(longest), exchange, SCOPES)

    assert demand.tokens - demand.tokens_in == out


@pytest.mark.parametrize(
    ("path", "request_", "out"),
    [
        ("/v1/responses", {"max_output_tokens": 8}, 8),
        ("/v1/responses", {"max_tokens": 8}, OUTPUT_TOKENS),
        ("/v1/messages", {"max_tokens": 8}, 8),
        ("/v1/messages", {"max_completion_tokens": 8}, OUTPUT_TOKENS),
        ("/v1/responses/compact", {"max_output_tokens": 8}, OUTPUT_TOKENS),
        ("/v1/completions", {"max_tokens": 8, "prompt": ["a", "b", "c"]}, 24),
        ("/v1/completions", {"max_tokens": 8, "prompt": [[1, 2], [3]], "n": 2}, 32),
        ("/v1/completions", {"max_tokens": 8, "prompt": [1, 2, 3]}, 8),
        ("/v1/embeddings", {"max_tokens": 8}, 0),
    ],
)
def test_only_what_bounds_a_reply_on_its_route_does(path: str, request_: Any, out: int) -> None:
    """What a provider does not look at there bounds nothing; several prompts are answered each."""
    demand = demand_of(context(), masked(path=path, request=request_), SCOPES)

    assert demand.tokens - demand.tokens_in == out


def test_money_is_reserved_at_the_dearest_price() -> None:
    """Nobody knows beforehand what is written to a cache, or in which tier a provider answers."""
    demand = demand_of(context(), masked(request={"max_tokens": 50}), PAID)

    assert demand.cost == 2 * (10 * demand.tokens_in + 20 * 50)


def test_a_price_that_nobody_knows_is_refused_where_money_counts() -> None:
    """Also that of a fallback; without a budget it is nobody's concern."""
    exchange = masked(model="cheap")

    assert demand_of(context(), exchange, PAID).cost > 0
    with pytest.raises(Forbidden) as told:
        demand_of(context(fallbacks={"*": ("dear",)}), exchange, PAID)
    assert told.value.code == Code.MODEL_PRICE_UNKNOWN
    assert demand_of(context(fallbacks={"*": ("dear",)}), exchange, SCOPES).cost == 0


@pytest.mark.parametrize("path", ["/v1/responses/{response_id}", "/v1/messages/count_tokens"])
def test_what_no_model_works_on_uses_nothing(path: str) -> None:
    """Reading stored objects and counting tokens are requests, and no more."""
    demand = demand_of(context(), masked(path=path), SCOPES)

    assert (demand.tokens, demand.cost) == (0, 0)


LEASE = Demand("1", PAID, 100, 1_000, 0, 40)
UNSAID: dict[str, Any] = {"usage": None, "deployment": "cheap", "first_token_us": None, "safe_response": None}
QUEUED = {
    **UNSAID,
    "path": "/v1/responses",
    "request": {"background": True},
    "safe_response": {"status": "queued", "output": []},
}

BEGUN = {
    "dialect": MESSAGES,
    "stream": True,
    "cancelled": True,
    "deployment": "cheap",
    "usage": {"input_tokens": 7, "output_tokens": 1},
}


def test_a_stream_that_was_left_is_charged_as_far_as_it_came() -> None:
    """Anthropic's tell at their begin that they used next to nothing; who leaves before the end pays what was read."""
    reply = {"content": [{"type": "text", "text": "x" * 3_000}]}

    tokens, cost = used(context(), masked(**BEGUN, safe_response=reply), LEASE)

    assert 1_007 < tokens < 1_050
    assert cost == 10 * 7 + 20 * (tokens - 7)


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"upstream_called": False}, (0, 0)),
        ({"cost_nanousd": 77}, (11, 77)),
        ({"deployment": "cheap"}, (11, 130)),
        ({"deployment": "dear"}, (11, 1_000)),
        ({**UNSAID, "first_token_us": 5}, (100, 1_600)),
        ({**UNSAID, "cancelled": True}, (40, 400)),
        ({**UNSAID, "failure": Failure(502, "server_error", Code.UPSTREAM_UNREACHABLE, "x")}, (40, 0)),
        ({**UNSAID, "failure": Failure(503, "server_error", "overloaded", "x"), "refused": True}, (40, 0)),
        ({**UNSAID, "failure": Failure(502, "server_error", Code.UPSTREAM_ERROR, "x")}, (40, 400)),
        (QUEUED, (100, 1_000)),
        ({**QUEUED, "cost_nanousd": 0}, (100, 0)),
        ({**QUEUED, "usage": {"input_tokens": 4, "output_tokens": 1}}, (5, 60)),
        ({**UNSAID, "failure": Failure(504, "server_error", Code.UPSTREAM_TIMEOUT, "x")}, (40, 400)),
        ({"usage": {"input_tokens": 4, "output_tokens": 0}, "deployment": "cheap"}, (4, 40)),
    ],
)
def test_what_was_used_is_said_or_estimated(over: dict[str, Any], expected: tuple[int, int]) -> None:
    """As the provider says it; what it does not say is never nothing, unless it was not asked or did not answer."""
    assert used(context(), masked(**over), LEASE) == expected
