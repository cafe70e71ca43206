"""From the model a caller asks for to the deployment that answers: balance, retries, cooldown, fallbacks.

Everything here happens before the first byte of an answer; what has begun is never begun again elsewhere.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Protocol

from proxy import first_event
from proxy.balance import pick
from proxy.config import Config
from proxy.config_deployments import Deployment
from proxy.errors import Code, NotFound, ProxyError, Redirected, UpstreamError
from proxy.health import Health
from proxy.hedge import hedged
from proxy.providers.base import Call, Fetch, Keeper, Provider, Reply, ReplyStream
from proxy.providers.translated import Translated
from proxy.refusals import Reason, reason

RETRIED = frozenset({408, 429, 500, 502, 503, 504, 529})
"""Statuses that another attempt may cure."""

MISPLACED = frozenset({401, 403, 404})
"""Statuses that speak of the deployment (its key, its model): not to be asked again, another one may do."""

ANTHROPIC = frozenset({"/v1/messages", "/v1/messages/count_tokens"})
"""Routes that are Anthropic's own: other vendors are reached for them by translation."""

TRANSLATED = "translated/"
"""Stands before the name of a provider that is asked for a chat in place of a message."""

FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 8.0
LONGEST_RETRY_AFTER_SECONDS = 10.0
"""A provider that asks for more patience than this is not waited for: its answer goes to the caller."""
Answer = Reply | ReplyStream


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one deployment, for the trace."""

    deployment: str
    status: int
    """HTTP status; 0 when there was no answer."""
    code: str | None
    """Our own code when there was no usable answer, else None."""
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Routed:
    """The answer, and who gave it."""

    deployment: Deployment
    answer: Answer


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a deployment from the calls to it."""

    deployment: str
    model: str
    resting: bool
    """Whether it is left alone now, because it failed."""
    rests: int
    """How often it was left alone."""


Outcome = Routed | UpstreamError
"""What an attempt comes to."""


class Clock(Protocol):
    """Time, as the router sees it: replaced in tests."""

    def monotonic(self) -> float:
        """Seconds from some fixed point."""

    async def sleep(self, seconds: float) -> None:
        """Come back after that many seconds."""


class SystemClock:
    """The real time."""

    def monotonic(self) -> float:
        """Seconds from some fixed point."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Come back after that many seconds."""
        await asyncio.sleep(seconds)


MakeCall = Callable[[Deployment], Awaitable[Call]]
"""Makes the call for a deployment, asked anew for each attempt."""


@dataclass(frozen=True, slots=True)
class _Asking:
    """One call of a caller, over all of its attempts."""

    make_call: MakeCall
    log: list[Attempt]
    sticky: str | None
    once: bool


def no_model() -> NotFound:
    """The error for a model that is not served."""
    # The name is not repeated: messages are stored, and a caller can write anything into it.
    message = "No model of that name exists here. GET /v1/models lists those that do."
    return NotFound(message, code=Code.MODEL_NOT_FOUND, param="model")


