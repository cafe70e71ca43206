"""The configuration file: LiteLLM's `model_list` and `router_settings`, and our own `guardhouse:` keys."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from proxy.config_limits import default_limits, teams
from proxy.config_policies import DEFAULT, PolicySource, Scope, named, policy_source, scopes
from proxy.config_prices import RATE, UNPRICED, OwnPrice, own_price
from proxy.config_prompts import NOWHERE, PromptSource, prompt_source
from proxy.config_routing import Shadow, closest, fallbacks, listed, shadows
from proxy.config_schema import (
    TOTAL_SECONDS,
    Clients,
    Deadlines,
    Entry,
    Guardhouse,
    Otlp,
    Params,
    Router,
    Shutdown,
    SpoolMode,
)
from proxy.errors import ConfigError
from proxy.limits import UNLIMITED, Limits
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


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """How calls are spread over deployments, and what happens when one fails."""

    num_retries: int = 2
    """Further attempts within a group after the first failed."""
    fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Alias to the aliases to try next, in order; `*` holds for every alias that has none of its own."""
    context_window_fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same for requests that are too long for the model."""
    content_policy_fallbacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The same for requests that the provider's own filter refuses."""
    allowed_fails: int = 3
    """Failures within a minute that a deployment may have before it is left alone."""
    cooldown_time: float = 5.0
    """Seconds for which it is left alone."""
    hedge_after_s: float | None = None
    """Seconds of silence after which a second attempt is made beside the first; None: never."""


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file, checked and complete."""

    file: Path
    deployments: tuple[Deployment, ...]
    router: RouterSettings = RouterSettings()
    policy: PolicySource = DEFAULT
    scopes: tuple[Scope, ...] = ()
    """Whose policy is another one; the first that covers an exchange counts."""
    policies: Mapping[str, PolicySource] = field(default_factory=dict)
    """Policies that keys may name, by the name they use."""
    teams: Mapping[str, Limits] = field(default_factory=dict)
    """The teams that keys may belong to, with what each may use."""
    default_limits: Limits = UNLIMITED
    """Limits of every virtual key that has none of its own."""
    default_model: str | None = None
    """Alias for requests that name no model."""
    data_dir: Path = Path("data")
    database_url: str | None = field(default=None, repr=False)
    """None: SQLite in data_dir."""
    redis_url: str | None = field(default=None, repr=False)
    """None: what several requests share stays in the memory of one process."""
    limits_without_redis: str = "local"
    """`local`: while Redis is away each process counts limits by itself; `refuse`: nothing limited is served."""
    vault_ttl_s: int = 3_600
    """Seconds for which a session's pseudonyms are known after its last request."""
    run_idle_s: int = 3_600
    """Seconds after which a run is not gone on with, unless its caller names it."""
    cache_ttl_s: int = 0
    """Seconds for which a whole reply is given again to equal requests; 0: never."""
    shadows: tuple[Shadow, ...] = ()
    """Which requests are also sent to another model, whose answers nobody is given."""
    prompts: PromptSource = NOWHERE
    """Where prompt templates are, and how requests are spread over their versions."""
    max_body_bytes: int = 10 * 1024 * 1024
    spool_mode: SpoolMode = "group"
    clients: Clients = field(default_factory=Clients)
    shutdown: Shutdown = field(default_factory=Shutdown)
    otlp: Otlp | None = None
    """Where spans of our own go; None: nowhere."""
    revision: str = ""
    """Twelve hex digits of a hash of the file's text and, once it is in force, of all that it names."""
    notes: tuple[str, ...] = ()
    """What was read but has no effect here, one sentence each with its place."""


WITHOUT_EFFECT = {
    "callback_settings": "traces are kept by the recorder",
    "credential_list": "write api_key: os.environ/NAME at each deployment",
    "environment_variables": "set them in the environment",
    "finetune_settings": "no such route is served",
    "files_settings": "no such route is served",
    "general_settings": "see docs/reference/settings.md",
    "guardrails": "use guardhouse.policy",
    "litellm_settings": "only retries, timeout, fallbacks of all kinds and allowed_fails are read from it",
    "mcp_servers": "no such route is served",
}
"""Sections of LiteLLM's file that are read over, each with what to do instead."""

_FROM_LITELLM_SETTINGS = {
    "num_retries": "num_retries",
    "request_timeout": "timeout",
    "fallbacks": "fallbacks",
    "default_fallbacks": "default_fallbacks",
    "context_window_fallbacks": "context_window_fallbacks",
    "content_policy_fallbacks": "content_policy_fallbacks",
    "allowed_fails": "allowed_fails",
}


def load_config(path: Path, settings: Settings) -> Config:
    """The configuration at path, with references to the environment resolved.

    Raises ConfigError naming file and line, what is wrong and what to do.
    """
    return parse_config(YamlSource.read(path), settings)


