"""Exchange: everything known about one request while it passes. The only mutable domain object."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from guardrails.conversation import NOTHING_SAID, Conversation
from guardrails.pseudonyms import Vault
from guardrails.types import ALLOWED, Action, Verdict
from proxy.limits import UNLIMITED, Limits

if TYPE_CHECKING:
    from guardrails.engine import Guard
    from guardrails.policy import Capture
    from proxy.dialects.base import Dialect
    from proxy.identity import Named
    from proxy.limiter import Demand
    from proxy.raw import Raw
    from proxy.roles import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling."""

    key_id: str
    """Public id of the virtual key, never the key itself."""
    tenant: str = "default"
    admin: bool = False
    name: str = ""
    """What its maker called the key."""
    team: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    limits: Limits = UNLIMITED
    """Those of the key itself; its team's hold as well."""
    models: frozenset[str] | None = None
    """Aliases it may ask for; None: all."""
    policy: str | None = None
    """Name of the policy that judges its requests; None: as the configuration says."""
    expires_us: int | None = None
    """Microseconds since 1970 UTC from which on the key is refused."""
    role: Role | None = None
    """What it may do besides calling; None: nothing, or what `admin` says."""


@dataclass(frozen=True, slots=True)
class RetrievalHit:
    """One retrieved document as the caller reported it."""

    rank: int
    doc_id: str
    score: float | None
    text: str
    """As stored: after guardrails."""
    source: str = "request"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call the model asked for, or one that the caller's history answers."""

    call_id: str
    name: str
    arguments: str
    """As stored: after guardrails."""
    result: str | None = None
    state: str = "requested"
    """`requested` by this reply, or `answered` in this request."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an exchange did not end well. Holds no text of the exchange."""

    status: int
    type: str
    code: str | None
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class PromptUse:
    """Which prompt template a request was rendered from."""

    name: str
    version: str
    hash: str
    """Of the template's text, so that a version that was changed in place is told apart."""


def new_id() -> str:
    """A UUIDv7 in hex: unique, and in order of time."""
    # Unique, not secret: asking the system for random bytes would cost more than the rest of a small check.
    value = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | random.getrandbits(76)
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"


