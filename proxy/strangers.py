"""How many requests of callers without a good key get a row of their own, so that whoever knows none fills no disk.

Each is answered, counted and logged like any other. Beyond a few a minute they share a gap record, which says how many
there were and when.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from proxy.document import gap
from proxy.recorder import NotRecorded

if TYPE_CHECKING:
    from proxy.context import Recording
    from proxy.telemetry import Metrics

AT_ONCE = 60
"""Rows that strangers may have at once."""
EVERY_SECONDS = 10.0
"""How long it takes until they may have one more, and how far apart their gap records are at least."""
REASON = "unauthenticated"

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Uncounted:
    """Requests of strangers that have no row, since the last gap record."""

    requests: int = 0
    first_us: int = 0


class Strangers:
    """Decides which requests without a good key get a row. For the event loop."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._left, self._since = float(AT_ONCE), time.monotonic()
        self._without = Uncounted()
        self._timer: asyncio.TimerHandle | None = None

    def may(self, recorder: Recording) -> bool:
        """Whether one more gets a row; if not it is counted, and the recorder is told of all such some time later."""
        now = time.monotonic()
        self._left = min(AT_ONCE, self._left + (now - self._since) / EVERY_SECONDS)
        self._since = now
        if self._left >= 1:
            self._left -= 1
            return True
        self._metrics.dropped(REASON)
        without = self._without
        without.first_us = without.first_us or time.time_ns() // 1000
        without.requests += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY_SECONDS, self.tell, recorder)
        return False

    def tell(self, recorder: Recording) -> None:
        """Have those without a row recorded as a gap. Call it when the proxy stops."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        without = self._without
        if not without.requests:
            return
        try:
            recorder.take([gap(REASON, without.requests, without.first_us, time.time_ns() // 1000)])
        except NotRecorded as error:
            # What is counted stays counted: the next one who comes has it tried again.
            _log.warning("%d requests without a key are not recorded yet: %s", without.requests, error)
            return
        self._without = Uncounted()
