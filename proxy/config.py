"""The configuration file: LiteLLM's `model_list` and `router_settings`, and our own `guardhouse:` keys."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from proxy.config_audit import Audit
from proxy.config_deployments import Deployment, listed_models, make_deployments, validated, with_deadlines
from proxy.config_limits import default_limits, teams
from proxy.config_policies import DEFAULT, PolicySource, Scope, named, policy_source, scopes
from proxy.config_prompts import NOWHERE, PromptSource, prompt_source
from proxy.config_retention import DEFAULT as DEFAULT_CLOCKS
from proxy.config_retention import Clocks, retention
from proxy.config_routing import Shadow, closest, fallbacks, listed, shadows
from proxy.config_schema import (
    WITHOUT_EFFECT,
    Clients,
    Guardhouse,
    Otlp,
    Reveal,
    Router,
    Shutdown,
    SpoolMode,
)
from proxy.config_sign_in import Oidc
from proxy.errors import ConfigError
from proxy.limits import UNLIMITED, Limits
from proxy.settings import REFERENCE, Settings
from proxy.yaml_source import KeyPath, YamlSource


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
    golden_dir: Path | None = None
    """Folder with the golden sets that the pages show; None: none are shown but those of runs."""
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
    search: bool = True
    """Whether the words of traces are indexed, after the guardrails and not encrypted, so that they can be searched."""
    cache_ttl_s: int = 0
    """Seconds for which a whole reply is given again to equal requests; 0: never."""
    shadows: tuple[Shadow, ...] = ()
    """Which requests are also sent to another model, whose answers nobody is given."""
    prompts: PromptSource = NOWHERE
    """Where prompt templates are, and how requests are spread over their versions."""
    max_body_bytes: int = 10 * 1024 * 1024
    spool_mode: SpoolMode = "group"
    spool_on_full: Literal["block", "drop"] = "drop"
    spool_max_bytes: int = 1 << 30
    clients: Clients = field(default_factory=Clients)
    shutdown: Shutdown = field(default_factory=Shutdown)
    reveal: Reveal = field(default_factory=Reveal)
    retention: Clocks = DEFAULT_CLOCKS
    otlp: Otlp | None = None
    """Where spans of our own go; None: nowhere."""
    audit: Audit = field(default_factory=Audit)
    """Where the audit log is anchored."""
    oidc: Oidc | None = None
    """The identity provider through which people sign in; None: there is none."""
    revision: str = ""
    """Twelve hex digits of a hash of the file's text and, once it is in force, of all that it names."""
    notes: tuple[str, ...] = ()
    """What was read but has no effect here, one sentence each with its place."""


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
    router = validated(source, Router, ("router_settings",), _router_values(resolved))
    notes += [
        f"{source.file}:{source.line(('router_settings', key))}: router_settings.{key} has no effect here."
        for key in router.model_extra or {}
        if not (key == "routing_strategy" and (router.model_extra or {})[key] == "simple-shuffle")
    ]
    own = validated(source, Guardhouse, ("guardhouse",), _section(resolved, "guardhouse"))
    entries = listed_models(source, resolved.get("model_list"))
    deployments = tuple(
        replace(
            with_deadlines(deployment, entry.litellm_params, router, own.timeouts),
            stream_usage=entry.litellm_params.stream_usage,
            forward_traceparent=own.forward_traceparent
            if entry.litellm_params.forward_traceparent is None
            else entry.litellm_params.forward_traceparent,
        )
        for entry, deployment in zip(entries, make_deployments(source, entries, settings), strict=True)
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
        golden_dir=_golden_dir(source, own.golden_dir),
        database_url=settings.database_url.get_secret_value() if settings.database_url else own.database_url,
        redis_url=settings.redis_url.get_secret_value() if settings.redis_url else own.redis_url,
        limits_without_redis=own.limits_without_redis,
        vault_ttl_s=own.vault_ttl_s,
        run_idle_s=own.run_idle_s,
        search=own.search,
        cache_ttl_s=own.cache_ttl_s,
        shadows=shadows(source, own.shadow, entries, known),
        prompts=prompt_source(source, own.prompts),
        max_body_bytes=own.max_body_bytes,
        spool_mode=settings.spool_mode or own.spool.mode,
        spool_on_full=own.spool.on_full,
        spool_max_bytes=own.spool.max_bytes,
        clients=own.clients,
        shutdown=own.shutdown,
        reveal=own.reveal,
        retention=retention(source, own.retention),
        otlp=own.otlp,
        audit=own.audit.beside(folder),
        oidc=own.oidc,
        revision=hashlib.sha256(source.text.encode()).hexdigest()[:12],
        notes=tuple(notes),
    )


def _golden_dir(source: YamlSource, given: str | None) -> Path | None:
    """The folder of golden sets: as it is named, else `datasets/golden` where there is one. Raises ConfigError."""
    folder = Path(source.file).parent / (given or "datasets/golden")
    if folder.is_dir():
        return folder
    if given is not None:
        raise source.error_at(
            ("guardhouse", "golden_dir"),
            f"there is no folder {folder}.",
            fix="Paths start at this file's folder.",
        )
    return None


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
