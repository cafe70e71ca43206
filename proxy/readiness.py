"""Readiness: what keeps the proxy from its work, and what only makes it worse than it should be.

A reason takes the proxy out of the load balancer; being degraded does not. What every proxy of a fleet would say at
once (a provider is down, a file has a mistake) is never a reason: that would turn a part
that fails into a whole that does.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy import redis_client
from proxy.recorder import Recorder

if TYPE_CHECKING:
    from proxy.context import Context

KNOWN_SECONDS = 1.0
"""How long an answer of the database, the disk or Redis is good for, however often somebody asks."""
PATIENCE_SECONDS = 5.0
"""How long the database may take to answer; the other probes do not wait that long for it."""
KEYS_SECONDS = 15.0
"""Age of the keys from which on one that was revoked may go on working unduly."""
LAG_SECONDS = 1.0
"""Wait for a turn on the event loop from which on callers notice."""
ROOM_BYTES = 256 << 20
"""Free bytes of the disk below which the spool is in danger."""

Source = Callable[["Context"], str | None]
"""What is wrong with a part, in words for an operator; None when nothing is."""


@dataclass(frozen=True, slots=True)
class Ready:
    """What was found, by part."""

    reasons: Mapping[str, str]
    """What keeps it from its work."""
    degraded: Mapping[str, str]
    """What works, but not as it should."""


def _recorder(context: Context) -> str | None:
    return context.recorder.trouble() if isinstance(context.recorder, Recorder) else None


def _unread(context: Context) -> str | None:
    return "the keys were never read from the database" if context.keyring.unread else None


def _store(context: Context) -> str | None:
    return context.store.trouble()


def _config(context: Context) -> str | None:
    trouble = context.reloads.trouble
    return None if trouble is None else f"the configuration in force stays: {trouble}"


def _restart(context: Context) -> str | None:
    waiting = context.reloads.needs_restart
    return f"changed, and in force from the next start on: {', '.join(waiting)}" if waiting else None


def _keys(context: Context) -> str | None:
    age = context.keyring.age_seconds()
    if age > KEYS_SECONDS:
        return context.keyring.trouble or f"the keys were last read {age:.0f} s ago"
    return context.keyring.trouble


def _models(context: Context) -> str | None:
    standing = context.router.standing()
    awake = {each.model for each in standing if not each.resting}
    resting = dict.fromkeys(each.model for each in standing if each.model not in awake)
    return f"every deployment failed lately: {', '.join(resting)}" if resting else None


def _lag(context: Context) -> str | None:
    lag = context.metrics.running.lag
    waited = lag.seconds() if lag else 0.0
    return f"requests waited {waited:.1f} s for their turn" if waited > LAG_SECONDS else None


def _maintenance(context: Context) -> str | None:
    maintenance = context.metrics.running.maintenance
    return maintenance.trouble() if maintenance else None


def _disk(context: Context) -> str | None:
    try:
        free = shutil.disk_usage(context.config.data_dir).free
    except OSError as error:
        return f"the data folder cannot be read ({error.strerror})"
    return f"{free >> 20} MiB are free for the spool" if free < ROOM_BYTES else None


def _redis(context: Context) -> str | None:
    url = context.config.redis_url
    reason = redis_client.unreachable(url) if url else None
    return None if reason is None else f"Redis does not answer ({reason})"


REASONS: Sequence[tuple[str, Source]] = (("recorder", _recorder), ("keys", _unread))
"""Asked each time: they only look at what is in memory."""
SLOW_REASONS: Sequence[tuple[str, Source]] = (("store", _store),)
"""Asked at most once in KNOWN_SECONDS."""
DEGRADED: Sequence[tuple[str, Source]] = (
    ("config", _config),
    ("restart", _restart),
    ("keys", _keys),
    ("models", _models),
    ("event_loop", _lag),
    ("maintenance", _maintenance),
)
SLOW_DEGRADED: Sequence[tuple[str, Source]] = (("disk", _disk), ("redis", _redis))


class Readiness:
    """Looks at the parts of a running proxy. For threads: what is slow is asked once at a time, in one of its own.

    Args:
        context: the parts.
        clock: seconds since any fixed moment.
    """

    def __init__(self, context: Context, clock: Callable[[], float] = time.monotonic) -> None:
        self._context, self._clock = context, clock
        self._asking = threading.Lock()
        self._known: Ready | None = None
        self._answered = threading.Event()
        """Set while nobody asks."""
        self._answered.set()
        self._at = float("-inf")
        """When what is slow was asked last."""

    def look(self) -> Ready:
        """What is wrong now. Returns within PATIENCE_SECONDS."""
        context, slow = self._context, self._slow()
        return Ready(
            {**context.ready(), **_found(REASONS, context), **slow.reasons},
            {**_found(DEGRADED, context), **slow.degraded},
        )

    def _slow(self) -> Ready:
        if self._begun() or self._known is None:
            self._answered.wait(PATIENCE_SECONDS)
        known, waited = self._known, self._clock() - self._at
        if known is None or (not self._answered.is_set() and waited >= PATIENCE_SECONDS):
            return Ready({"store": f"the database has not answered for {waited:.0f} s"}, {})
        return known

    def _begun(self) -> bool:
        """Whether this call has what is slow asked anew."""
        with self._asking:
            if not self._answered.is_set() or self._clock() - self._at <= KNOWN_SECONDS:
                return False
            self._at = self._clock()
            self._answered.clear()
        # Whoever hangs with the database is nobody that has to answer a probe.
        threading.Thread(target=self._ask, name="readiness", daemon=True).start()
        return True

    def _ask(self) -> None:
        try:
            self._known = Ready(_found(SLOW_REASONS, self._context), _found(SLOW_DEGRADED, self._context))
        finally:
            self._answered.set()


def _found(sources: Sequence[tuple[str, Source]], context: Context) -> dict[str, str]:
    told = {name: source(context) for name, source in sources}
    return {name: text for name, text in told.items() if text is not None}
