"""What tokens cost."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config_deployments import Deployment
from proxy.config_prices import OwnPrice
from proxy.prices import FILE, Price, Prices
from proxy.usage import Tokens

TABLE: dict[str, Any] = {
    "gpt-4o-mini": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 1.5e-07,
        "output_cost_per_token": 6e-07,
        "cache_read_input_token_cost": 7.5e-08,
        "input_cost_per_token_priority": 2.5e-07,
        "output_cost_per_token_priority": 1e-06,
        "max_output_tokens": 16384,
    },
    "azure/gpt-4o-mini": {
        "litellm_provider": "azure",
        "mode": "chat",
        "input_cost_per_token": 2e-07,
        "output_cost_per_token": 0,
    },
    "claude-x": {
        "litellm_provider": "anthropic",
        "mode": "chat",
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_read_input_token_cost": 3e-07,
        "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06,
        "output_cost_per_token_above_200k_tokens": 2.25e-05,
    },
    "groq/think": {
        "litellm_provider": "groq",
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 2e-06,
        "output_cost_per_reasoning_token": 5e-06,
    },
    "small-embedding": {
        "litellm_provider": "openai",
        "mode": "embedding",
        "input_cost_per_token": 2e-08,
        "output_cost_per_token": 0.0,
    },
    "ft:gpt-4o-mini": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": 3e-07,
        "output_cost_per_token": 1.2e-06,
    },
    "vertex_ai/gem": {
        "litellm_provider": "vertex_ai-language-models",
        "mode": "chat",
        "input_cost_per_token": 1e-06,
        "output_cost_per_token": 1e-06,
    },
    "picture": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 1e-06},
    "by-the-image": {"litellm_provider": "openai", "mode": "chat", "output_cost_per_image": 1},
    "omni-moderation": {
        "litellm_provider": "openai",
        "mode": "moderation",
        "input_cost_per_token": 0.0,
        "output_cost_per_token": 0.0,
    },
}


def _prices(tmp_path: Path, *deployments: Deployment) -> Prices:
    file = tmp_path / FILE
    file.write_text(json.dumps(TABLE))
    return Prices(deployments, file)


def _at(vendor: str, model: str, **more: Any) -> Deployment:
    return Deployment(f"{vendor}/{model}", "m", "openai_wire", vendor, model, **more)


OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("deployment", "cost"),
    [
        (_at("openai", "gpt-4o-mini", api_base=OPENAI), 2_100),
        (_at("openai", "gpt-4o-mini", api_base="https://eu.api.openai.com/v1"), 2_100),
        (_at("openai", "gpt-4o-mini", api_base="http://10.0.0.5/v1"), None),
        (_at("openai", "gpt-4o-mini", api_base="https://notapi.openai.com.evil.example/v1"), None),
        (_at("hosted_vllm", "gpt-4o-mini", api_base="http://10.0.0.5/v1"), None),
        (_at("azure", "gpt-4o-mini", api_base="https://x.openai.azure.com"), 2_000),
        (_at("azure", "mine", api_base="https://x.openai.azure.com"), None),
        (_at("azure", "mine", price=OwnPrice(base_model="azure/gpt-4o-mini")), 2_000),
        (_at("anthropic", "anthropic/claude-x"), 45_000),
        (_at("anthropic", "claude-x", api_base="http://10.0.0.5"), None),
        (_at("groq", "think"), 12_000),
        (_at("openai", "think"), None),
        (_at("openai", "ft:gpt-4o-mini:org::id", api_base=OPENAI), 4_200),
        (_at("vertex_ai", "vertex_ai/gem"), 11_000),
        (_at("openai", "picture"), None),
        (_at("openai", "by-the-image"), None),
        (_at("openai", "unheard-of"), None),
        (_at("fake", "assistant"), 0),
        (_at("fake", "gpt-4o-mini", price=OwnPrice({"input_cost_per_token": Decimal(1)})), None),
    ],
    ids=lambda value: f"{value.id}-{value.api_base}" if isinstance(value, Deployment) else str(value),
)
def test_a_model_costs_what_its_own_vendor_takes(
    tmp_path: Path, deployment: Deployment, cost: int | None
) -> None:
    """10 tokens in and 1 out; a model of the same name elsewhere has no price until somebody says one."""
    usage = {"prompt_tokens": 10, "completion_tokens": 1}

    assert _prices(tmp_path, deployment).cost(deployment, usage) == cost


@pytest.mark.parametrize(
    ("model", "usage", "cost"),
    [
        (
            "gpt-4o-mini",
            {
                "prompt_tokens": 1000,
                "completion_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 600},
            },
            400 * 150 + 600 * 75 + 100 * 600,
        ),
        (
            "think",
            {
                "prompt_tokens": 5,
                "completion_tokens": 100,
                "completion_tokens_details": {"reasoning_tokens": 60},
            },
            5 * 1000 + 40 * 2000 + 60 * 5000,
        ),
        ("small-embedding", {"prompt_tokens": 7, "total_tokens": 7}, 140),
        (
            "claude-x",
            {
                "input_tokens": 10,
                "output_tokens": 2,
                "cache_read_input_tokens": 100,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_1h_input_tokens": 10},
            },
            10 * 3000 + 100 * 300 + 20 * 3750 + 10 * 6000 + 2 * 15000,
        ),
        ("claude-x", {"input_tokens": 200_000, "output_tokens": 1}, 200_000 * 3000 + 15_000),
        ("claude-x", {"input_tokens": 200_001, "output_tokens": 1}, 200_001 * 6000 + 22_500),
        (
            "claude-x",
            {"input_tokens": 1, "cache_read_input_tokens": 200_000, "output_tokens": 0},
            6000 + 200_000 * 300,
        ),
        (
            "think",
            {"prompt_tokens": 4, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 4}},
            4000,
        ),
        (
            "think",
            {"prompt_tokens": 4, "completion_tokens": 0, "prompt_tokens_details": {"audio_tokens": 1}},
            None,
        ),
        ("gpt-4o-mini", None, None),
        ("gpt-4o-mini", {}, None),
        ("omni-moderation", None, 0),
    ],
)
def test_every_kind_of_token_has_its_price(
    tmp_path: Path, model: str, usage: dict[str, Any] | None, cost: int | None
) -> None:
    """Billionths of a dollar, exactly; unknown is None, and what is free is free without numbers."""
    vendor = {"think": "groq", "claude-x": "anthropic"}.get(model, "openai")
    deployment = _at(vendor, model)

    assert _prices(tmp_path, deployment).cost(deployment, usage) == cost


def test_the_most_is_that_of_the_dearest_kind_and_tier(tmp_path: Path) -> None:
    """What is reserved covers writing to caches, priority and long requests; not what is not there."""
    claude, mini = _at("anthropic", "claude-x"), _at("openai", "gpt-4o-mini")
    prices = _prices(tmp_path, claude, mini)

    assert prices.most(mini, 10, 1) == 3_500
    assert prices.most(mini, 0, 0) == 0
    assert prices.most(claude, 10, 1) == 60_000 + 15_000
    assert prices.most(claude, 200_001, 1) == 200_001 * 6_000 + 22_500
    assert prices.most(_at("openai", "unknown"), 1, 1) is None


@pytest.mark.parametrize(
    ("tier", "cost"), [("default", 2_100), ("priority", 3_500), ("flex", 2_100), (None, 2_100), (5, 2_100)]
)
def test_service_tiers_have_their_own_price(tmp_path: Path, tier: object, cost: int | None) -> None:
    """Where one is not listed, the usual one holds: asking for a tier never makes a cost unknown."""
    deployment = _at("openai", "gpt-4o-mini")

    usage = {"prompt_tokens": 10, "completion_tokens": 1}
    assert _prices(tmp_path, deployment).cost(deployment, usage, tier) == cost


def test_prices_of_the_configuration_stand_over_the_table(tmp_path: Path) -> None:
    """Their version names them, and changes with them."""
    own = {"output_cost_per_token": Decimal("0.001")}
    first = _at("openai", "gpt-4o-mini", price=OwnPrice(own, max_output_tokens=50))
    second = _at("fake", "assistant", price=OwnPrice({**own, "input_cost_per_token": Decimal(0)}))
    prices = _prices(tmp_path, first, second)

    one, two = prices.of(first), prices.of(second)

    assert one is not None
    assert two is not None
    assert prices.cost(first, {"prompt_tokens": 10, "completion_tokens": 1}) == 1_500 + 1_000_000
    assert (prices.max_output_tokens(first), prices.max_output_tokens(second)) == (50, None)
    assert (
        one.version.startswith("config/") and two.version.startswith("config/") and one.version != two.version
    )


def test_estimates_are_for_the_full_price(tmp_path: Path) -> None:
    """What the limiter sets aside before the provider is asked; None without a price."""
    known, unknown = _at("openai", "gpt-4o-mini"), _at("openai", "nobody")
    prices = _prices(tmp_path, known, unknown)

    assert prices.estimate(known, 10, 1) == 2_100
    assert prices.max_output_tokens(known) == 16_384
    assert (prices.estimate(unknown, 10, 1), prices.max_output_tokens(unknown)) == (None, None)


@given(
    rates=st.tuples(*[st.decimals(0, 1000, places=12)] * 2),
    tokens=st.builds(Tokens, fresh=st.integers(0, 10**9), out=st.integers(0, 10**9)),
)
def test_a_cost_is_exact_and_rounded_half_up_once(rates: tuple[Decimal, Decimal], tokens: Tokens) -> None:
    """As decimals reckon it."""
    price = Price("v", {"input_cost_per_token": rates[0], "output_cost_per_token": rates[1]})

    exact = (tokens.fresh * rates[0] + tokens.out * rates[1]) * 10**9
    expected = int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    assert price.cost(tokens) == (expected if expected < 1 << 62 else None)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_without_a_table_nothing_has_a_price(tmp_path: Path, content: str) -> None:
    """And the proxy starts all the same."""
    (tmp_path / FILE).write_text(content)
    deployment = _at("openai", "gpt-4o-mini")

    assert Prices([deployment], tmp_path / FILE).of(deployment) is None
    assert Prices([deployment], tmp_path / "nowhere").of(deployment) is None


def test_the_installed_table_is_read_without_importing_litellm() -> None:
    """Importing it takes seconds; the version names the package and the table's bytes."""
    program = (
        "import sys; from proxy.prices import Prices; from proxy.config_deployments import Deployment\n"
        "d = Deployment('i', 'm', 'openai_wire', 'openai', 'gpt-4o-mini')\n"
        "print(Prices([d]).of(d).version, 'litellm' in sys.modules)"
    )

    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )

    version, imported = told.stdout.split()
    assert version.startswith("litellm-") and len(version.partition("/")[2]) == 12
    assert imported == "False"


ROOT = Path(__file__).parents[2]
