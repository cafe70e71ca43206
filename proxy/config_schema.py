"""The shape of the configuration file's sections, as pydantic checks them."""

from __future__ import annotations

import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from proxy.config_audit import Audit
from proxy.config_sign_in import Oidc

SpoolMode = Literal["strict", "group"]
OnFull = Literal["block", "drop"]

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
TOTAL_SECONDS = 600.0
"""Deadline of a whole call when none is configured: the one OpenAI's own clients use."""

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Name = Annotated[str, Field(min_length=1, max_length=256)]
IsoText = Annotated[
    str, BeforeValidator(lambda v: v.isoformat() if isinstance(v, datetime.date) else v)
]  # YAML reads a bare 2024-06-01 as a date


class Params(BaseModel):
    """`litellm_params` of one deployment; other keys are kept."""

    model_config = ConfigDict(extra="allow")

    model: Name
    api_key: str | None = None
    api_base: str | None = None
    base_url: str | None = None
    api_version: IsoText | None = None
    organization: str | None = None
    custom_llm_provider: str | None = None
    extra_headers: dict[str, str] = {}
    timeout: Seconds | None = None
    stream_timeout: Seconds | None = None
    num_retries: Annotated[int, Field(ge=0, le=20)] | None = None
    max_retries: Annotated[int, Field(ge=0, le=20)] | None = None
    weight: Annotated[float, Field(ge=0)] = 1.0
    silent_model: Name | None = None
    forward_traceparent: bool | None = None
    stream_usage: bool = True


class ModelInfo(BaseModel):
    """`model_info`: only the id is ours to use."""

    model_config = ConfigDict(extra="allow")

    id: Name | None = None


class Entry(BaseModel):
    """One item of `model_list`."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    model_name: Name
    litellm_params: Params
    model_info: ModelInfo = ModelInfo()
    tpm: int | None = None
    rpm: int | None = None


class Router(BaseModel):
    """`router_settings`; keys we do not use become notes."""

    model_config = ConfigDict(extra="allow")

    num_retries: Annotated[int, Field(ge=0, le=20)] = 2
    timeout: Seconds = TOTAL_SECONDS
    stream_timeout: Seconds | None = None
    fallbacks: list[dict[str, list[str]]] = []
    context_window_fallbacks: list[dict[str, list[str]]] = []
    content_policy_fallbacks: list[dict[str, list[str]]] = []
    default_fallbacks: list[str] = []
    allowed_fails: Annotated[int, Field(ge=0)] = 3
    cooldown_time: Annotated[float, Field(ge=0)] = 5.0


class Spool(BaseModel):
    """`guardhouse.spool`."""

    model_config = ConfigDict(extra="forbid")

    mode: SpoolMode = "group"
    on_full: OnFull = "drop"
    max_bytes: Annotated[int, Field(ge=1 << 20)] = 1 << 30


class Clients(BaseModel):
    """`guardhouse.clients`: how long a client may take, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    send_s: Seconds = 30.0
    """To send the head of a request, and again its body; a long body has more time."""
    read_s: Seconds = 60.0
    """To take the next bytes of a reply."""
    idle_s: Annotated[int, Field(ge=1, le=86_400)] = 75
    """Between two requests on a connection."""
    ping_s: Seconds = 15.0
    """How long a stream is silent before it gets a ping."""
    waiting: Annotated[int, Field(ge=1)] = 1_000
    """Connections of one process that may wait for the head of a request."""


class Reveal(BaseModel):
    """`guardhouse.reveal`: how long and how often what was said before masking may be read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ttl_s: Annotated[int, Field(ge=10, le=86_400)] = 900
    """Seconds for which leave to read one part of a trace lasts."""
    per_hour: Annotated[int, Field(ge=1, le=100_000)] = 120
    """How often one key may ask and read within an hour."""


class Otlp(BaseModel):
    """`guardhouse.otlp`: the operator's collector, for spans of our own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
    """Base URL; `/v1/traces` is added unless it ends with it."""
    headers: dict[str, Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$")]] = Field(
        {}, repr=False
    )
    content: bool = False
    """Whether the texts go along, as stored."""
    sample: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the traces that are exported, the same for all exchanges of one."""
    trace_url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """What a trace's id is put behind to make a link, e.g. `https://guardhouse.example/review/traces/`."""

    @property
    def url(self) -> str:
        """Where spans are posted."""
        base = self.endpoint.rstrip("/")
        return base if base.endswith("/v1/traces") else f"{base}/v1/traces"


class Shutdown(BaseModel):
    """`guardhouse.shutdown`: how the server stops, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    notice_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """How long /readyz says no while requests are still taken."""
    drain_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """How long requests under way may then take to finish."""


class ScopeEntry(BaseModel):
    """One item of `guardhouse.scopes`."""

    model_config = ConfigDict(extra="forbid")

    policy: Name | dict[str, Any]
    keys: list[Name] = []
    models: list[Name] = []
    routes: list[Name] = []


class ShadowEntry(BaseModel):
    """One item of `guardhouse.shadow`."""

    model_config = ConfigDict(extra="forbid")

    model: Name
    to: Name
    percent: Annotated[float, Field(gt=0, le=100)] = 100.0


class PromptsEntry(BaseModel):
    """`guardhouse.prompts`."""

    model_config = ConfigDict(extra="forbid")

    dir: Name
    rollout: dict[Name, dict[Name, Annotated[float, Field(ge=0, allow_inf_nan=False)]]] = {}


class Deadlines(BaseModel):
    """`guardhouse.timeouts`: what LiteLLM's file has no key for."""

    model_config = ConfigDict(extra="forbid")

    connect: Seconds | None = None
    idle: Seconds | None = None
    stream_total: Seconds | None = None


class Guardhouse(BaseModel):
    """Our own keys. An unknown one is an error: a misspelt safety setting must not be silent."""

    model_config = ConfigDict(extra="forbid")

    policy: Name | dict[str, Any] = "default"
    policies: dict[Name, Name | dict[str, Any]] = {}
    scopes: list[ScopeEntry] = []
    teams: dict[str, Any] = {}
    default_limits: Any = None
    default_model: Name | None = None
    data_dir: Name = "data"
    golden_dir: Name | None = None
    database_url: Name | None = None
    redis_url: Name | None = None
    limits_without_redis: Literal["local", "refuse"] = "local"
    vault_ttl_s: Annotated[int, Field(ge=1, le=30 * 86_400)] = 3_600
    run_idle_s: Annotated[int, Field(ge=1, le=30 * 86_400)] = 3_600
    forward_traceparent: bool = False
    cache_ttl_s: Annotated[int, Field(ge=0, le=30 * 86_400)] = 0
    shadow: list[ShadowEntry] = []
    prompts: PromptsEntry | None = None
    hedge_after_s: Seconds | None = None
    timeouts: Deadlines = Deadlines()
    search: bool = True
    max_body_bytes: Annotated[int, Field(ge=1024, le=1024**3)] = 10 * 1024 * 1024
    spool: Spool = Spool()
    clients: Clients = Clients()
    shutdown: Shutdown = Shutdown()
    reveal: Reveal = Reveal()
    retention: Any = None
    otlp: Otlp | None = None
    audit: Audit = Audit()
    oidc: Oidc | None = None
