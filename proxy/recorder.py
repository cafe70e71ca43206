"""The recorder: finished exchanges go to the local spool at once, and from there to the database in groups.

The event loop encodes, seals and hands over to the kernel. One thread sees to it that the disk has it, one carries it
on.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from proxy.document import document, gap
from proxy.drain import DRAFT, Drain, Sealing, Sink, Stopped, Write
from proxy.exchange import Exchange
from proxy.spool import SEGMENT_BYTES, SEGMENT_SECONDS, Position, Reader, Slot, Writer, claim, orphans
from proxy.store.bodies import encode
from proxy.store.refused import REFUSED
from proxy.telemetry import Metrics

__all__ = ["NotRecorded", "Options", "Recorder", "document"]

LATE_SECONDS = 20.0
"""Age of the oldest unwritten trace from which on the proxy is not ready."""
_GATHER_SECONDS = 0.01
"""How long a group waits for company before it is put on disk."""
_COLLECT_SECONDS = 0.25
"""How long records on disk wait for company before they go to the database: a group costs a third per record."""
MEMORY_BYTES = 32 << 20
"""Sealed records that may wait for a disk that does not take them."""
_AT_ONCE = 256
"""Waiting records that are handed to the kernel, or past it to the database, at once."""
_MARK_SECONDS = 1.0
_TICK_SECONDS = 1.0
_log = logging.getLogger(__name__)


class NotRecorded(Exception):
    """A trace is not in the spool: the promise of strict mode cannot be kept for this exchange."""


@dataclass(frozen=True, slots=True)
class Options:
    """How traces are kept."""

    mode: Literal["group", "strict"] = "group"
    """`group`: on disk within 20 ms. `strict`: on disk before the last byte of the reply leaves."""
    max_bytes: int = 1 << 30
    """Spool size from which on it is full."""
    on_full: Literal["block", "drop"] = "drop"
    """When full: take no more requests (`accepting` is False), or lose traces, counted, with a gap record."""
    segment_bytes: int = SEGMENT_BYTES
    segment_seconds: float = SEGMENT_SECONDS


@dataclass(slots=True)
class _Lost:
    """Traces lost for one reason since the last gap record."""

    count: int = 0
    first_us: int = 0
    last_us: int = 0


@dataclass(slots=True)
class _Queue:
    """Sealed records that are not surely on disk, by id and in order. Guarded by the recorder's lock."""

    flowing: dict[str, bytes] = field(default_factory=dict)
    """The kernel has them."""
    backlog: dict[str, bytes] = field(default_factory=dict)
    """Nobody has them but we: the disk did not take them, or those before them."""
    size: int = 0
    since: float | None = None
    """Monotonic time of the oldest."""
    owed: set[str] = field(default_factory=set)
    """Those that somebody waits for: what the disk does not take of them is not kept for later."""
    waiting: dict[str, list[asyncio.Future[None]]] = field(default_factory=dict)
    failed: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))

    def gone(self, ids: Sequence[str]) -> None:
        """Forget records that are safe, or given up."""
        for id in ids:
            record = self.flowing.pop(id, None) or self.backlog.pop(id, None)
            self.size -= len(record or b"")
            self.owed.discard(id)
        self.since = time.monotonic() if self.flowing or self.backlog else None