class Router:
    """Sends calls to the deployments of a configuration.

    Args:
        config: the deployments, and how to treat them.
        providers: one for each `Deployment.provider` that occurs.
        clock: replaced in tests.
        seed: makes the choice between deployments repeatable.
    """

    def __init__(
        self,
        config: Config,
        providers: Mapping[str, Provider],
        *,
        clock: Clock | None = None,
        seed: int | None = None,
    ) -> None:
        self._settings = config.router
        self.providers = dict(providers)
        """Those that were opened, by name. Later routers have them too: connections outlive a configuration."""
        self._clock = clock or SystemClock()
        self._random = random.Random(seed)  # noqa: S311 - spreads load, keeps no secret
        self._groups: dict[str, list[Deployment]] = {}
        for deployment in config.deployments:
            self._groups.setdefault(deployment.model_name, []).append(deployment)
        self._by_id = {deployment.id: deployment for deployment in config.deployments}
        self._health = Health(self._by_id, config.router.allowed_fails, config.router.cooldown_time)

    def renewed(self, config: Config, providers: Mapping[str, Provider] | None = None) -> Router:
        """The router of another configuration: connections are kept, and what is known of unchanged deployments.

        providers: those to use; None opens what is missing among those of this router.
        """
        if providers is None:
            needed = {name for deployment in config.deployments for name in speakers(deployment)}
            opened = {name: open_provider(name) for name in needed - self.providers.keys()}
            providers = self.providers | opened
        new = Router(config, providers, clock=self._clock)
        same = [id for id, deployment in new._by_id.items() if self._by_id.get(id) == deployment]
        new._health.remember(self._health, same)
        return new

    def standing(self) -> list[Standing]:
        """How each deployment stands, in the order of the configuration."""
        now, health = self._clock.monotonic(), self._health
        return [
            Standing(id, deployment.model_name, health.rests_until(id) > now, health.rests(id))
            for id, deployment in self._by_id.items()
        ]

    def models(self) -> list[str]:
        """Every alias that can be asked for, in the order of the configuration."""
        return list(self._groups)

    def resolve(self, model: str) -> list[Deployment]:
        """The deployments behind an alias. Raises NotFound (`model_not_found`) when there is none."""
        group = self._groups.get(model)
        if group is None:
            raise no_model()
        return list(group)

    def deployment(self, id: str) -> Deployment | None:
        """The deployment with that id; None when none is configured any more."""
        return self._by_id.get(id)

    async def fetch(self, deployment: Deployment, asked: Fetch) -> Answer:
        """What one deployment says of an object that it keeps. Tried once, and nowhere else.

        Raises NotFound (`unsupported_endpoint`) where no objects are reached, UpstreamError or UpstreamTimeout.
        """
        provider = self.providers[deployment.provider]
        if not isinstance(provider, Keeper):
            message = "Stored objects are not served for this model: its provider is reached by translation."
            raise NotFound(message, code=Code.UNSUPPORTED_ENDPOINT)
        started = self._clock.monotonic()
        answer = await provider.fetch(deployment, asked)
        if isinstance(answer, Reply):
            return answer
        spent = self._clock.monotonic() - started
        return await first_event.begun(answer, deployment, deployment.timeouts(True), spent)

    async def call(
        self,
        model: str,
        make_call: MakeCall,
        attempts: list[Attempt] | None = None,
        sticky: str | None = None,
        once: bool = False,
    ) -> Routed:
        """The first good answer from the model's group or its fallbacks; else what its own group said.

        make_call is asked anew for each attempt. attempts is appended to as they happen: it is complete also
        when this raises or is cancelled. Calls with the same `sticky` name go to the same deployment while it is
        well. What must not be done twice at a time says `once`. A Reply may carry an error status. Raises NotFound,
        UpstreamError or UpstreamTimeout.
        """
        asking = _Asking(make_call, [] if attempts is None else attempts, sticky, once)
        self.resolve(model)
        tried: set[str] = set()
        if not self._awake(model):
            # Nobody waits for a group that has just failed while another one may answer.
            names = [name for name in self._listed(self._settings.fallbacks, model) if self._awake(name)]
            if (early := await self._first_good(names, asking)) is not None:
                return early
            tried.update(names)
        first = await self._call_group(self._groups[model], asking)
        names = [name for name in self._fallbacks(model, first) if name not in tried]
        if (later := await self._first_good(names, asking)) is not None:
            return later
        if isinstance(first, UpstreamError):
            raise first
        return first

    async def aclose(self) -> None:
        """Close every provider."""
        for provider in self.providers.values():
            await provider.aclose()

    def _awake(self, model: str) -> bool:
        """Whether a deployment of the group does not rest."""
        return bool(self._health.awake(self._groups[model], self._clock.monotonic()))

    def _listed(self, fallbacks: Mapping[str, Sequence[str]], model: str) -> list[str]:
        """The aliases that are configured to be tried after this one."""
        return [name for name in fallbacks.get(model, fallbacks.get("*", ())) if name != model]

    def _fallbacks(self, model: str, outcome: Outcome) -> Sequence[str]:
        """The aliases to try after this one gave that outcome; none when it is an answer that stands."""
        settings = self._settings
        if isinstance(outcome, UpstreamError) or _failed(outcome.answer):
            return self._listed(settings.fallbacks, model)
        match _reason(outcome.answer):
            case Reason.TOO_LONG:
                return self._listed(settings.context_window_fallbacks, model)
            case Reason.FILTERED:
                return self._listed(settings.content_policy_fallbacks, model)
            case None:
                return ()

    async def _first_good(self, names: Iterable[str], asking: _Asking) -> Routed | None:
        """The first answer of these groups, in order, that stands; None when there is none."""
        for name in names:
            outcome = await self._call_group(self._groups[name], asking)
            if isinstance(outcome, Routed) and not _is_refused(outcome.answer):
                return outcome
        return None

    async def _call_group(self, group: Sequence[Deployment], asking: _Asking) -> Outcome:
        """The first good answer of a group, else the last bad one."""
        retries = [item.num_retries for item in group if item.num_retries is not None]
        left = (max(retries) if retries else self._settings.num_retries) + 1
        tried: list[str] = []
        misplaced: set[str] = set()
        while True:
            others = [item for item in group if item.id not in misplaced]
            outcome = await self._ask(others, tried, asking)
            left -= 1
            if _is_good(outcome):
                return outcome
            if isinstance(outcome, Routed) and outcome.answer.status in MISPLACED:
                misplaced.add(outcome.deployment.id)
            elif isinstance(outcome, Redirected):
                misplaced.add(outcome.deployment)
            others = [item for item in group if item.id not in misplaced]
            if left <= 0 or not others:
                return outcome
            wait = 0.0 if any(item.id not in tried for item in others) else self._wait(outcome, len(tried))
            if wait > LONGEST_RETRY_AFTER_SECONDS:
                return outcome
            if wait > 0:
                await self._clock.sleep(wait)

    async def _ask(self, group: Sequence[Deployment], tried: list[str], asking: _Asking) -> Outcome:
        """What one deployment of the group says; where hedging is on, two may be asked. Adds them to tried."""

        def attempt(begun: asyncio.Event | None) -> Coroutine[Any, Any, Outcome]:
            deployment = self._choose(group, tried, asking.sticky)
            tried.append(deployment.id)
            return self._attempt(deployment, asking, begun)

        after = self._settings.hedge_after_s
        if after is None or asking.once:
            return await attempt(None)
        return await hedged(attempt, attempt, after, _is_good, _drop)

    async def _attempt(self, deployment: Deployment, asking: _Asking, begun: asyncio.Event | None) -> Outcome:
        """One try at one deployment, written to the log and told to its health however it ends.

        begun is set when the first byte of a whole answer is there.
        """
        call = await asking.make_call(deployment)
        if begun is not None:
            call = replace(call, begun=begun.set)
        started = self._clock.monotonic()
        status = 0
        code: str | None = None
        try:
            answer = await self._answer(deployment, call, started)
            status = answer.status
            if _failed(answer) and status != 404:
                self._health.failed(
                    deployment.id, self._clock.monotonic(), _retry_after(answer.headers) or 0.0
                )
            return Routed(deployment, answer)
        except UpstreamError as error:
            code = error.code
            self._health.failed(deployment.id, self._clock.monotonic())
            if isinstance(error, Redirected):
                error.deployment = deployment.id
            return error
        except ProxyError as error:
            code = error.code
            raise
        except asyncio.CancelledError:
            code = "cancelled"
            raise
        finally:
            elapsed = (self._clock.monotonic() - started) * 1000
            asking.log.append(Attempt(deployment.id, status, code, elapsed))

    async def _answer(self, deployment: Deployment, call: Call, started: float) -> Answer:
        """What a deployment answers: whole, or as a stream whose first event is good."""
        provider = self._provider(deployment, call.path)
        if not call.stream:
            return await provider.complete(deployment, call)
        answer = await provider.stream(deployment, call)
        if isinstance(answer, Reply):
            return answer
        spent = self._clock.monotonic() - started
        return await first_event.begun(answer, deployment, call.deadlines(deployment), spent)

    def _provider(self, deployment: Deployment, path: str) -> Provider:
        """The provider that reaches a deployment for a route. Raises NotFound when none can."""
        name = speaker(deployment, path)
        provider = self.providers[name.removeprefix(TRANSLATED)]
        return Translated(provider) if name.startswith(TRANSLATED) else provider

    def _choose(self, group: Sequence[Deployment], tried: Sequence[str], sticky: str | None) -> Deployment:
        """One of the group by weight: of those not tried yet and not resting if there are any.

        When all rest, the one whose rest ends first: an attempt is worth more to a caller than a refusal.
        """
        awake = self._health.awake(group, self._clock.monotonic())
        if not awake:
            return min(group, key=lambda item: (item.id in tried, self._health.rests_until(item.id)))
        return pick([item for item in awake if item.id not in tried] or awake, self._random, sticky)

    def _wait(self, outcome: Outcome, tries: int) -> float:
        """Seconds before the next try: as the provider asks, else twice as long each time, with jitter."""
        if isinstance(outcome, Routed):
            asked = _retry_after(outcome.answer.headers)
            if asked is not None:
                return asked
        longest = min(FIRST_WAIT_SECONDS * 2.0 ** (tries - 1), LONGEST_WAIT_SECONDS)
        return longest * (0.5 + self._random.random() / 2)


