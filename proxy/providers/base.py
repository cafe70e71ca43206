"""What a provider is: a deployment and a call in, a whole reply or a stream of raw events out."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from proxy.config_deployments import Deployment, Timeouts

_RELAYED = frozenset({"retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "request-id"})
_RELAYED_PREFIXES = ("x-ratelimit-", "openai-", "anthropic-ratelimit-")
_NAME = re.compile(r"[a-z0-9-]{1,64}")
_VALUE = re.compile(r"[A-Za-z0-9._:/+-]{1,128}")
"""An id, a number, a time or a word: no value that somebody relies on needs more, and no text fits into it."""
_DATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")
_CHOICES = re.compile(r"[A-Za-z0-9._=-]{1,64}(?:,[ ]?[A-Za-z0-9._=-]{1,64}){0,31}")
"""Features that a caller chooses: words, with commas between them."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way to a provider."""

    payload: Mapping[str, Any] = field(repr=False)
    """The request as the provider is to see it: after guardrails, `model` still the alias."""
    path: str = "/v1/chat/completions"
    """Route the caller used, with the leading `/v1`."""
    stream: bool = False
    body: bytes | None = field(default=None, repr=False)
    """The caller's own bytes when nothing was changed in them; None when `payload` must be written anew."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The caller's headers, names in lower case. A provider forwards none but those it lists."""
    timeout: Timeouts | None = None
    """Deadlines; None takes the deployment's."""
    begun: Callable[[], None] | None = None
    """Told when the first byte of a whole answer is there, by providers that can see it."""

    def deadlines(self, deployment: Deployment) -> Timeouts:
        """The deadlines that hold for this call on that deployment."""
        return self.timeout or deployment.timeouts(self.stream)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One request about objects that a provider keeps."""

    method: str
    path: str
    """With the id of the object in it, and the leading `/v1`."""
    query: str = ""
    """Encoded, without the question mark."""
    body: bytes = field(default=b"", repr=False)
    stream: bool = False
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """As in Call."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer. A status of 400 or more is the provider's own refusal: data, not an exception."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case, reduced to what callers may see."""
    body: bytes = field(repr=False)
    """As it came, uncompressed; not promised to be JSON."""


class ReplyStream(Protocol):
    """A streamed answer: the raw bytes of its events, as they were read."""

    status: int
    headers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Non-empty pieces of the event stream, cut anywhere. Raises UpstreamError or UpstreamTimeout."""

    async def aclose(self) -> None:
        """Drop the provider's connection at once. May be called twice, and after the end."""


class Provider(Protocol):
    """A way to reach models. Raises UpstreamError or UpstreamTimeout, never a foreign exception."""

    name: str

    async def complete(self, deployment: Deployment, call: Call) -> Reply:
        """The whole answer."""

    async def stream(self, deployment: Deployment, call: Call) -> ReplyStream | Reply:
        """The answer as it comes; a Reply when the provider refused or did not answer with events."""

    async def aclose(self) -> None:
        """Let go of every connection."""


@runtime_checkable
class Keeper(Provider, Protocol):
    """A provider that can be asked for the objects it keeps."""

    async def fetch(self, deployment: Deployment, asked: Fetch) -> ReplyStream | Reply:
        """The answer as it comes: a stream of events where one was asked for and is sent, else whole."""


class EventStream:
    """A ReplyStream over a generator of bytes; closing it closes the generator."""

    __slots__ = ("_events", "headers", "status")

    def __init__(
        self, events: AsyncGenerator[bytes, None], headers: Mapping[str, str], status: int = 200
    ) -> None:
        self._events = events
        self.headers = headers
        self.status = status

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes of the generator."""
        return self._events

    async def aclose(self) -> None:
        """End the generator where it stands; its own clean-up runs."""
        await self._events.aclose()


def relayed_headers(pairs: Iterable[tuple[str, str]], deployment: Deployment) -> dict[str, str]:
    """The headers of a provider that callers may see, in lower case; never a cookie, a text, or our secrets."""
    kept, secrets = {}, deployment.secrets
    for name, value in pairs:
        name = name.lower()
        if name not in _RELAYED and not name.startswith(_RELAYED_PREFIXES):
            continue
        dated = name == "retry-after" and _DATE.fullmatch(value)
        if any(secret in value for secret in secrets):
            continue
        if _NAME.fullmatch(name) and (dated or _VALUE.fullmatch(value)):
            kept[name] = value
    return kept


def forwarded_headers(caller: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Those of the caller's headers that go on to a provider: words that choose features, never a text."""
    return {name: caller[name] for name in names if _CHOICES.fullmatch(caller.get(name, ""))}


def traced_headers(deployment: Deployment, caller: Mapping[str, str]) -> dict[str, str]:
    """Our place in the trace, for a deployment that is told of it."""
    told = caller.get("traceparent") if deployment.forward_traceparent else None
    return {"traceparent": told} if told else {}


def scrubbed(body: bytes, deployment: Deployment) -> bytes:
    """The body without the deployment's own secrets, in case the provider quotes them back."""
    for secret in deployment.secrets:
        body = body.replace(secret.encode(), b"[removed]")
    return body