def parse_config(source: YamlSource, settings: Settings) -> Config:
    """As load_config, from YAML that was read already."""
    notes = _check_sections(source)
    resolved = _resolve(source, settings)
    router = _validated(source, Router, ("router_settings",), _router_values(resolved))
    notes += [
        f"{source.file}:{source.line(('router_settings', key))}: router_settings.{key} has no effect here."
        for key in router.model_extra or {}
        if not (key == "routing_strategy" and (router.model_extra or {})[key] == "simple-shuffle")
    ]
    own = _validated(source, Guardhouse, ("guardhouse",), _section(resolved, "guardhouse"))
    entries = _entries(source, resolved.get("model_list"))
    deployments = tuple(
        replace(
            _with_deadlines(deployment, entry.litellm_params, router, own.timeouts),
            stream_usage=entry.litellm_params.stream_usage,
            forward_traceparent=own.forward_traceparent
            if entry.litellm_params.forward_traceparent is None
            else entry.litellm_params.forward_traceparent,
        )
        for entry, deployment in zip(entries, _deployments(source, entries, settings), strict=True)
    )
    known = {deployment.model_name for deployment in deployments}
    if own.default_model is not None and own.default_model not in known:
        raise source.error_at(
            ("guardhouse", "default_model"),
            f"guardhouse.default_model names {own.default_model!r}, which is not in model_list.",
            fix=f"Use one of: {', '.join(sorted(known))}.",
        )
    folder = Path(source.file).parent
    return Config(
        file=Path(source.file),
        deployments=deployments,
        router=RouterSettings(
            num_retries=router.num_retries,
            fallbacks=fallbacks(source, router, known),
            context_window_fallbacks=listed(source, "context_window_fallbacks", router, known),
            content_policy_fallbacks=listed(source, "content_policy_fallbacks", router, known),
            allowed_fails=router.allowed_fails,
            cooldown_time=router.cooldown_time,
            hedge_after_s=own.hedge_after_s,
        ),
        policy=policy_source(source, ("guardhouse", "policy"), own.policy),
        scopes=scopes(source, own.scopes),
        policies=named(source, own.policies),
        teams=teams(source, own.teams),
        default_limits=default_limits(source, own.default_limits),
        default_model=own.default_model,
        data_dir=settings.data_dir or folder / own.data_dir,
        database_url=settings.database_url.get_secret_value() if settings.database_url else own.database_url,
        redis_url=settings.redis_url.get_secret_value() if settings.redis_url else own.redis_url,
        limits_without_redis=own.limits_without_redis,
        vault_ttl_s=own.vault_ttl_s,
        run_idle_s=own.run_idle_s,
        cache_ttl_s=own.cache_ttl_s,
        shadows=shadows(source, own.shadow, entries, known),
        prompts=prompt_source(source, own.prompts),
        max_body_bytes=own.max_body_bytes,
        spool_mode=settings.spool_mode or own.spool.mode,
        clients=own.clients,
        shutdown=own.shutdown,
        otlp=own.otlp,
        revision=hashlib.sha256(source.text.encode()).hexdigest()[:12],
        notes=tuple(notes),
    )


def _check_sections(source: YamlSource) -> list[str]:
    """Notes on sections without effect. Raises ConfigError for a section nobody knows."""
    ours = ("model_list", "router_settings", "guardhouse")
    notes = []
    for key in source.data:
        if key in ours:
            continue
        if key not in WITHOUT_EFFECT:
            raise source.error_at((str(key),), f"unknown section {str(key)!r}.", fix=closest(str(key), ours))
        notes.append(f"{source.file}:{source.line((key,))}: {key} has no effect here: {WITHOUT_EFFECT[key]}.")
    return notes


def _resolve(source: YamlSource, settings: Settings) -> dict[str, Any]:
    """The sections we use, every `os.environ/NAME` replaced. Raises ConfigError at the reference's line."""

    def walk(value: Any, path: KeyPath) -> Any:
        if isinstance(value, str) and value.startswith(REFERENCE):
            try:
                return settings.secret(value)
            except ConfigError as error:
                raise source.error_at(path, error.what, fix=error.fix) from None
        if path[:1] == ("guardhouse",) and (path[-1] == "policy" or path[1:2] == ("policies",)):
            return value
        if isinstance(value, Mapping):
            return {str(key): walk(item, (*path, str(key))) for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item, (*path, index)) for index, item in enumerate(value)]
        return value

    used = ("model_list", "router_settings", "guardhouse", "litellm_settings")
    wanted = {key: source.data[key] for key in used if key in source.data}
    if isinstance(wanted.get("litellm_settings"), Mapping):
        wanted["litellm_settings"] = {
            key: value for key, value in wanted["litellm_settings"].items() if key in _FROM_LITELLM_SETTINGS
        }
    return {key: walk(value, (key,)) for key, value in wanted.items()}


def _section(resolved: Mapping[str, Any], name: str) -> Any:
    """A section; an empty one when it is left out or has nothing below it."""
    found = resolved.get(name)
    return {} if found is None else found


def _router_values(resolved: Mapping[str, Any]) -> Any:
    """`router_settings`, filled up with what LiteLLM lets people write under `litellm_settings` instead."""
    router = _section(resolved, "router_settings")
    general = resolved.get("litellm_settings")
    if not isinstance(router, dict) or not isinstance(general, dict):
        return router
    return {_FROM_LITELLM_SETTINGS[key]: value for key, value in general.items()} | router


def _validated(source: YamlSource, model: type[Model], path: KeyPath, value: Any) -> Model:
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


def _entries(source: YamlSource, entries: Any) -> list[Entry]:
    """The items of `model_list`, checked."""
    if not isinstance(entries, list) or not entries:
        raise source.error_at(
            ("model_list",),
            "model_list is empty: there is no model to serve.",
            fix="Add `- {model_name: NAME, litellm_params: {model: openai/NAME}}` below it.",
        )
    return [_validated(source, Entry, ("model_list", index), raw) for index, raw in enumerate(entries)]


def _deployments(source: YamlSource, entries: Sequence[Entry], settings: Settings) -> list[Deployment]:
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


def _with_deadlines(deployment: Deployment, params: Params, router: Router, own: Deadlines) -> Deployment:
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
