"""What tokens cost: the price table that comes with litellm, and prices in the configuration. Never the network.

Costs are whole billionths of a US dollar, rounded half up once, from exact decimals. What is not known is None.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from proxy.config_deployments import Deployment
from proxy.config_prices import RATE, decimal
from proxy.limits import NANO
from proxy.usage import Tokens, tokens_of
from proxy.vendors import OPENAI_WIRE

FILE = "model_prices_and_context_window_backup.json"
"""The price table's name in litellm's package."""
MODES = frozenset({"chat", "responses", "completion", "embedding", "moderation"})
"""Kinds of model whose price is one of tokens."""
ALSO = frozenset(
    {
        ("openai", "text-completion-openai"),
        ("azure", "azure_text"),
        ("bedrock", "bedrock_converse"),
        ("cohere", "cohere_chat"),
    }
)
"""Vendors with what the table calls them beside their own name."""
HOSTS = {"anthropic": "api.anthropic.com"}
"""Where vendors are that are not reached over OpenAI's wire."""
ELSEWHERE = frozenset({"azure"})
"""Vendors whose every customer has a host of their own."""
_IN, _OUT = "input_cost_per_token", "output_cost_per_token"
_CACHED, _WRITTEN = "cache_read_input_token_cost", "cache_creation_input_token_cost"
_LARGEST = 1 << 62


@dataclass(frozen=True, slots=True)
class Price:
    """What the tokens of one deployment cost."""

    version: str
    """Where it comes from: `litellm-VERSION/HASH`, `config/HASH`, or `free`."""
    rates: Mapping[str, Decimal]
    """US dollars a token by LiteLLM's names."""

    _steps: Mapping[str, Sequence[tuple[int, int]]] = field(init=False, repr=False, compare=False)
    """By kind and service tier: from more than how many tokens in each price holds, the highest first."""
    _unit: int = field(init=False, repr=False, compare=False)
    """How many of the steps' prices are a US dollar: a power of ten in which all of them are whole."""

    def __post_init__(self) -> None:
        unit = 10 ** max((-int(rate.as_tuple().exponent) for rate in self.rates.values()), default=0)
        unit = max(unit, NANO)
        steps: dict[str, list[tuple[int, int]]] = {}
        for name, rate in self.rates.items():
            if found := RATE.fullmatch(name):
                above = int(found["above"]) * 1000 if found["above"] else -1
                whole = int(rate.scaleb(len(str(unit)) - 1, Context(prec=100)))
                steps.setdefault(found["kind"] + (found["tier"] or ""), []).append((above, whole))
        for each in steps.values():
            each.sort(reverse=True)
        object.__setattr__(self, "_steps", steps)
        object.__setattr__(self, "_unit", unit)

    def cost(self, tokens: Tokens, tier: str = "") -> int | None:
        """Billionths of a US dollar in a service tier (empty, `_flex` or `_priority`).

        None when some of the tokens have no price.
        """
        sent, units = tokens.all_in, 0
        for count, kinds in (
            (tokens.fresh, (_IN,)),
            (tokens.cached, (_CACHED, _IN)),
            (tokens.written, (_WRITTEN, _IN)),
            (tokens.written_1h, (f"{_WRITTEN}_above_1hr", _WRITTEN, _IN)),
            (tokens.audio_in, ("input_cost_per_audio_token",)),
            (tokens.out, (_OUT,)),
            (tokens.reasoning, ("output_cost_per_reasoning_token", _OUT)),
            (tokens.audio_out, ("output_cost_per_audio_token",)),
        ):
            if count:
                # A provider without a price of its own for some tokens bills them like others.
                names = (name for kind in kinds for name in dict.fromkeys((kind + tier, kind)))
                steps = (step for name in names for step in self._steps.get(name, ()))
                price = next((price for above, price in steps if sent > above), None)
                if price is None:
                    return None
                units += count * price
        return self._nano(units)

    def most(self, tokens_in: int, tokens_out: int) -> int | None:
        """Billionths of a US dollar for so many tokens of the dearest kinds in the dearest tier.

        None when ordinary ones have no price.
        """
        if self.cost(Tokens(fresh=tokens_in, out=tokens_out)) is None:
            return None
        dearest = {
            side: max(
                (
                    price
                    for name, steps in self._steps.items()
                    if name.startswith("output") is (side == _OUT)
                    for above, price in steps
                    if tokens_in > above
                ),
                default=0,
            )
            for side in (_IN, _OUT)
        }
        return self._nano(tokens_in * dearest[_IN] + tokens_out * dearest[_OUT])

    def _nano(self, units: int) -> int | None:
        nano = (units * NANO * 2 + self._unit) // (self._unit * 2)
        return nano if nano < _LARGEST else None

    @property
    def free(self) -> bool:
        """Whether nothing costs anything, however many tokens it is."""
        return bool(self.rates) and not any(self.rates.values())


FREE = Price("free", {name: Decimal(0) for name in (_IN, _OUT)})
"""What the fake provider takes."""