@dataclass(slots=True)
class Exchange:
    """One request on its way through, and what became of it."""

    path: str
    """Route the request came in on, e.g. `/v1/chat/completions`."""
    dialect: Dialect
    """The wire format that the caller speaks."""
    guard: Guard
    """The policy that judges it, at work."""
    id: str = field(default_factory=new_id)
    started_us: int = field(default_factory=lambda: time.time_ns() // 1000)
    clock: float = field(default_factory=time.perf_counter)
    """perf_counter at the start; durations are measured from it."""

    trace_id: str = ""
    """W3C trace id of the caller (32 hex digits), or our own id."""
    parent_span: str | None = None
    """W3C id of the caller's span (16 hex digits), from `traceparent`."""
    trace_flags: str = "01"
    """W3C flags of the caller's `traceparent`, two hex digits."""
    config: str | None = None
    """Revision of the configuration under which it is answered."""
    shadow_of: str | None = None
    """Id of the exchange that this is a copy of, for another model to answer; None for a caller's own."""
    principal: Principal | None = None
    model: str = ""
    """Model the caller asked for; empty when it is not one that is served, as it could then hold anything."""
    stream: bool = False
    body: bytes = b""
    """The request as it came; relayed untouched when nothing has to change."""
    size: int = 0
    """Bytes of the request as it came, and characters that a prompt added."""
    request: dict[str, Any] = field(default_factory=dict)
    """The parsed request. Raw: never stored, logged or exported."""
    raw: Raw | None = None
    """What is kept of it from before the guardrails; None where no policy asks for that."""
    sealed: dict[str, Any] | None = None
    """The same, encrypted: the only form in which it is handed on."""
    kept_before: Capture | None = None
    """The least that policies keep under which it stood before it fell back to another model."""
    safe_request: dict[str, Any] | None = None
    """The request as the provider was sent it: after guardrails. The only form that is stored."""

    deployment: str = ""
    """Id of the deployment that answered, e.g. `openai/gpt-4o-mini`."""
    provider: str = ""
    session: str | None = None
    """Session whose earlier pseudonyms are known again; without one, only this request's are."""
    follows: str | None = None
    """Session of the response that this one goes on from: its pseudonyms are known too."""
    conversation: Conversation = NOTHING_SAID
    """What the request says, for checks that judge a reply by it."""
    vault: Vault | None = None
    """Pseudonyms minted for this request."""
    watching: list[asyncio.Task[Verdict]] = field(default_factory=list)
    """Rules that can only flag, looking at the request while the provider is asked."""
    input: Verdict = ALLOWED
    output: Verdict = ALLOWED

    prompt: PromptUse | None = None
    """The template that the request was rendered from."""
    named: Named | None = None
    """The session that the request's headers name. Raw: never stored, logged or exported."""
    grouping: asyncio.Task[Any] | None = None
    """Looks up what other proxies know of the run while the provider is asked."""
    told: Mapping[str, Any] | None = None
    """The reply as the caller has it. Raw: never stored, logged or exported."""
    session_id: str | None = None
    """Keyed hash of the session that the caller named."""
    subject: str | None = None
    """Keyed hash of the person that the request says it is for."""
    run_id: str | None = None
    """The agent run or conversation that it is a step of."""
    run_source: str | None = None
    """What the run was known by."""
    asked: str | None = None
    """Keyed hash of the last text asked."""
    lease: Demand | None = None
    """What limits hold reserved for it; None when nothing is."""
    limit_headers: dict[str, str] = field(default_factory=dict)
    """What the caller is told of its limits."""
    cost_nanousd: int | None = None
    """Billionths of a US dollar; None when the price or the usage is not known."""
    charged: tuple[int, int] | None = None
    """The tokens and billionths of a US dollar that its limits are charged with; None when none hold for it."""
    price_version: str | None = None
    """Which price table `cost_nanousd` comes from."""

    counting: bool = False
    """Whether the provider of a stream was asked for token counts that the caller did not ask for."""
    response_id: str | None = None
    """Id that the provider gave the reply."""
    object_id: str | None = None
    """Id under which the provider keeps the reply; None when it keeps none."""
    answered_model: str | None = None
    """Model named in the provider's reply."""
    safe_response: dict[str, Any] | None = None
    """The reply as stored: after guardrails, pseudonyms not restored."""
    finish_reasons: tuple[str, ...] = ()
    usage: dict[str, Any] | None = None
    """Token counts as the provider gave them; None when it gave none, never zeros."""
    tool_calls: list[ToolCall] = field(default_factory=list)
    retrieval: list[RetrievalHit] = field(default_factory=list)

    retrievals: list[str] = field(default_factory=list)
    """Ids, as stored, of retrievals posted beforehand that the request names."""

    upstream_called: bool = False
    attempts: int = 0
    first_token_us: int | None = None
    """Microseconds from the start to the first byte of reply text."""
    duration_us: int | None = None
    timings: dict[str, float] = field(default_factory=dict)
    """Milliseconds by step: `auth`, `parse`, `inspect_input`, `upstream`, `inspect_output`."""
    http_status: int = 0
    failure: Failure | None = None
    cancelled: bool = False
    refused: bool = False
    """Whether the provider answered with an error."""
    unkept: bool = False
    """Whether its answer was held back because it could not be recorded."""

    @property
    def policy(self) -> str:
        """`name@revision` of the policy that judges it."""
        return self.guard.policy.label

    @property
    def capture(self) -> Capture:
        """What is kept of it: of all policies under which it stood, what keeps the least."""
        now = self.guard.policy.capture
        return now if self.kept_before is None else min(now, self.kept_before, key=lambda each: each.rank)

    @property
    def charged_nanousd(self) -> int | None:
        """Billionths of a US dollar that budgets are charged with; None when no limits hold for it."""
        return None if self.charged is None else self.charged[1]

    @property
    def span(self) -> str:
        """W3C id of our own span, 16 hex digits."""
        return self.id[16:]

    @property
    def sticky(self) -> str | None:
        """What its requests go to the same deployment by: the session of its tenant, where one is named."""
        tenant = self.principal.tenant if self.principal else ""
        return None if self.session is None else f"{tenant}/{self.session}"

    @property
    def counted_as(self) -> str:
        """Under whose name limits on how often count it: a shadow uses up nothing of its caller's."""
        key = self.principal.key_id if self.principal else ""
        return key if self.shadow_of is None else f"{key}/shadow"

    def elapsed_us(self) -> int:
        """Microseconds since the request arrived."""
        return int((time.perf_counter() - self.clock) * 1_000_000)

    @property
    def outcome(self) -> str:
        """What became of it: `cancelled`, `blocked`, `failed`, `masked`, `flagged` or `passed`."""
        if self.input.blocked_by or self.output.blocked_by:
            return "blocked"
        if self.cancelled:
            return "cancelled"
        if self.failure is not None:
            return "failed"
        if self.input.edits or self.output.edits:
            return "masked"
        return "flagged" if self.flagged else "passed"

    @property
    def flagged(self) -> bool:
        """Whether something was found, masked or blocked, or could not be looked at."""
        for verdict in (self.input, self.output):
            if verdict.edits or verdict.failures or verdict.blocked_by:
                return True
            # What a rule or the policy allows in so many words is recorded, and is no reason to look at it.
            if any(found.action is not Action.ALLOW for found in verdict.findings):
                return True
        return False
