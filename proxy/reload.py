"""Reload: another configuration comes into force as a whole, or not at all, while requests go on.

Each configuration has a `Context` of its own. A request reads the one in force once, at its start, and ends with it.
What both configurations have in common (connections, guards, what is known of deployments, sessions) is in both.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from guardrails.errors import GuardrailsError
from proxy.config import Config, load_config
from proxy.errors import ConfigError
from proxy.prices import Prices
from proxy.prompts import Prompts, load_prompts
from proxy.version import version

if TYPE_CHECKING:
    from proxy.context import Context
    from proxy.exchange import Principal
    from proxy.policies import Policies
    from proxy.telemetry import Metrics
    from proxy.telemetry_otlp import SpanExport

WATCH_SECONDS = 1.0
"""How often the files are looked at. A change counts when two looks in a row see the same: it is written whole then."""

RETRY_SECONDS = 5.0
"""How long after a load that failed another is tried, whatever the files look like: what was missing may be a file
that only the changed configuration names, and nobody watches it yet."""

LASTING = (
    "data_dir",
    "database_url",
    "redis_url",
    "limits_without_redis",
    "run_idle_s",
    "search",
    "shutdown",
    "spool_mode",
    "audit",
    "spool_on_full",
    "spool_max_bytes",
)
"""What a running proxy keeps as it was at its start, by names of `Config`."""

PROXY = "proxy"
"""Who reloads when nobody asks for it: the proxy, as it sees a file change, or on a signal."""

_KEYS = {name: name.replace("_", ".", 1) for name in LASTING if name.startswith("spool_")}
_log = logging.getLogger(__name__)

_Seen = tuple[tuple[str, int, int, int], ...]
"""Files with what tells that they changed: time, size, number."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of a reload."""

    changed: bool
    """Whether anything that is in force is another."""
    needs_restart: tuple[str, ...]
    """Keys below `guardhouse:` whose new values count from the next start on."""


class _Generation:
    """A context, and the requests that began with it."""

    __slots__ = ("context", "ended", "under_way")

    def __init__(self, context: Context) -> None:
        self.context, self.under_way = context, 0
        self.ended = asyncio.Event()
        """Set when it is not in force any more, and its last request has ended."""


class Reloads:
    """The context in force, and how another takes its place. `begin` before anything else.

    All of it belongs to the event loop of the app.
    """

    def __init__(self) -> None:
        self._now: _Generation
        self._seen: _Seen = ()
        self._loading = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        self._failed_at = 0.0
        """When the last load failed, on the monotonic clock."""
        self._said: str | None = None
        """What of `trouble` the log has already."""
        self.trouble: str | None = None
        """Why the last load failed: file, line, what is wrong. None when it did not."""
        self.needs_restart: tuple[str, ...] = ()
        self.requests = 0
        """How many are answered now, whatever the configuration that they began with."""
        self.loaded = 0.0
        """When the configuration in force was read, in seconds since 1970."""

    def begin(self, context: Context) -> None:
        """Put the first context in force."""
        self._now = _Generation(context)
        self._seen = look(files(context))
        self.loaded = time.time()
        context.metrics.configuration(context.config, context.policies.label)

    @property
    def context(self) -> Context:
        """The context in force."""
        return self._now.context

    @contextmanager
    def held(self) -> Iterator[Context]:
        """The context in force, which stays whole until the end of the block, whatever comes into force meanwhile."""
        generation = self._now
        generation.under_way += 1
        self.requests += 1
        try:
            yield generation.context
        finally:
            generation.under_way -= 1
            self.requests -= 1
            if generation is not self._now and not generation.under_way:
                generation.ended.set()

    async def reload(self, who: Principal | None = None) -> Loaded:
        """Read everything again and put it in force, if that changes anything.

        Built and checked off the event loop. Raises ConfigError or GuardrailsError with file and line; then nothing
        has changed, and `trouble` says why until a load succeeds.
        """
        async with self._loading:
            before = self.context
            seen = await asyncio.to_thread(look, files(before))
            try:
                after, lasting = await asyncio.to_thread(_built, before)
            except (ConfigError, GuardrailsError) as error:
                self.trouble, self._seen = str(error), seen
                self._failed_at = time.monotonic()
                before.metrics.reload("failed")
                raise
            self.trouble, self.needs_restart = None, lasting
            self._said = None
            changed = after.config.revision != before.config.revision
            before.metrics.reload("applied" if changed else "unchanged")
            if lasting:
                _log.warning("changes of %s take effect at the next start", ", ".join(lasting))
            if changed:
                self._swap(after)
            # Files that are named for the first time were not looked at before they were read.
            self._seen = seen if files(before) == files(after) else ()
            if changed:
                await asyncio.to_thread(_kept, before, after, who)
            return Loaded(changed, lasting)

    async def watch(self) -> None:
        """Reload whenever one of the files changes, and again and again after a load that failed. Never returns."""
        last = self._seen
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            before, last = last, await asyncio.to_thread(look, files(self.context))
            again = self.trouble is not None and time.monotonic() - self._failed_at >= RETRY_SECONDS
            if last == before and (again or last != self._seen):
                await self.told()

    async def told(self) -> None:
        """Reload; what comes of it stands in the log, a failure that goes on only once."""
        try:
            done = await self.reload()
        except (ConfigError, GuardrailsError) as error:
            if self._said != str(error):
                _log.error("the configuration in force stays, as the changed one cannot be used: %s", error)
            self._said = str(error)
        else:
            if done.changed:
                now = self.context
                _log.info("configuration %s, policy %s", now.config.revision, now.policies.label)

    async def aclose(self) -> None:
        """Ends what belongs to configurations that are not in force any more."""
        if self._closing is not None:
            self._closing.cancel()
            await asyncio.wait([self._closing])

    def _swap(self, after: Context) -> None:
        before, self._now = self._now, _Generation(after)
        self.loaded = time.time()
        after.policies.ask(after.router)
        after.metrics.configuration(after.config, after.policies.label)
        if not before.under_way:
            before.ended.set()
        self._closing = asyncio.create_task(_closed(before, after, self._closing))


