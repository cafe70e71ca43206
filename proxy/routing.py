"""From the model a caller asks for to the deployment that answers: balance, retries, cooldown, fallbacks.

Everything here happens before the first byte of an answer; what has begun is never begun again elsewhere.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

import orjson

from proxy.config import Config, Deployment
from proxy.dialects.openai_errors import provider_error
from proxy.errors import Code, NotFound, ProxyError, UpstreamError, UpstreamTimeout
from proxy.providers.base import Call, Fetch, Keeper, Provider, Reply, ReplyStream, scrubbed
from proxy.providers.translated import Translated
from proxy.sse import Decoder

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

FAILURE_WINDOW_SECONDS = 60.0

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


@dataclass(slots=True)
class _Health:
    """What a deployment did lately."""

    failures: deque[float] = field(default_factory=deque)
    rests_until: float = 0.0


_TOO_LONG = ("context_length_exceeded", "context_window_exceeded", "string_above_max_length")
_FILTERED = ("content_filter", "content_policy_violation", "responsible_ai_policy_violation")
"""Codes of a refusal (400) that another model may not share."""

MakeCall = Callable[[Deployment], Awaitable[Call]]
"""Makes the call for a deployment, asked anew for each attempt."""


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
        self._providers = providers
        self._clock = clock or SystemClock()
        self._random = random.Random(seed)  # noqa: S311 - spreads load, keeps no secret
        self._groups: dict[str, list[Deployment]] = {}
        for deployment in config.deployments:
            self._groups.setdefault(deployment.model_name, []).append(deployment)
        self._by_id = {deployment.id: deployment for deployment in config.deployments}
        self._health = {id: _Health() for id in self._by_id}

    def models(self) -> list[str]:
        """Every alias that can be asked for, in the order of the configuration."""
        return list(self._groups)

    def resolve(self, model: str) -> list[Deployment]:
        """The deployments behind an alias. Raises NotFound (`model_not_found`) when there is none."""
        group = self._groups.get(model)
        if group is None:
            raise NotFound(
                # The name is not repeated: messages are stored, and a caller can write anything into it.
                "No model of that name exists here. GET /v1/models lists those that do.",
                code=Code.MODEL_NOT_FOUND,
                param="model",
            )
        return list(group)

    def deployment(self, id: str) -> Deployment | None:
        """The deployment with that id; None when none is configured any more."""
        return self._by_id.get(id)

    async def fetch(self, deployment: Deployment, asked: Fetch) -> Answer:
        """What one deployment says of an object that it keeps. Tried once, and nowhere else.

        Raises NotFound (`unsupported_endpoint`) where no objects are reached, UpstreamError or UpstreamTimeout.
        """
        provider = self._providers[deployment.provider]
        if not isinstance(provider, Keeper):
            message = "Stored objects are not served for this model: its provider is reached by translation."
            raise NotFound(message, code=Code.UNSUPPORTED_ENDPOINT)
        answer = await provider.fetch(deployment, asked)
        if isinstance(answer, Reply):
            return answer
        return await _begun(answer, deployment, deployment.timeouts(True).first_byte)

    async def call(
        self,
        model: str,
        make_call: MakeCall,
        attempts: list[Attempt] | None = None,
    ) -> Routed:
        """The first good answer from the model's group or its fallbacks; else what its own group said.

        make_call is asked anew for each attempt. attempts is appended to as they happen: it is complete also
        when this raises or is cancelled. A Reply may carry an error status. Raises NotFound, UpstreamError
        or UpstreamTimeout.
        """
        log = [] if attempts is None else attempts
        self.resolve(model)
        first = await self._call_group(self._groups[model], make_call, log)
        for name in self._fallbacks(model, first):
            outcome = await self._call_group(self._groups[name], make_call, log)
            if isinstance(outcome, Routed) and not _is_refused(outcome.answer):
                return outcome
        if isinstance(first, UpstreamError):
            raise first
        return first

    async def aclose(self) -> None:
        """Close every provider."""
        for provider in self._providers.values():
            await provider.aclose()

    def _fallbacks(self, model: str, outcome: Routed | UpstreamError) -> Sequence[str]:
        """The aliases to try after this one gave that outcome; none when it is an answer that stands."""
        settings = self._settings
        if isinstance(outcome, UpstreamError) or _failed(outcome.answer):
            fallbacks = settings.fallbacks
        else:
            reason = _reason(outcome.answer)
            if reason in _TOO_LONG:
                fallbacks = settings.context_window_fallbacks
            elif reason in _FILTERED:
                fallbacks = settings.content_policy_fallbacks
            else:
                return ()
        return [name for name in fallbacks.get(model, fallbacks.get("*", ())) if name != model]

    async def _call_group(
        self, group: Sequence[Deployment], make_call: MakeCall, log: list[Attempt]
    ) -> Routed | UpstreamError:
        """The first good answer of a group, else the last bad one."""
        retries = [item.num_retries for item in group if item.num_retries is not None]
        left = (max(retries) if retries else self._settings.num_retries) + 1
        tried: list[str] = []
        misplaced: set[str] = set()
        while True:
            deployment = self._choose([item for item in group if item.id not in misplaced], tried)
            tried.append(deployment.id)
            left -= 1
            outcome = await self._attempt(deployment, make_call, log)
            if not (isinstance(outcome, UpstreamError) or _failed(outcome.answer)):
                return outcome
            status = outcome.answer.status if isinstance(outcome, Routed) else 0
            if status != 404:
                self._note_failure(deployment)
            if status in MISPLACED:
                misplaced.add(deployment.id)
            others = [item for item in group if item.id not in misplaced]
            if left <= 0 or not others:
                return outcome
            wait = 0.0 if any(item.id not in tried for item in others) else self._wait(outcome, len(tried))
            if wait > LONGEST_RETRY_AFTER_SECONDS:
                return outcome
            if wait > 0:
                await self._clock.sleep(wait)

    async def _attempt(
        self, deployment: Deployment, make_call: MakeCall, log: list[Attempt]
    ) -> Routed | UpstreamError:
        """One try at one deployment, written to the log however it ends."""
        begun = self._clock.monotonic()
        status = 0
        code: str | None = None
        try:
            call = await make_call(deployment)
            provider = self._provider(deployment, call.path)
            answer: Answer
            if call.stream:
                answer = await provider.stream(deployment, call)
                if not isinstance(answer, Reply):
                    answer = await _begun(answer, deployment, call.deadlines(deployment).first_byte)
            else:
                answer = await provider.complete(deployment, call)
            status = answer.status
            return Routed(deployment, answer)
        except UpstreamError as error:
            code = error.code
            return error
        except ProxyError as error:
            code = error.code
            raise
        except asyncio.CancelledError:
            code = "cancelled"
            raise
        finally:
            elapsed = (self._clock.monotonic() - begun) * 1000
            log.append(Attempt(deployment.id, status, code, elapsed))

    def _provider(self, deployment: Deployment, path: str) -> Provider:
        """The provider that reaches a deployment for a route. Raises NotFound when none can."""
        name = speaker(deployment, path)
        provider = self._providers[name.removeprefix(TRANSLATED)]
        return Translated(provider) if name.startswith(TRANSLATED) else provider

    def _choose(self, group: Sequence[Deployment], tried: Sequence[str]) -> Deployment:
        """One of the group by weight: of those not tried yet and not resting if there are any.

        When all rest, the one whose rest ends first: an attempt is worth more to a caller than a refusal.
        """
        now = self._clock.monotonic()
        awake = [item for item in group if self._health[item.id].rests_until <= now]
        if not awake:
            return min(group, key=lambda item: (item.id in tried, self._health[item.id].rests_until))
        fresh = [item for item in awake if item.id not in tried] or awake
        if len(fresh) == 1:
            return fresh[0]
        weights = [item.weight for item in fresh]
        return self._random.choices(fresh, weights if sum(weights) > 0 else None)[0]

    def _note_failure(self, deployment: Deployment) -> None:
        """Count a failure; after more than `allowed_fails` within a minute the deployment rests."""
        now = self._clock.monotonic()
        health = self._health[deployment.id]
        health.failures.append(now)
        while health.failures[0] <= now - FAILURE_WINDOW_SECONDS:
            health.failures.popleft()
        if len(health.failures) > self._settings.allowed_fails:
            health.failures.clear()
            health.rests_until = now + self._settings.cooldown_time

    def _wait(self, outcome: Routed | UpstreamError, tries: int) -> float:
        """Seconds before the next try: as the provider asks, else twice as long each time, with jitter."""
        if isinstance(outcome, Routed):
            asked = _retry_after(outcome.answer.headers)
            if asked is not None:
                return asked
        longest = min(FIRST_WAIT_SECONDS * 2.0 ** (tries - 1), LONGEST_WAIT_SECONDS)
        return longest * (0.5 + self._random.random() / 2)


class _Begun:
    """A stream of which some pieces were read already: those first, then the rest."""

    __slots__ = ("_held", "_pieces", "_stream", "headers", "status")

    def __init__(self, stream: ReplyStream, held: list[bytes], pieces: AsyncIterator[bytes]) -> None:
        self.status, self.headers = stream.status, stream.headers
        self._stream, self._held, self._pieces = stream, held, pieces

    def __aiter__(self) -> _Begun:
        """Itself: a stream is read once."""
        return self

    async def __anext__(self) -> bytes:
        """The next piece."""
        return self._held.pop(0) if self._held else await anext(self._pieces)

    async def aclose(self) -> None:
        """Drop the provider's connection at once."""
        await self._stream.aclose()