def speaker(deployment: Deployment, path: str) -> str:
    """The name of the provider that reaches a deployment for a route, after TRANSLATED when it is asked as a chat.

    Raises NotFound (`unsupported_endpoint`) when none can.
    """
    if path not in ANTHROPIC:
        return deployment.provider
    if deployment.vendor == "anthropic":
        return "anthropic_wire"
    if path == "/v1/messages":
        return TRANSLATED + deployment.provider
    raise NotFound(
        f"{path} is served only for deployments of Anthropic's, not for this model.",
        code=Code.UNSUPPORTED_ENDPOINT,
        param="model",
    )


def speakers(deployment: Deployment) -> set[str]:
    """The names of the providers that may reach a deployment, for one route or another."""
    return {deployment.provider, speaker(deployment, "/v1/messages").removeprefix(TRANSLATED)}


def open_providers(deployments: Iterable[Deployment]) -> dict[str, Provider]:
    """The providers that these deployments need, by name. Raises ConfigError for a fake one that cannot be.

    Modules are imported only when they are needed: aiohttp and litellm are heavy.
    """
    opened: dict[str, Provider] = {}
    for deployment in deployments:
        if deployment.provider == "fake":
            from proxy.providers.fake import check

            check(deployment)
        for name in speakers(deployment):
            opened.setdefault(name, open_provider(name))
    return opened