async def _closed(before: _Generation, after: Context, earlier: asyncio.Task[None] | None) -> None:
    """Ends what only the configuration before needed, when the last request of it and of those before it has ended."""
    context = before.context
    try:
        if earlier is not None:
            await earlier
        await before.ended.wait()
        await context.shadows.settled()
    finally:
        for guard in context.policies.dropped(after.policies):
            await guard.aclose()
        if context.spans is not None and context.spans is not after.spans:
            await asyncio.to_thread(context.spans.close)


def _built(before: Context) -> tuple[Context, tuple[str, ...]]:
    """The context of the configuration as its files are now, and what of it has to wait for a restart.

    Raises ConfigError or GuardrailsError.
    """
    config = load_config(before.config.file, before.settings)
    lasting = tuple(name for name in LASTING if getattr(config, name) != getattr(before.config, name))
    config = replace(config, **{name: getattr(before.config, name) for name in lasting})
    return renewed(before, config), tuple(_KEYS.get(name, name) for name in lasting)


def renewed(before: Context, config: Config) -> Context:
    """The context of another configuration. Whatever follows the configuration is made anew here, and nowhere else.

    Runs beside the event loop, and changes nothing that is in force. Raises GuardrailsError.
    """
    policies = before.policies.renewed(config)
    router = before.router.renewed(config)
    prompts = load_prompts(config.prompts)
    same = config.deployments == before.config.deployments
    return replace(
        before,
        config=stamped(config, policies, prompts),
        policies=policies,
        router=router,
        prompts=prompts,
        prices=before.prices if same else Prices(config.deployments),
        spans=before.spans
        if same and config.otlp == before.config.otlp
        else exported(config, before.metrics),
        shadows=before.shadows.renewed(config, router.providers),
        replies=before.replies.renewed(config.cache_ttl_s, same=same),
        vaults=before.vaults.renewed(config.vault_ttl_s),
    )


def exported(config: Config, metrics: Metrics) -> SpanExport | None:
    """What sends spans of our own to the operator's collector; None where none is configured."""
    if config.otlp is None:
        return None
    from proxy.telemetry_otlp import SpanExport

    return SpanExport(config.otlp, config.deployments, version(), metrics.otlp_dropped)


def files(context: Context) -> list[str]:
    """Every file that the configuration in force was read from. Files of further parts are added here."""
    return [str(context.config.file), *context.policies.files, *context.prompts.files]


def stamped(config: Config, policies: Policies, prompts: Prompts) -> Config:
    """The configuration with the revision of all that is in force with it: its own text, and what that names."""
    told = "\0".join([config.revision, *policies.labels(), *prompts.labels()])
    return replace(config, revision=hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:12])


def look(names: Sequence[str]) -> _Seen:
    """What tells whether files have changed."""
    seen = []
    for name in names:
        try:
            found = Path(name).stat()
            seen.append((name, found.st_mtime_ns, found.st_size, found.st_ino))
        except OSError:
            seen.append((name, 0, 0, 0))
    return tuple(seen)


def _kept(before: Context, after: Context, who: Principal | None) -> None:
    """Leave an event of the change. A database that is away does not undo it."""
    _tell(after, "config.reload", {"before": before.config.revision}, who)
    _keep_texts(after)


def started(context: Context) -> None:
    """Leave an event of what is in force from the start on. A database that is away keeps nothing from starting."""
    _tell(context, "config.start", {"version": version()}, None)
    _keep_texts(context)


def _keep_texts(context: Context) -> None:
    """Keep the texts of the policies in force, those that are not kept yet, as far as there is a database."""
    from proxy.policy_sources import texts
    from proxy.store import policy_texts
    from proxy.store.db import AWAY

    try:
        policy_texts.keep(context.store, texts(context.policies))
    except AWAY as error:
        _log.warning("the texts of policies could not be kept (%s)", type(error).__name__)


def _tell(context: Context, action: str, more: dict[str, str], who: Principal | None) -> None:
    from proxy.store import audit
    from proxy.store.db import AWAY

    in_force = {"policies": context.policies.labels(), "hashes": context.policies.hashes()}
    act = audit.Act(
        actor=who.key_id if who else PROXY,
        action=action,
        object=context.config.revision,
        detail={**more, **in_force},
        tenant=who.tenant if who else "default",
    )
    try:
        with context.store.begin() as connection:
            audit.note(connection, act)
    except AWAY as error:
        _log.warning("the event %s could not be kept (%s)", action, type(error).__name__)
