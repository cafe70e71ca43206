"""Prices in the configuration."""

from __future__ import annotations

from decimal import Decimal

import pytest

from proxy.config import parse_config
from proxy.config_deployments import Deployment
from proxy.config_prices import RATE, UNPRICED, decimal
from proxy.errors import ConfigError
from proxy.settings import Settings
from proxy.yaml_source import YamlSource


def _deployment(params: str, info: str = "") -> Deployment:
    text = f"model_list:\n- model_name: m\n  litellm_params: {{model: openai/gpt-4o, api_key: x{params}}}\n"
    text += f"  model_info: {{{info}}}\n" if info else ""
    (found,) = parse_config(YamlSource(text, "g.yaml"), Settings()).deployments
    return found


def test_prices_are_read_from_both_places_and_never_sent() -> None:
    """`model_info` stands over `litellm_params`; a price is no field of a request."""
    found = _deployment(
        ", input_cost_per_token: 0.00000015, cache_read_input_token_cost: 1e-9, temperature: 0.5",
        "input_cost_per_token: 2.5e-6, output_cost_per_token_above_200k_tokens: 1.0e-05, base_model: gpt-x, "
        "max_output_tokens: 99, other: 5",
    )

    assert found.price.rates == {
        "input_cost_per_token": Decimal("0.0000025"),
        "cache_read_input_token_cost": Decimal("1E-9"),
        "output_cost_per_token_above_200k_tokens": Decimal("0.00001"),
    }
    assert (found.price.base_model, found.price.max_output_tokens) == ("gpt-x", 99)
    assert dict(found.defaults) == {"temperature": 0.5}
    assert _deployment("").price == UNPRICED


@pytest.mark.parametrize("value", ["-1", "true", "free", "[1]", ".nan", ".inf", "1001", "1e-99"])
def test_what_is_no_price_is_refused_with_its_line(value: str) -> None:
    """Before anything is served."""
    with pytest.raises(ConfigError) as error:
        _deployment("", f"input_cost_per_token: {value}")

    assert str(error.value).startswith(
        "g.yaml:4: model_list.0.model_info.input_cost_per_token takes US dollars"
    )


@pytest.mark.parametrize(
    ("value", "rate"), [(1.5e-07, "0.00000015"), ("1e-6", "0.000001"), (0, "0"), (0.1, "0.1"), (None, None)]
)
def test_a_number_is_what_was_written(value: object, rate: str | None) -> None:
    """Not the binary number next to it."""
    assert decimal(value) == (None if rate is None else Decimal(rate))


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("input_cost_per_token", ("input_cost_per_token", None, None)),
        ("output_cost_per_token_above_272k_tokens_priority", ("output_cost_per_token", "272", "_priority")),
        (
            "cache_creation_input_token_cost_above_1hr_above_200k_tokens",
            ("cache_creation_input_token_cost_above_1hr", "200", None),
        ),
        ("input_cost_per_audio_token", ("input_cost_per_audio_token", None, None)),
        ("input_cost_per_token_batches", None),
        ("output_cost_per_image", None),
    ],
)
def test_names_of_prices_say_for_what_and_from_where(name: str, parts: tuple[str | None, ...] | None) -> None:
    """LiteLLM's spelling; what is not for tokens of a request is not read."""
    found = RATE.fullmatch(name)

    assert (found and (found["kind"], found["above"], found["tier"])) == parts