async def _begun(stream: ReplyStream, deployment: Deployment, seconds: float) -> Answer:
    """The same stream once its first event has come: one that never begins can still be retried.

    A Reply with an error status when that first event is an error: nothing was sent to the caller yet.
    """
    held: list[bytes] = []
    pieces = aiter(stream)
    error: bytes | None = None
    good = False
    try:
        async with asyncio.timeout(seconds):
            first = await _first_event(pieces, held)
        if not _is_error(first):
            good = True
            return _Begun(stream, held, pieces)
        error = first
    except TimeoutError:
        raise UpstreamTimeout("The provider did not begin to answer in time.") from None
    finally:
        if not good:
            await stream.aclose()
    return Reply(_error_status(error), stream.headers, scrubbed(error, deployment))


async def _first_event(pieces: AsyncIterator[bytes], held: list[bytes]) -> bytes:
    """The first payload; pieces read on the way are kept in held. Raises UpstreamError for none."""
    decoder = Decoder()
    async for piece in pieces:
        held.append(piece)
        payloads = decoder.feed(piece)
        if payloads:
            return payloads[0]
    raise UpstreamError("The provider ended its answer before it began.")


def _is_error(payload: bytes) -> bool:
    """Whether an event is OpenAI's `{"error": ...}`."""
    if b'"error"' not in payload:
        return False
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and bool(found.get("error")) and not found.get("choices")


_BY_TYPE = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
}
"""HTTP status of the errors that Anthropic tells by their type alone."""


def _error_status(payload: bytes) -> int:
    """The HTTP status that an error within a stream names as its code; 502 when it names none."""
    error = orjson.loads(payload)["error"]
    code = str(error.get("code")) if isinstance(error, dict) else ""
    if isinstance(error, dict) and isinstance(error.get("type"), str) and error["type"] in _BY_TYPE:
        return _BY_TYPE[error["type"]]
    return int(code) if len(code) == 3 and code.isdecimal() and 400 <= int(code) <= 599 else 502


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


def _is_refused(answer: Answer) -> bool:
    """Whether a fallback's answer is none that stands."""
    return _failed(answer) or _reason(answer) in (*_TOO_LONG, *_FILTERED)


def _reason(answer: Answer) -> str:
    """The code of a provider's refusal; empty for any other answer."""
    if not isinstance(answer, Reply) or answer.status != 400:
        return ""
    told = provider_error(answer.body)
    return (told[1] or "") if told else ""


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
