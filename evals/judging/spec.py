"""Which judge to ask and how, told in plain values; and what makes one unfit before it is asked anything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from evals.errors import JudgeError
from evals.ledger import Prices


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """Everything about a judge but the key."""

    base_url: str
    """OpenAI-compatible base URL, ending in /v1."""
    model: str
    temperature: float | None = 0.0
    """None leaves it to the server."""
    timeout_s: float = 60.0
    """Longest wait for one reply."""
    tries: int = 3
    """Requests for one reply, at most; those that were throttled are counted apart."""
    price: tuple[float, float] | None = None
    """USD per million prompt and completion tokens."""
    limit_usd: float | None = None
    """What all rulings of a run may cost; None sets no limit."""
    limit_calls: int | None = None
    """How many requests a run may make of the judge; None sets no limit."""
    calibration: str = ""
    """File of its calibrations; without one it is advisory."""
    max_age_days: int = 30
    """Days after which a calibration is stale."""
    allow_model_under_test: bool = False
    """Whether it may judge answers of its own model."""
    concurrency: int = 8
    """Requests at a time, at most."""

    @property
    def prices(self) -> Prices | None:
        """What its tokens cost; None where nobody said."""
        return None if self.price is None else Prices(*self.price)


def read_spec(told: Mapping[str, Any], base_url: str = "", model: str = "") -> JudgeSpec | None:
    """The judge that a suite's `judge` names, with what the command line changes; None where neither names one.

    Another model than the suite's has not its prices. Raises JudgeError for what is missing or does not fit.
    """
    keys = {name: value for name, value in told.items() if value is not None or name == "temperature"}
    other = bool(model and keys.get("model") and model != keys["model"])
    keys |= {name: value for name, value in (("base_url", base_url), ("model", model)) if value}
    if not keys:
        return None
    for name, option in (("base_url", "--judge-url http://…/v1"), ("model", "--judge-model NAME")):
        if not keys.get(name):
            raise JudgeError(f"the judge has no {name}", fix=f"give {option}, or `judge: {{{name}}}`")
    price = keys.pop("price", None)
    if price is not None and not other:
        keys["price"] = (float(price["input"]), float(price["output"]))
    known = {field.name for field in fields(JudgeSpec)}
    return checked(JudgeSpec(**{name: value for name, value in keys.items() if name in known}))


def checked(spec: JudgeSpec) -> JudgeSpec:
    """The spec. Raises JudgeError where no judge can be asked by it."""
    try:
        parts = urlsplit(spec.base_url)
        host, _ = parts.hostname, parts.port
        told = "@" in parts.netloc or "?" in spec.base_url or "#" in spec.base_url
    except ValueError:
        host, told = None, "@" in spec.base_url
    if told:
        fix = "give only the address, and the key with --judge-key or GUARDHOUSE_JUDGE_KEY"
        raise JudgeError("the judge's address holds more than an address, and runs tell it", fix=fix)
    if not host or parts.scheme not in {"http", "https"}:
        raise JudgeError(f"{spec.base_url!r} is no web address", fix="correct --judge-url")
    for name in ("temperature", "timeout_s", "limit_usd"):
        value = getattr(spec, name)
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise JudgeError(f"the judge's {name} is no plain number", fix="give a number of 0 or more")
    if spec.limit_usd is not None and spec.price is None:
        fix = "give `price: {input, output}` of this model, or limit_calls"
        raise JudgeError("the judge has a limit in dollars and no prices", fix=fix)
    if spec.timeout_s <= 0 or spec.tries < 1 or spec.concurrency < 1:
        raise JudgeError("a judge needs time, one try and one request at a time", fix="raise them")
    return spec


def refuse_own_model(spec: JudgeSpec, asked: Iterable[tuple[str, str]]) -> bool:
    """Whether the judge is a model under test, by address and model. Raises JudgeError unless that is allowed.

    `asked` holds base URL and model of each target; those without an address or a model are passed over.
    """
    own = (_address(spec.base_url), spec.model)
    if own not in {(_address(url), model) for url, model in asked if url and model}:
        return False
    if not spec.allow_model_under_test:
        fix = "choose another with --judge-model, or set `allow_model_under_test`"
        raise JudgeError(f"the judge {spec.model!r} is the model under test", fix=fix)
    return True


def _address(url: str) -> tuple[str, str, int | None, str]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url, "", None, ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, host, port or usual, parts.path.rstrip("/")