def open_provider(name: str) -> Provider:
    """The provider of that name; its module is imported now."""
    module, kind = _PROVIDERS[name]
    made: Provider = getattr(import_module(f"proxy.providers.{module}"), kind)()
    return made


_PROVIDERS = {
    "fake": ("fake", "FakeProvider"),
    "litellm": ("litellm", "LiteLLM"),
    "openai_wire": ("openai_wire", "OpenAIWire"),
    "anthropic_wire": ("anthropic_wire", "AnthropicWire"),
}
"""Name of each provider to its module and class."""


def _is_good(outcome: Outcome) -> bool:
    """Whether no other attempt might do better."""
    return isinstance(outcome, Routed) and not _failed(outcome.answer)


def _is_refused(answer: Answer) -> bool:
    """Whether a fallback's answer is none that stands."""
    return _failed(answer) or _reason(answer) is not None


def _reason(answer: Answer) -> Reason | None:
    """Why a provider refused a request that another model may take."""
    return reason(answer) if isinstance(answer, Reply) else None


async def _drop(outcome: Outcome) -> None:
    """Let go of an answer that nobody reads."""
    if isinstance(outcome, Routed) and not isinstance(outcome.answer, Reply):
        await outcome.answer.aclose()


def _failed(answer: Answer) -> bool:
    """Whether another attempt, here or elsewhere, might do better."""
    return answer.status in RETRIED or answer.status in MISPLACED


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks to wait; None when it names none, or a date."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            value = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        if 0 <= value < float("inf"):
            return value
    return None