class Recorder:
    """Keeps finished exchanges. The app makes and closes it; `record`, `draft`, `written` are for the event loop."""

    def __init__(
        self, spool_dir: Path, write: Write, metrics: Metrics, seal: Sealing, options: Options = Options()
    ) -> None:
        self._root, self._metrics, self._seal, self._options = spool_dir, metrics, seal, options
        self._lock = threading.Lock()
        self._queue = _Queue()
        self._lost: dict[str, _Lost] = {}
        self._marks: deque[tuple[Position, float]] = deque()
        self._queued, self._on_disk, self._stopping = threading.Event(), threading.Event(), threading.Event()
        self._sink = Sink(write, seal, metrics, spool_dir / REFUSED, self._lose, self._stopping)
        self._bytes_before = 0
        self._disk_error = ""
        self._threads: list[threading.Thread] = []
        self._slot: Slot

    def start(self) -> None:
        """Begin: what an earlier process left is carried to the database first. Raises SpoolError."""
        self._slot = claim(self._root)
        self._reader = Reader(self._slot)
        size = min(self._options.segment_bytes, max(self._options.max_bytes // 4, 1))
        self._writer = Writer(self._slot, self._reader.end(), size, self._options.segment_seconds)
        self._begin = self._writer.position
        self._drain = Drain(self._reader, self._sink)
        self._bytes_before = self._slot.size()
        if self._bytes_before:
            self._marks.append((self._begin, time.monotonic()))
        self._metrics.watch(self.spool_bytes, self.oldest_unwritten_seconds, self.queued)
        for work in (self._spool, self._carry):
            thread = threading.Thread(target=work, name=f"recorder{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def record(self, exchange: Exchange, waits: bool = False) -> None:
        """Take the exchange as it is now: when it returns, the end of this process loses it no more.

        Never raises: a disk that does not take it is tried again, what is lost is counted and leaves a gap record.
        With `waits` it is not tried again, and `written` says so: whoever waits has something else to record then,
        and only that is counted when it is lost too.
        """
        try:
            record = self._seal.close(encode(document(exchange)))
        except Exception as error:
            _log.warning("a trace could not be encoded: %s", type(error).__name__)
            self._give_back("error", exchange.id, waits)
            return
        if self._options.on_full == "drop" and self._full():
            self._give_back("spool_full", exchange.id, waits)
            return
        # Those that are refused while there is no room must not take it from those under way.
        room = MEMORY_BYTES if exchange.upstream_called else MEMORY_BYTES // 2
        with self._lock:
            taken = self._queue.size + len(record) <= room
            if taken:
                self._take(exchange.id, record, waits)
        if not taken:
            self._give_back("memory_full", exchange.id, waits)
        if not self._queued.is_set():
            self._queued.set()

    def draft(self, exchange: Exchange) -> None:
        """Take the exchange as far as it is known, in case this process ends before `record` has the whole."""
        try:
            record = self._seal.close(encode(document(exchange) | {DRAFT: True}))
        except Exception as error:
            _log.warning("a trace could not be encoded: %s", type(error).__name__)
            return
        if self._full():
            return
        with self._lock:
            if not self._queue.backlog:
                self._hand_over([record])

    def take(self, documents: Sequence[dict[str, Any]]) -> None:
        """Take documents that are ready, all or none, in one group: when the last is on disk, so are the others.

        Raises NotRecorded when there is no room for them; whoever sent them can do so again, so nothing is lost.
        """
        records = {str(one["id"]): self._seal.close(encode(one)) for one in documents}
        if self._full():
            raise NotRecorded("the spool is full")
        with self._lock:
            queue = self._queue
            if queue.backlog or not self._hand_over([*records.values()]):
                raise NotRecorded("the disk does not take it")
            for id, record in records.items():
                queue.size += len(record) - len(queue.flowing.get(id, b""))
                queue.flowing[id] = record
            queue.owed.update(records)
            queue.since = queue.since or time.monotonic()
        self._queued.set()

    def _take(self, id: str, record: bytes, waits: bool) -> None:
        """Hand a record to the kernel, or keep it for later unless somebody waits for it. Under the lock."""
        queue = self._queue
        if not queue.backlog and self._hand_over([record]):
            queue.flowing[id] = record
            if waits:
                queue.owed.add(id)
        elif waits:
            queue.failed.append(id)
            return
        else:
            queue.backlog[id] = record
        queue.size += len(record)
        queue.since = queue.since or time.monotonic()

    def _hand_over(self, records: list[bytes]) -> bool:
        """Hand records to the kernel; False when the disk does not take them. Under the lock."""
        try:
            self._writer.append(records)
        except OSError as failure:
            self._failed(failure)
            return False
        return True

    def _failed(self, failure: OSError) -> None:
        error = failure.strerror or type(failure).__name__
        if error != self._disk_error:
            _log.error("the spool cannot be written: %s", error)
        self._disk_error = error

    async def written(self, id: str) -> None:
        """Returns when the exchange is on disk. Raises NotRecorded when it is lost, or is not there and will not be."""
        with self._lock:
            queue = self._queue
            if id in queue.failed:
                raise NotRecorded("the trace could not be recorded")
            if id not in queue.flowing and id not in queue.backlog:
                return
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue.waiting.setdefault(id, []).append(future)
        await future

    @property
    def accepting(self) -> bool:
        """Whether new requests may come in; False only when there is no more room and `on_full` is `block`."""
        # Half of the memory is for those that are under way.
        return self._options.on_full == "drop" or not (self._full() or self._queue.size > MEMORY_BYTES // 2)

    def spool_bytes(self) -> int:
        """Bytes on disk, of which up to one segment may already be in the database."""
        return max(0, self._bytes_before + self._writer.written - self._drain.freed)

    def queued(self) -> int:
        """Traces that are not on disk yet."""
        return len(self._queue.flowing) + len(self._queue.backlog)

    def oldest_unwritten_seconds(self) -> float:
        """Age of the oldest trace that is not in the database; 0 when all are."""
        oldest = [self._queue.since or float("inf")]
        try:
            oldest.append(self._marks[0][1])
        except IndexError:
            pass
        return max(0.0, time.monotonic() - min(oldest)) if min(oldest) < float("inf") else 0.0

    def trouble(self) -> str | None:
        """What keeps traces from being kept, in words for an operator; None when all is well."""
        if self._disk_error:
            return f"the spool cannot be written ({self._disk_error})"
        if not self.accepting:
            return "the spool is full"
        if (age := self.oldest_unwritten_seconds()) > LATE_SECONDS:
            return f"the oldest trace not in the database is {age:.0f} s old"
        if not all(thread.is_alive() for thread in self._threads):
            return "a recorder thread has ended"
        return None

    def close(self, deadline_seconds: float = 10.0) -> None:
        """Put all on disk, and in the database as far as the deadline allows; the rest waits for a start."""
        self._sink.deadline = deadline = time.monotonic() + deadline_seconds
        self._stopping.set()
        self._queued.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            self._on_disk.set()
        if not any(thread.is_alive() for thread in self._threads):
            self._slot.release()

    def _full(self) -> bool:
        waiting = self._marks or self._queue.flowing
        return bool(waiting) and self.spool_bytes() > self._options.max_bytes

    def _give_back(self, reason: str, id: str, waits: bool) -> None:
        """Say to whoever waits for a record that it is not kept; when nobody does, it is lost."""
        with self._lock:
            self._queue.failed.append(id)
        if not waits:
            self._lose(reason)

    def _lose(self, reason: str, count: int = 1) -> None:
        now = time.time_ns() // 1000
        with self._lock:
            lost = self._lost.setdefault(reason, _Lost(first_us=now))
            lost.count += count
            lost.last_us = now
        self._metrics.dropped(reason, count)

    # ---- the thread that sees to it that records are on disk

    def _spool(self) -> None:
        delay = 0.0
        while True:
            self._queued.wait(delay or _TICK_SECONDS)
            if self._options.mode == "group":
                self._stopping.wait(_GATHER_SECONDS)
            # Cleared before it looks: whoever comes later sets it again and is not missed.
            self._queued.clear()
            stopping = self._stopping.is_set()
            done = self._flush()
            delay = 0.0 if done else min(_TICK_SECONDS, (delay or 0.01) * 2)
            if stopping and (done or time.monotonic() > self._sink.deadline):
                if lost := len(self._queue.backlog):
                    _log.error("%d traces are lost: the spool cannot be written and time is up", lost)
                self._writer.close()
                return

    def _flush(self) -> bool:
        """Put on disk what the kernel has, and what it did not take before; False when it still does not."""
        done = self._catch_up() and self._note_gaps()
        with self._lock:
            self._writer.retire()
            ids, position = [*self._queue.flowing], self._writer.position
        try:
            if behind := position != self._writer.durable:
                self._writer.flush()
        except OSError as failure:
            self._give_up(failure)
            return False
        with self._lock:
            self._writer.flushed(position)
            self._queue.gone(ids)
            self._disk_error = "" if done else self._disk_error
        if behind:
            self._mark(position)
        self._tell(ids, "")
        return done

    def _give_up(self, failure: OSError) -> None:
        """What is not surely on disk waits to be written again; those who wait for theirs are told."""
        with self._lock:
            self._failed(failure)
            self._writer.give_up()
            queue = self._queue
            owed = [id for id in queue.flowing if id in queue.owed]
            queue.failed.extend(owed)
            queue.gone(owed)
            queue.backlog = queue.flowing | queue.backlog
            queue.flowing = {}
        self._tell(owed, self._disk_error)

    def _note_gaps(self) -> bool:
        """Leave a record of what was lost; False when the disk does not take it."""
        with self._lock:
            if not self._lost or self._full() or self._queue.backlog:
                return True
            if self._hand_over([self._seal.close(encode(one)) for one in self._gaps()]):
                self._lost = {}
            return not self._lost

    def _gaps(self) -> list[dict[str, Any]]:
        return [gap(why, lost.count, lost.first_us, lost.last_us) for why, lost in self._lost.items()]

    def _catch_up(self) -> bool:
        """Hand to the kernel what it did not take before; False when it still does not."""
        while True:
            with self._lock:
                queue = self._queue
                some = dict(islice(queue.backlog.items(), _AT_ONCE))
                if not some:
                    return True
                if not self._hand_over([*some.values()]):
                    return False
                for id in some:
                    queue.flowing[id] = queue.backlog.pop(id)

    def _tell(self, ids: Sequence[str], error: str) -> None:
        """Tell those who wait for these records."""
        with self._lock:
            told = [future for id in ids for future in self._queue.waiting.pop(id, ())]
        for future in told:
            try:
                future.get_loop().call_soon_threadsafe(_resolve, future, error)
            except RuntimeError:
                pass  # its loop is closed: nobody waits any more

    def _mark(self, position: Position) -> None:
        now = time.monotonic()
        with self._lock:
            if self._marks and now - self._marks[-1][1] < _MARK_SECONDS:
                self._marks[-1] = (position, self._marks[-1][1])
            else:
                self._marks.append((position, now))
        self._on_disk.set()

    # ---- the thread that carries records to the database

    def _carry(self) -> None:
        try:
            self._replay()
            self._carry_own()
        except Stopped:
            _log.warning("stopped before the database had every trace; the next start carries on")

    def _replay(self) -> None:
        """Carry over what earlier processes left, in this slot and in those that nobody holds."""
        for slot in orphans(self._root):
            try:
                orphan = Drain(Reader(slot), self._sink)
                while orphan.carry(None):
                    pass
                orphan.finish(closed=True)
            except OSError as error:
                _log.error("%s cannot be read (%s); it is left as it is", slot.folder, error.strerror)
            finally:
                slot.release()

    def _carry_own(self) -> None:
        before, refused = True, self._sink.retry()
        while True:
            self._on_disk.clear()
            finished = self._stopping.is_set() and not self._threads[0].is_alive()
            end = self._begin if before else self._writer.durable
            try:
                if self._drain.carry(end):
                    self._unmark()
                    continue
                if before:
                    self._drain.finish(closed=False)
                    before = False
                    continue
                self._unmark()
                if finished:
                    self._sink.store(self._gaps())  # what was found to be lost on the way
                    self._drain.finish(closed=True)
                    return
            except OSError as error:
                _log.error("the spool cannot be read (%s); trying again", error.strerror)
                self._pause(_TICK_SECONDS)
                continue
            if self._carry_past_the_disk() or next(refused, False):
                continue
            self._on_disk.wait(_TICK_SECONDS)
            self._stopping.wait(_COLLECT_SECONDS)

    def _carry_past_the_disk(self) -> bool:
        """While the disk takes nothing: what waits in memory goes to the database all the same. False for none."""
        with self._lock:
            some = dict(islice(self._queue.backlog.items(), _AT_ONCE)) if self._disk_error else {}
        if not some:
            return False
        self._sink.store(self._sink.open(some.values()))
        with self._lock:
            self._queue.gone([*some])
        self._tell([*some], "")
        return True

    def _pause(self, seconds: float) -> None:
        """Wait before trying again. Raises Stopped when closing: what fails then is left for the next start."""
        if self._stopping.wait(seconds):
            raise Stopped

    def _unmark(self) -> None:
        with self._lock:
            while self._marks and self._marks[0][0] <= self._reader.position:
                self._marks.popleft()


def _resolve(future: asyncio.Future[None], error: str) -> None:
    if future.done():
        return
    if error:
        future.set_exception(NotRecorded(f"the spool cannot be written ({error})"))
    else:
        future.set_result(None)