class Prices:
    """The prices of the deployments of a configuration. The table is read once, and only if one is listed there."""

    def __init__(self, deployments: Iterable[Deployment], file: Path | None = None) -> None:
        table = _Table(file)
        self._prices: dict[str, Price | None] = {}
        self._most: dict[str, int | None] = {}
        for deployment in deployments:
            self._prices[deployment.id], self._most[deployment.id] = _priced(deployment, table)

    def of(self, deployment: Deployment) -> Price | None:
        """The deployment's price; None when nobody says one."""
        return self._prices.get(deployment.id)

    def cost(
        self, deployment: Deployment, usage: Mapping[str, Any] | None, service_tier: Any = None
    ) -> int | None:
        """Billionths of a US dollar for a `usage` object of any dialect; None when price or usage is not known."""
        price = self.of(deployment)
        if price is None or price.free:
            return None if price is None else 0
        tokens = None if usage is None else tokens_of(usage)
        tier = f"_{service_tier}" if service_tier in ("flex", "priority") else ""
        return None if tokens is None else price.cost(tokens, tier)

    def estimate(self, deployment: Deployment, tokens_in: int, tokens_out: int) -> int | None:
        """Billionths of a US dollar for so many tokens at the full price; None when there is no price."""
        price = self.of(deployment)
        return None if price is None else price.cost(Tokens(fresh=tokens_in, out=tokens_out))

    def most(self, deployment: Deployment, tokens_in: int, tokens_out: int) -> int | None:
        """The most that so many tokens may cost, whatever kinds they turn out to be; None when there is no price."""
        price = self.of(deployment)
        return None if price is None else price.most(tokens_in, tokens_out)

    def max_output_tokens(self, deployment: Deployment) -> int | None:
        """The longest answer that the deployment's model gives; None when nobody says so."""
        return self._most.get(deployment.id)


class _Table:
    """litellm's table, read when it is first asked for; empty where litellm is not installed."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    @cached_property
    def _read(self) -> tuple[str, Mapping[str, Any]]:
        file = self._file or _shipped()
        try:
            data = b"" if file is None else file.read_bytes()
            entries = orjson.loads(data)
        except (OSError, orjson.JSONDecodeError):
            return "", {}
        version = f"litellm-{metadata.version('litellm')}/{hashlib.sha256(data).hexdigest()[:12]}"
        return version, entries if isinstance(entries, dict) else {}

    @property
    def version(self) -> str:
        return self._read[0]

    def entry(self, deployment: Deployment) -> Mapping[str, Any]:
        """What the table says of the deployment's model at its vendor; empty when nothing."""
        if not _is_at_vendor(deployment):
            return {}
        for name in _names(deployment):
            found = self._read[1].get(name)
            if isinstance(found, dict) and found.get("mode") in MODES and _agrees(deployment.vendor, found):
                return found
        return {}


def table_version() -> str:
    """Which price table is installed: `litellm-VERSION/HASH`; empty when there is none that can be read."""
    return _Table(None).version


def _shipped() -> Path | None:
    # Finding a package does not import it: importing litellm takes seconds.
    spec = find_spec("litellm")
    places = (spec.submodule_search_locations if spec else None) or ()
    return next((Path(place) / FILE for place in places), None)


def _priced(deployment: Deployment, table: _Table) -> tuple[Price | None, int | None]:
    """A deployment's price and longest answer."""
    own = deployment.price
    entry = {} if deployment.vendor == "fake" else table.entry(deployment)
    listed = {
        name: rate
        for name, value in entry.items()
        if RATE.fullmatch(name) and (rate := decimal(value)) is not None
    }
    most = own.max_output_tokens or entry.get("max_output_tokens")
    longest = most if isinstance(most, int) and most > 0 else None
    if own.rates:
        rates = {**listed, **own.rates}
        told = orjson.dumps({name: str(rates[name]) for name in sorted(rates)})
        return Price(f"config/{hashlib.sha256(told).hexdigest()[:12]}", rates), longest
    if deployment.vendor == "fake":
        return FREE, longest
    return (Price(table.version, listed) if listed else None), longest


def _names(deployment: Deployment) -> list[str]:
    """Names under which a model may be listed, the surest first."""
    vendor, model = deployment.vendor, deployment.price.base_model or deployment.model
    bare = model.removeprefix(f"{vendor}/")
    if bare.startswith("ft:"):
        bare = ":".join(bare.split(":")[:2])
    return [f"{vendor}/{bare}", bare]


def _agrees(vendor: str, entry: Mapping[str, Any]) -> bool:
    """Whether an entry is that vendor's: others serve models of the same name for another price."""
    provider = str(entry.get("litellm_provider"))
    return provider == vendor or provider.startswith(f"{vendor}-") or (vendor, provider) in ALSO


def _is_at_vendor(deployment: Deployment) -> bool:
    """Whether the deployment is where its vendor is: a server of one's own may serve any model under any name."""
    if not deployment.api_base or deployment.vendor in ELSEWHERE:
        return True
    known = OPENAI_WIRE.get(deployment.vendor)
    host = urlsplit(known.base).hostname if known else HOSTS.get(deployment.vendor)
    asked = urlsplit(deployment.api_base).hostname or ""
    return host is not None and (asked == host or asked.endswith(f".{host}"))
