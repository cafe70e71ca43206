"""Prices in the configuration, as LiteLLM spells them: in `model_info`, or among `litellm_params`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from proxy.config_schema import Entry
from proxy.errors import ConfigError
from proxy.yaml_source import KeyPath, YamlSource

RATE = re.compile(
    r"(?P<kind>(?:in|out)put_cost_per(?:_audio)?_token|output_cost_per_reasoning_token"
    r"|cache_read_input_token_cost|cache_creation_input_token_cost(?:_above_1hr)?)"
    r"(?:_above_(?P<above>\d{1,5})k_tokens)?(?P<tier>_flex|_priority)?",
    re.ASCII,
)
"""Names of the prices that are read: US dollars for one token."""
_MOST = 1_000
_DECIMALS = 60


@dataclass(frozen=True, slots=True)
class OwnPrice:
    """What the configuration says of a deployment's price."""

    rates: Mapping[str, Decimal] = field(default_factory=dict)
    """US dollars a token by LiteLLM's names; these stand over listed ones."""
    base_model: str = ""
    """Under which name the model is listed; empty: as it is called."""
    max_output_tokens: int | None = None


UNPRICED = OwnPrice()


def own_price(source: YamlSource, path: KeyPath, entry: Entry) -> OwnPrice:
    """The price that an item of `model_list` names. Raises ConfigError at the line of what is none."""
    given = [
        ("litellm_params", entry.litellm_params.model_extra or {}),
        ("model_info", entry.model_info.model_extra or {}),
    ]
    rates: dict[str, Decimal] = {}
    base = ""
    longest: int | None = None
    for section, members in given:
        for name, value in members.items():
            if RATE.fullmatch(name) and value is not None:
                rates[name] = _rate(source, (*path, section, name), value)
        if isinstance(named := members.get("base_model"), str):
            base = named
        if isinstance(most := members.get("max_output_tokens"), int) and most > 0 and section == "model_info":
            longest = most
    return OwnPrice(rates, base, longest)


def decimal(value: Any) -> Decimal | None:
    """A number of US dollars a token as it is written; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        # The shortest text of a float is what somebody wrote: 1.5e-07 is exactly that, not its binary neighbour.
        rate = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    fits = rate.is_finite() and 0 <= rate <= _MOST and int(rate.as_tuple().exponent) >= -_DECIMALS
    return rate if fits else None


def _rate(source: YamlSource, at: KeyPath, value: Any) -> Decimal:
    rate = decimal(value)
    if rate is None:
        raise _error(source, at)
    return rate


def _error(source: YamlSource, at: KeyPath) -> ConfigError:
    name = ".".join(map(str, at))
    return source.error_at(
        at, f"{name} takes US dollars for one token, from 0 to {_MOST:,}.", fix="Write e.g. 0.0000015."
    )
