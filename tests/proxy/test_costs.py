"""What an exchange cost, from the request to its trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.proxy.policies import FORBIDDEN, policy
from tests.proxy.test_pipeline import ask
from tests.servers import Running, Upstream, chunk, make_app, raw, served, stream, whole

HELLO = {"messages": [{"role": "user", "content": "hello"}]}
PRICE = {"input_cost_per_token": 0.001, "output_cost_per_token": 0.01, "input_cost_per_token_flex": 0.0005, "output_cost_per_token_flex": 0.005}  # fmt: skip
MILLI = 1_000_000


@pytest.fixture(scope="module")
def priced(_upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A proxy with a priced model, one without a price, one that fails over to the priced one, and a free one."""
    api_base = f"http://127.0.0.1:{_upstream.port}/v1"
    real = {"model": "openai/gpt-4o-mini", "api_base": api_base, "api_key": "sk-upstream-secret"}
    broken = {**real, "api_base": "http://127.0.0.1:9/v1"}
    models = [
        {"model_name": "priced", "litellm_params": real, "model_info": PRICE},
        {"model_name": "unpriced", "litellm_params": real},
        {"model_name": "broken", "litellm_params": broken, "model_info": {"input_cost_per_token": 1}},
        {"model_name": "unreached", "litellm_params": broken, "model_info": PRICE},
        {"model_name": "free", "litellm_params": {"model": "fake/assistant"}},
    ]
    app = make_app(tmp_path_factory.mktemp("costs"), api_base, policy(), models, cache_ttl_s=60)
    app.context.router._settings.fallbacks["broken"] = ("priced",)  # type: ignore[index]
    with served(app) as running:
        yield running


def _cost(
    priced: Running, model: str, path: str = "/v1/chat/completions", **more: Any
) -> tuple[int | None, str | None]:
    priced.recorder.forget()
    ask(priced, {"model": model, **HELLO, **more}, path=path)
    recorded = priced.recorder.last()
    return recorded["cost_nanousd"], recorded["price_version"] and recorded["price_version"].partition("/")[0]


def test_a_priced_answer_costs_what_its_tokens_do(priced: Running, upstream: Upstream) -> None:
    """1 token in and 2 out, by the price of the configuration; in a service tier by that one's."""
    assert _cost(priced, "priced", seed=1) == (21 * MILLI, "config")
    assert _cost(priced, "priced", service_tier="flex") == (10_500_000, "config")
    upstream.script = whole(service_tier="default")
    assert _cost(priced, "priced", service_tier="flex", seed=2) == (21 * MILLI, "config")


def test_a_stream_costs_what_it_says_at_its_end(priced: Running, upstream: Upstream) -> None:
    """And nobody knows what one cost that does not say."""
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    said = [chunk({"content": "hi"}), chunk({}, "stop"), chunk(usage=usage, choices=[]), b"data: [DONE]\n\n"]

    upstream.script = stream(said)
    assert _cost(priced, "priced", stream=True) == (13 * MILLI, "config")
    upstream.script = stream([said[0], said[1], said[3]])
    assert _cost(priced, "priced", stream=True) == (None, "config")


def test_what_is_not_known_is_not_zero(priced: Running, upstream: Upstream) -> None:
    """No price; no usage; half an answer: each is null, and told apart by the price's version."""
    assert _cost(priced, "unpriced") == (None, None)
    upstream.script = whole(usage=None)
    assert _cost(priced, "priced", seed=3) == (None, "config")
    upstream.script = raw(b'{"choices": [')
    assert _cost(priced, "priced", seed=4) == (None, "config")
    text = ask(priced, method="GET", path="/metrics").body.decode()
    assert 'guardhouse_cost_unknown_total{model="unpriced"} 1.0' in text


def test_what_is_not_sent_costs_nothing(priced: Running, upstream: Upstream) -> None:
    """A block, a wrong request, a key that is none, an answer of the cache: zero, by no price."""
    assert _cost(priced, "priced", messages=[{"role": "user", "content": FORBIDDEN}]) == (0, None)
    assert _cost(priced, "nobody") == (0, None)
    first = _cost(priced, "priced", seed=5)
    calls = len(upstream.bodies)
    assert (first, _cost(priced, "priced", seed=5)) == ((21 * MILLI, "config"), (0, None))
    assert len(upstream.bodies) == calls


@pytest.mark.parametrize("status", [400, 429, 503])
def test_what_no_provider_bills_costs_nothing(priced: Running, upstream: Upstream, status: int) -> None:
    """An error of the provider, and one that is not reached."""
    upstream.script = raw(b'{"error": {"message": "no", "type": "x"}}', status)

    assert _cost(priced, "priced", seed=8) == (0, None)
    assert _cost(priced, "unreached") == (0, None)


def test_a_tier_without_a_price_costs_the_usual_one(priced: Running, upstream: Upstream) -> None:
    """A caller cannot make a cost unknown by asking for one; the reply's word counts."""
    assert _cost(priced, "priced", service_tier="priority", seed=9) == (21 * MILLI, "config")
    upstream.script = whole(service_tier="flex")
    assert _cost(priced, "priced", service_tier="priority", seed=10) == (10_500_000, "config")


def test_a_fallback_costs_its_own_price(priced: Running, upstream: Upstream) -> None:
    """The price is that of the deployment that answered, whatever was asked for."""
    assert _cost(priced, "broken", seed=6) == (21 * MILLI, "config")


def test_the_fake_provider_is_free(priced: Running) -> None:
    """Unless it is priced."""
    assert _cost(priced, "free") == (0, "free")


def test_messages_cost_the_same(priced: Running, upstream: Upstream) -> None:
    """Also where a chat stands behind them, with what its cache held."""
    upstream.script = whole(
        usage={"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}
    )

    assert _cost(priced, "priced", "/v1/messages", max_tokens=9) == (25 * MILLI, "config")


def test_a_broken_stream_of_messages_is_of_unknown_cost(priced: Running, upstream: Upstream) -> None:
    """The numbers at its begin are those of a part."""
    upstream.script = stream(
        [chunk({"content": "hi"}, usage={"prompt_tokens": 5, "completion_tokens": 1})], cut=True
    )

    assert _cost(priced, "priced", "/v1/messages", max_tokens=9, stream=True) == (None, "config")


def test_what_was_spent_is_counted_by_model_and_team(priced: Running, upstream: Upstream) -> None:
    """In US dollars, with the names of the configuration."""
    _cost(priced, "priced", seed=7)

    lines = ask(priced, method="GET", path="/metrics").body.decode().splitlines()

    (line,) = [each for each in lines if each.startswith('guardhouse_cost_usd_total{model="priced"')]
    assert line.split()[0] == 'guardhouse_cost_usd_total{model="priced",team=""}'
    assert float(line.split()[1]) >= 0.021
