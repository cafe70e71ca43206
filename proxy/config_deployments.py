"""Where models can be reached: LiteLLM's `model_list`, each entry a deployment with its provider, key and deadlines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from proxy.config_prices import RATE, UNPRICED, OwnPrice, own_price
from proxy.config_routing import closest
from proxy.config_schema import TOTAL_SECONDS, Deadlines, Entry, Params, Router
from proxy.settings import REFERENCE, Settings
from proxy.vendors import ANTHROPIC_KEY, NOT_IN_BODY, OPENAI_WIRE, base_url, split
from proxy.yaml_source import KeyPath, YamlSource

Model = TypeVar("Model", bound=BaseModel)

_SECRET = re.compile("key|token|secret|password|credential")
"""In the names of options that hold one."""
CONNECT_SECONDS = 10.0
IDLE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Deadlines of one attempt, in seconds; None means no such deadline."""

    connect: float = CONNECT_SECONDS
    """Name lookup, TCP and TLS."""
    first_byte: float = TOTAL_SECONDS
    """From the start to the response headers; for a stream to its first event."""
    idle: float = IDLE_SECONDS
    """Between two reads of a body that has begun."""
    total: float | None = TOTAL_SECONDS
    """The whole attempt."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One place where a model can be reached."""

    id: str
    """Unique in the configuration; what traces name, e.g. `openai/gpt-4o-mini`."""
    model_name: str
    """The alias callers ask for. Deployments with the same alias form a group."""
    provider: str
    """Which of our providers reaches it: `openai_wire`, `litellm` or `fake`."""
    vendor: str
    """Who answers there, e.g. `openai`, `azure`, `anthropic`."""
    model: str
    """Its name there. For `litellm`, the whole model string with its prefix."""
    api_base: str = ""
    """Base URL without a slash at the end; empty leaves it to the provider."""
    api_key: str = field(default="", repr=False)
    api_version: str = ""
    organization: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Headers to send along, from `extra_headers`."""
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Request fields to add where the caller left them out."""
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Options for the provider itself; never part of a request body."""
    weight: float = 1.0
    """Share of the group's traffic."""
    whole: Timeouts = Timeouts()
    """Deadlines of a call that is not streamed."""
    streamed: Timeouts = Timeouts(first_byte=IDLE_SECONDS, total=None)
    """Deadlines of a streamed call."""
    num_retries: int | None = None
    """Retries for this deployment's group; None takes the router's."""
    price: OwnPrice = UNPRICED
    """What the configuration says of its price."""

    forward_traceparent: bool = False
    """Whether it is told of our span."""
    stream_usage: bool = True
    """Whether it is asked to count the tokens of every stream."""

    def timeouts(self, stream: bool) -> Timeouts:
        """The deadlines for a streamed or a whole call."""
        return self.streamed if stream else self.whole

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every configured value that must never be shown to a caller."""
        told = (str(value) for name, value in self.params.items() if value and _SECRET.search(name))
        return tuple(value for value in (self.api_key, *self.headers.values(), *told) if len(value) >= 8)


def validated(source: YamlSource, model: type[Model], path: KeyPath, value: Any) -> Model:
    """The value as a model. Raises ConfigError for the first thing that does not fit, quoting no value."""
    where = ".".join(str(part) for part in path)
    if not isinstance(value, Mapping):
        raise source.error_at(path, f"{where} must be a mapping.", fix="Write `key: value` lines below it.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
    at = (*path, *(part for part in first["loc"]))
    name = ".".join(str(part) for part in at)
    if first["type"] == "extra_forbidden":
        fields = tuple(model.model_fields)
        fix = closest(str(at[-1]), fields) if len(first["loc"]) == 1 else "Remove it."
        raise source.error_at(at, f"unknown key {name}.", fix=fix)
    if first["type"] == "missing":
        raise source.error_at(at, f"{name} is missing.", fix="Add it.")
    message = first["msg"].removeprefix("Value error, ")
    raise source.error_at(
        at, f"{name}: {message[:1].lower()}{message[1:]}.", fix="See docs/reference/config.md."
    )


def listed_models(source: YamlSource, entries: Any) -> list[Entry]:
    """The items of `model_list`, checked."""
    if not isinstance(entries, list) or not entries:
        raise source.error_at(
            ("model_list",),
            "model_list is empty: there is no model to serve.",
            fix="Add `- {model_name: NAME, litellm_params: {model: openai/NAME}}` below it.",
        )
    return [validated(source, Entry, ("model_list", index), raw) for index, raw in enumerate(entries)]


def make_deployments(source: YamlSource, entries: Sequence[Entry], settings: Settings) -> list[Deployment]:
    """Every deployment of `model_list`, with unique ids. Deadlines are the default ones."""
    made: list[Deployment] = []
    seen: Counter[str] = Counter()
    for index, entry in enumerate(entries):
        path: KeyPath = ("model_list", index)
        if "*" in entry.model_name or "*" in entry.litellm_params.model:
            raise source.error_at(
                path, "wildcard models are not supported.", fix="List each model under its own model_name."
            )
        deployment = _deployment(source, path, entry, settings)
        seen[deployment.id] += 1
        if seen[deployment.id] > 1:
            if entry.model_info.id is not None:
                raise source.error_at(
                    (*path, "model_info", "id"),
                    f"the id {deployment.id!r} is used twice.",
                    fix="Change one of them.",
                )
            deployment = replace(deployment, id=f"{deployment.id}#{seen[deployment.id]}")
        made.append(deployment)
    return made


def _deployment(source: YamlSource, path: KeyPath, entry: Entry, settings: Settings) -> Deployment:
    """One deployment, its provider chosen from the prefix of its model. Deadlines are the default ones."""
    params = entry.litellm_params
    at = (*path, "litellm_params")
    vendor, name = split(params.model, params.custom_llm_provider)
    unused = ("rpm", "tpm")
    extra = {
        key: value
        for key, value in (params.model_extra or {}).items()
        if key not in unused and not RATE.fullmatch(key)
    }
    outside = {key: value for key, value in extra.items() if key in NOT_IN_BODY}
    base = Deployment(
        id=entry.model_info.id or params.model,
        model_name=entry.model_name,
        provider="litellm",
        vendor=vendor or "litellm",
        model=params.model,
        api_base=(params.api_base or params.base_url or "").rstrip("/"),
        api_key=_header_safe(source, (*at, "api_key"), params.api_key or ""),
        api_version=params.api_version or "",
        organization=params.organization or "",
        headers={
            key.lower(): _header_safe(source, (*at, "extra_headers", key), value)
            for key, value in params.extra_headers.items()
        },
        weight=params.weight,
        num_retries=params.num_retries if params.num_retries is not None else params.max_retries,
        price=own_price(source, path, entry),
    )
    if vendor == "fake":
        return replace(base, provider="fake", model=name, params=extra)
    if (
        vendor not in OPENAI_WIRE
        or {"tenant_id", "client_secret", "litellm_credential_name"} & outside.keys()
    ):
        custom = {"custom_llm_provider": params.custom_llm_provider} if params.custom_llm_provider else {}
        if vendor == "anthropic" and not base.api_key:
            key = settings.variable(ANTHROPIC_KEY) or ""
            base = replace(base, api_key=_header_safe(source, at, key))
        return replace(base, params=extra | custom)
    body = {key: value for key, value in extra.items() if key not in NOT_IN_BODY}
    body |= body.pop("extra_body", None) or {}
    known = replace(base, provider="openai_wire", model=name, defaults=body, params=outside)
    return _reachable(source, at, known, settings)


def _reachable(source: YamlSource, at: KeyPath, deployment: Deployment, settings: Settings) -> Deployment:
    """The deployment with its base URL and key filled in. Raises ConfigError when one of them is missing."""
    vendor = OPENAI_WIRE[deployment.vendor]
    base = base_url(deployment.vendor, deployment.api_base)
    if not base.startswith(("http://", "https://")):
        raise source.error_at(
            (*at, "api_base"),
            "api_base must be an http:// or https:// URL."
            if base
            else f"{deployment.vendor}/ models need an api_base.",
            fix="Write the server's address, e.g. api_base: http://127.0.0.1:8000/v1.",
        )
    key = deployment.api_key
    if not key and vendor.key_variable:
        key = _header_safe(source, at, settings.variable(vendor.key_variable) or "")
    needs_key = vendor.key_variable and (not deployment.api_base or deployment.vendor == "azure")
    if needs_key and not key and "azure_ad_token" not in deployment.params:
        raise source.error_at(
            at,
            f"{deployment.id} has no api_key, and {vendor.key_variable} is not set.",
            fix=f"Add api_key: {REFERENCE}{vendor.key_variable} and set that variable.",
        )
    return replace(deployment, api_base=base, api_key=key)


def _header_safe(source: YamlSource, at: KeyPath, value: str) -> str:
    """The value when it can stand in an HTTP header. Raises ConfigError otherwise, never quoting it."""
    if value.isascii() and value.isprintable() and value == value.strip():
        return value
    name = ".".join(str(part) for part in at)
    raise source.error_at(
        at,
        f"{name} holds spaces around it, line ends or other characters that no header can carry.",
        fix="Write it again without them.",
    )


def with_deadlines(deployment: Deployment, params: Params, router: Router, own: Deadlines) -> Deployment:
    """The deployment with its deadlines: its own `timeout` and `stream_timeout`, else the router's, and ours."""
    timeout = params.timeout or router.timeout
    stream = params.stream_timeout or router.stream_timeout or params.timeout or router.timeout
    connect = min(own.connect or CONNECT_SECONDS, timeout)
    total = own.stream_total
    first_byte = stream if total is None else min(stream, total)
    return replace(
        deployment,
        whole=Timeouts(
            connect=connect, first_byte=timeout, idle=min(own.idle or timeout, timeout), total=timeout
        ),
        streamed=Timeouts(
            connect=min(connect, stream),
            first_byte=first_byte,
            idle=own.idle or min(stream, IDLE_SECONDS),
            total=total,
        ),
    )
