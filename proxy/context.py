"""Context: what one running proxy is made of. Built once by `proxy.app.create_app`, read by every route."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from proxy.exchange import Exchange
from proxy.otlp.turns import Turns
from proxy.reload import Reloads

if TYPE_CHECKING:
    from proxy.auth import Keyring
    from proxy.cache import Replies
    from proxy.config import Config
    from proxy.limiter import Limiter
    from proxy.objects import Objects
    from proxy.policies import Policies
    from proxy.prices import Prices
    from proxy.prompts import Prompts
    from proxy.routing import Router
    from proxy.runs import Runs
    from proxy.settings import Settings
    from proxy.shadow import Shadows
    from proxy.store.db import Store
    from proxy.strangers import Strangers
    from proxy.telemetry import Metrics
    from proxy.telemetry_otlp import SpanExport
    from proxy.vaults import Vaults


class Recording(Protocol):
    """Keeps finished exchanges."""

    def record(self, exchange: Exchange, waits: bool = False) -> None:
        """Take the exchange as it is now, for good; `waits`: or say in `written` that it is not. Never raises."""

    def draft(self, exchange: Exchange) -> None:
        """Take the exchange as far as it is known, in case the process ends before `record`. Never raises."""

    def take(self, documents: Sequence[dict[str, Any]]) -> None:
        """Take documents that are ready, all or none; for any thread. Raises NotRecorded."""

    async def written(self, id: str) -> None:
        """Returns when the exchange of that id is on disk. Raises when it cannot be."""

    @property
    def accepting(self) -> bool:
        """Whether new requests may come in."""


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of one running proxy, given to every router: `build_router(context)`.

    Another configuration makes another context. A request keeps the one that it began with."""

    settings: Settings
    config: Config
    store: Store
    """The database. On the request path of `/v1` it is read only for stored objects that `objects` has forgotten."""
    recorder: Recording
    keyring: Keyring
    """Who may call: `keyring.principal(authorization_header)`."""
    policies: Policies
    """Who is judged by which policy."""
    key: bytes
    """Secret of this installation: keys pseudonyms and fingerprints."""
    router: Router
    shadows: Shadows
    """Copies of requests that another model answers for nobody."""
    vaults: Vaults
    """The pseudonyms of sessions, which outlive a request."""
    replies: Replies
    """Replies that are given again to equal requests."""
    objects: Objects
    """Who made which object that a provider keeps."""
    runs: Runs
    """Which exchanges are steps of one conversation."""
    prompts: Prompts
    """The prompt templates that requests may name."""
    limiter: Limiter
    """Counts what keys and teams use."""
    prices: Prices
    """What the tokens of a deployment cost."""
    metrics: Metrics
    strangers: Strangers
    """Which requests without a good key get a row."""
    spans: SpanExport | None
    """Sends spans of our own to the operator's collector; None where none is configured."""
    ready: Callable[[], Mapping[str, str]]
    """What keeps the proxy from serving, by part, e.g. `{"store": "cannot be opened"}`; empty when ready."""
    exports: Turns = field(default_factory=Turns)
    """Turns of the apps that send spans."""
    reloads: Reloads = field(default_factory=Reloads)
    """How another configuration comes into force."""
