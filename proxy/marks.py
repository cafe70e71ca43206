"""What is remembered of runs: under the hash of a piece of evidence, the runs that left it. In memory, and in Redis.

Hashes are keyed and hold tenant and key of the caller, so that no evidence of one key's is ever another's.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from proxy import redis_client

MOST = 100_000
"""Pieces of evidence that one process remembers; those left longest ago are forgotten first."""
MOST_RUNS = 16
"""Runs that are remembered for one piece of evidence."""
_AWAY_SECONDS = 5.0
"""For how long Redis is not asked again after it did not answer."""

_PREFIX = "guardhouse:run:"
_MARK = re.compile(rb"([0-9a-f]{32})([a-z])([0-9a-f]{1,12})")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """That a run left a piece of evidence."""

    run: str
    state: str
    """One letter: how the evidence came about, and whether it has been used."""
    at: int
    """Unix time in seconds."""

    def __bytes__(self) -> bytes:
        """The mark as it is stored."""
        return f"{self.run}{self.state}{self.at:x}".encode()


Found = Mapping[str, Sequence[Mark]]
"""Marks by evidence, the oldest first."""
NOTHING: Found = {}


class Marks:
    """Marks in this process.

    Args:
        idle_s: seconds after which a mark counts no more.
        clock: Unix time in seconds.
        most: pieces of evidence that are remembered.
    """

    def __init__(self, idle_s: int, clock: Callable[[], float] = time.time, most: int = MOST) -> None:
        self.idle_s, self._clock, self._most = idle_s, clock, most
        self._kept: OrderedDict[str, tuple[Mark, ...]] = OrderedDict()

    def __len__(self) -> int:
        """Pieces of evidence that are remembered."""
        return len(self._kept)

    def now(self) -> int:
        """Unix time in seconds."""
        return int(self._clock())

    def found(self, keys: Iterable[str], elsewhere: Found = NOTHING) -> dict[str, Sequence[Mark]]:
        """The marks under some keys, those found elsewhere among them, without those that are too old."""
        oldest = self.now() - self.idle_s
        found: dict[str, Sequence[Mark]] = {}
        for key in keys:
            marks: Iterable[Mark] = self._kept.get(key, ())
            if key in elsewhere:
                marks = _joined(marks, elsewhere[key])
            if fresh := [mark for mark in marks if mark.at >= oldest]:
                found[key] = fresh
        return found

    def add(self, left: Iterable[tuple[str, Mark]]) -> None:
        """Remember marks."""
        for key, mark in left:
            others = [each for each in self._kept.get(key, ()) if each.run != mark.run]
            self._kept[key] = (*others, mark)[-MOST_RUNS:]
            self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)


class SharedMarks:
    """Marks in Redis, for all proxies that use it: one list for a piece of evidence. What fails is only logged.

    Args:
        url: `redis://`, `rediss://` or `unix://` URL. Raises ConfigError for any other text.
        idle_s: seconds after which Redis forgets a list.
        clock: monotonic seconds.
    """

    def __init__(self, url: str, idle_s: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._idle_s, self._clock = redis_client.client(url), idle_s, clock
        self._away_until = 0.0
        self._away = False

    async def found(self, keys: Sequence[str]) -> dict[str, list[Mark]]:
        """The marks under some keys; none when Redis does not answer."""
        if not keys or self._clock() < self._away_until:
            return {}
        try:
            async with self._client.pipeline(transaction=False) as batch:
                for key in keys:
                    batch.lrange(_PREFIX + key, 0, -1)
                lists = await batch.execute()
        except redis_client.away() as error:
            self._rest(error)
            return {}
        self._back()
        return {key: list(_read(told)) for key, told in zip(keys, lists, strict=True) if told}

    async def add(self, left: Sequence[tuple[str, Mark]]) -> None:
        """Remember marks, unless Redis does not answer."""
        if not left or self._clock() < self._away_until:
            return
        try:
            async with self._client.pipeline(transaction=False) as batch:
                for key, mark in left:
                    batch.rpush(_PREFIX + key, bytes(mark))
                    batch.ltrim(_PREFIX + key, -2 * MOST_RUNS, -1)
                    batch.expire(_PREFIX + key, self._idle_s)
                await batch.execute()
        except redis_client.away() as error:
            self._rest(error)
        else:
            self._back()

    async def aclose(self) -> None:
        """Lets go of the connections."""
        await self._client.aclose()

    def _rest(self, error: BaseException) -> None:
        self._away_until = self._clock() + _AWAY_SECONDS
        if not self._away:
            _log.warning(
                "runs are grouped from memory alone: Redis does not answer (%s)", type(error).__name__
            )
        self._away = True

    def _back(self) -> None:
        if self._away:
            _log.warning("runs are grouped over all processes again: Redis answers")
        self._away = False


def _joined(here: Iterable[Mark], elsewhere: Iterable[Mark]) -> Iterable[Mark]:
    """Both, of each run the last one."""
    last: dict[str, Mark] = {}
    for mark in sorted((*elsewhere, *here), key=lambda mark: mark.at):
        last.pop(mark.run, None)
        last[mark.run] = mark
    return last.values()


def _read(told: Iterable[bytes]) -> Iterable[Mark]:
    for text in told:
        if isinstance(text, bytes) and (match := _MARK.fullmatch(text)):
            yield Mark(match[1].decode(), match[2].decode(), int(match[3], 16))
