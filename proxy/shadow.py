"""Shadows: copies of requests that another model answers for nobody, so that it can be judged before it serves.

A shadow takes the line of any exchange (inspected, sent, inspected, recorded) beside the one it copies, which knows
nothing of it: it is never returned, and its deployments, retries and limits are not those of callers.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from proxy import relay
from proxy.config import Config, RouterSettings
from proxy.config_deployments import Deployment
from proxy.config_routing import Shadow
from proxy.context import Context
from proxy.errors import FAILED, ProxyError
from proxy.exchange import Exchange
from proxy.kept import record, watched
from proxy.lasting import acts, unstored
from proxy.providers.base import Call, Provider, Reply, ReplyStream
from proxy.raw import begun
from proxy.routing import Attempt, Router, speaker
from proxy.wire import Connection, Message

AT_ONCE = 64
"""Shadows of one process that may be under way; one more is not sent, and counted."""
CLOSE_SECONDS = 5.0
"""How long shadows under way may take to finish when the proxy stops."""
PATHS = frozenset(
    {"/v1/chat/completions", "/v1/responses", "/v1/completions", "/v1/embeddings", "/v1/messages"}
)
"""Routes whose requests are copied."""

Judge = Callable[[Context, Exchange], Awaitable[dict[str, Any]]]
"""The request of an exchange as it may go out; raises Blocked when it may not."""

_log = logging.getLogger(__name__)


class Shadows:
    """Makes the shadows that a configuration asks for.

    Args:
        config: which models have shadows, and where their deployments are.
        providers: as for a Router. They are left open.
        seed: makes the choice of requests repeatable.
    """

    def __init__(self, config: Config, providers: Mapping[str, Provider], *, seed: int | None = None) -> None:
        self._of: dict[str, list[Shadow]] = {}
        for shadow in config.shadows:
            self._of.setdefault(shadow.model, []).append(shadow)
        self._router = Router(_without_retries(config), providers)
        self._random = random.Random(seed)  # noqa: S311 - draws a sample, keeps no secret
        self._under_way: set[asyncio.Task[None]] = set()

    def renewed(self, config: Config, providers: Mapping[str, Provider]) -> Shadows:
        """The shadows of another configuration; those under way go on, and count against the same bound."""
        new = Shadows(config, providers)
        new._router = self._router.renewed(_without_retries(config), providers)
        new._under_way = self._under_way
        return new

    async def settled(self) -> None:
        """Returns when those that are under way now have ended."""
        if under_way := [*self._under_way]:
            await asyncio.wait(under_way)

    def cast(self, context: Context, connection: Connection, exchange: Exchange, judge: Judge) -> None:
        """Begin the shadows of a request that is on its way to its own model. Returns at once."""
        shadows = self._of.get(exchange.model)
        if not shadows or exchange.path not in PATHS or acts(exchange.path, exchange.request):
            return
        for shadow in shadows:
            if self._random.random() >= shadow.share:
                continue
            if len(self._under_way) >= AT_ONCE:
                context.metrics.shadow("not_sent")
                continue
            copy = _copy(context, exchange, shadow.to)
            line = _Line(context, copy, self._router, connection.forwardable(), exchange.sticky)
            task = asyncio.create_task(line.walk(judge))
            self._under_way.add(task)
            task.add_done_callback(self._ended)

    async def aclose(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait for those under way, for at most so long; then they are cancelled, and recorded as that."""
        if not self._under_way:
            return
        _, late = await asyncio.wait(self._under_way, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a shadow failed (%s)", type(error).__name__)


class _Line:
    """The line of one shadow."""

    def __init__(
        self,
        context: Context,
        exchange: Exchange,
        router: Router,
        headers: Mapping[str, str],
        sticky: str | None,
    ) -> None:
        self._context, self._exchange, self._router = context, exchange, router
        self._headers, self._sticky = headers, sticky

    async def walk(self, judge: Judge) -> None:
        """Have the request judged and answered, the answer inspected, and all of it recorded once."""
        context, exchange = self._context, self._exchange
        out = relay.Outlet(context, _nobody(exchange.path), exchange)
        settled = False
        try:
            with relay.Timed(exchange, "inspect_input"):
                sent = await judge(context, exchange)
            with relay.Timed(exchange, "upstream"):
                answer = await self._answer(sent)
            if isinstance(answer, Reply):
                await relay.whole(out, answer)
            else:
                await relay.stream(out, answer)
            settled = True
        except ProxyError as error:
            await out.error(error)
            settled = True
        except asyncio.CancelledError:
            exchange.cancelled = settled = True
            raise
        finally:
            if not settled:
                await out.error(ProxyError(FAILED))
            try:
                await watched(exchange)
            finally:
                record(context, exchange)

    async def _answer(self, sent: dict[str, Any]) -> Reply | ReplyStream:
        """What the shadow's deployment says. Raises UpstreamError or UpstreamTimeout when it says nothing."""
        exchange = self._exchange

        async def made(deployment: Deployment) -> Call:
            return Call(sent, exchange.path, exchange.stream, None, self._headers)

        attempts: list[Attempt] = []
        exchange.upstream_called = True
        try:
            routed = await self._router.call(exchange.model, made, attempts, self._sticky)
        finally:
            exchange.attempts = len(attempts)
            exchange.deployment = attempts[-1].deployment if attempts else ""
        exchange.provider = speaker(routed.deployment, exchange.path)
        return routed.answer


def _copy(context: Context, exchange: Exchange, model: str) -> Exchange:
    """The exchange once more, for another model, under the policy that holds for that one."""
    assert exchange.principal is not None
    copy = Exchange(
        exchange.path,
        exchange.dialect,
        context.policies.guard_for(exchange.principal, model, exchange.path),
        trace_id=exchange.trace_id,
        shadow_of=exchange.id,
        principal=exchange.principal,
        model=model,
        stream=exchange.stream,
    )
    copy.subject = exchange.subject
    copy.size, copy.prompt, copy.config = exchange.size, exchange.prompt, exchange.config
    # Of what its caller's policy does not keep, no copy is kept either.
    copy.kept_before = exchange.capture
    copy.raw = begun(copy.capture, exchange.raw.request) if exchange.raw else None
    copy.request = unstored(exchange.path, exchange.request) | {"model": model}
    return copy


def _without_retries(config: Config) -> Config:
    """The configuration for one attempt each, without fallbacks and hedging."""
    settings = RouterSettings(
        num_retries=0, allowed_fails=config.router.allowed_fails, cooldown_time=config.router.cooldown_time
    )
    deployments = tuple(replace(item, num_retries=None) for item in config.deployments)
    return replace(config, deployments=deployments, router=settings)


def _nobody(path: str) -> Connection:
    """A connection to a caller who never says anything and reads nothing."""

    async def receive() -> NoReturn:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        """Nobody reads it."""

    return Connection({"method": "POST", "path": path, "headers": ()}, receive, send)
