"""The recorder: finished exchanges to the local spool at once, and from there to the database in groups.

Two threads: one puts records on disk, one carries them on. The event loop only encodes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from proxy.document import document
from proxy.exchange import Exchange, new_id
from proxy.spool import SEGMENT_BYTES, Batch, Position, Reader, Slot, Writer, claim, orphans
from proxy.store.bodies import decode, encode
from proxy.telemetry import Metrics

__all__ = ["NotRecorded", "Options", "Recorder", "document"]

LATE_SECONDS = 30.0
"""Age of the oldest unwritten trace from which on the proxy is not ready."""
_GATHER_SECONDS = 0.01
"""How long a group waits for company before it goes to disk."""
_COLLECT_SECONDS = 0.25
"""How long records on disk wait for company before they go to the database: a group costs a third per record."""
_MEMORY_BYTES = 64 << 20
"""Encoded records that may wait for a disk that does not take them."""
_MARK_SECONDS = 1.0
_TICK_SECONDS = 1.0
_log = logging.getLogger(__name__)

Write = Callable[[list[dict[str, Any]]], Sequence[str]]
"""Stores documents, idempotent by id; returns the ids it can never store; raises when to be tried again."""


class _Stop(Exception):
    """It is time to stop, and not everything is carried over."""


class NotRecorded(Exception):
    """A trace could not be put on disk: the promise of strict mode cannot be kept for this exchange."""


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


@dataclass(slots=True)
class _Lost:
    """Traces lost for one reason since the last gap record."""

    count: int = 0
    first_us: int = 0
    last_us: int = 0


@dataclass(slots=True)
class _Queue:
    """What waits for the disk, and who waits for it. Guarded by the recorder's lock."""

    records: list[tuple[str, bytes]] = field(default_factory=list)
    size: int = 0
    since: float | None = None
    """Monotonic time of the oldest."""
    pending: set[str] = field(default_factory=set)
    waiting: dict[str, list[asyncio.Future[None]]] = field(default_factory=dict)
    failed: deque[str] = field(default_factory=lambda: deque(maxlen=10_000))


class Recorder:
    """Keeps finished exchanges. The app makes and closes it; `record`, `written` are for the event loop."""

    def __init__(self, spool_dir: Path, write: Write, metrics: Metrics, options: Options = Options()) -> None:
        self._root, self._write, self._metrics, self._options = spool_dir, write, metrics, options
        self._lock = threading.Lock()
        self._queue = _Queue()
        self._lost: dict[str, _Lost] = {}
        self._marks: deque[tuple[Position, float]] = deque()
        self._queued, self._on_disk, self._stopping = threading.Event(), threading.Event(), threading.Event()
        self._freed = self._bytes_before = 0
        self._disk_error = ""
        self._deadline = float("inf")
        self._threads: list[threading.Thread] = []
        self._slot: Slot

    def start(self) -> None:
        """Begin: what an earlier process left is carried to the database first. Raises SpoolError."""
        self._slot = claim(self._root)
        self._reader = Reader(self._slot)
        size = min(self._options.segment_bytes, max(self._options.max_bytes // 4, 1))
        self._writer = Writer(self._slot, self._reader.end(), size)
        self._bytes_before = self._slot.size()
        if self._bytes_before:
            self._marks.append((self._writer.position, time.monotonic()))
        self._metrics.watch(self.spool_bytes, self.oldest_unwritten_seconds, self.queued)
        for work in (self._spool, self._drain):
            thread = threading.Thread(target=work, name=f"recorder{work.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def record(self, exchange: Exchange) -> None:
        """Take the exchange as it is now. Never raises: what is lost is counted and leaves a gap record."""
        try:
            record = encode(document(exchange))
        except Exception as error:
            _log.warning("a trace could not be encoded: %s", type(error).__name__)
            self._lose("error", exchange.id)
            return
        if self._options.on_full == "drop" and self._full():
            self._lose("spool_full", exchange.id)
            return
        with self._lock:
            queue = self._queue
            taken = queue.size + len(record) <= _MEMORY_BYTES
            if taken:
                queue.records.append((exchange.id, record))
                queue.pending.add(exchange.id)
                queue.size += len(record)
                queue.since = queue.since or time.monotonic()
        if not taken:
            self._lose("memory_full", exchange.id)
        if not self._queued.is_set():
            self._queued.set()

    def take(self, documents: Sequence[dict[str, Any]]) -> None:
        """Take documents that are ready, all or none, in one group: when the last is on disk, so are the others.

        Raises NotRecorded when there is no room for them; whoever sent them can do so again, so nothing is lost.
        """
        records = [(str(one["id"]), encode(one)) for one in documents]
        size = sum(len(record) for _, record in records)
        if self._full():
            raise NotRecorded("the spool is full")
        with self._lock:
            queue = self._queue
            if queue.size + size > _MEMORY_BYTES:
                raise NotRecorded("too many records wait for the disk")
            queue.records += records
            queue.pending.update(id for id, _ in records)
            queue.size += size
            queue.since = queue.since or time.monotonic()
        self._queued.set()

    async def written(self, id: str) -> None:
        """Returns when the exchange is on disk. Raises NotRecorded when it is lost, or not taken yet."""
        with self._lock:
            if id in self._queue.failed:
                raise NotRecorded("the trace could not be recorded")
            if id not in self._queue.pending:
                return
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.waiting.setdefault(id, []).append(future)
        await future

    @property
    def accepting(self) -> bool:
        """Whether new requests may come in; False only when the spool is full and `on_full` is `block`."""
        return self._options.on_full == "drop" or not self._full()

    def spool_bytes(self) -> int:
        """Bytes on disk, of which up to one segment may already be in the database."""
        return max(0, self._bytes_before + self._writer.written - self._freed)

    def queued(self) -> int:
        """Traces that are not on disk yet."""
        return len(self._queue.records)

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
        self._deadline = deadline = time.monotonic() + deadline_seconds
        self._stopping.set()
        self._queued.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            self._on_disk.set()
        if not any(thread.is_alive() for thread in self._threads):
            self._slot.release()

    def _full(self) -> bool:
        return bool(self._marks) and self.spool_bytes() > self._options.max_bytes

    def _lose(self, reason: str, id: str = "", count: int = 1) -> None:
        now = time.time_ns() // 1000
        with self._lock:
            if id:
                self._queue.failed.append(id)
            lost = self._lost.setdefault(reason, _Lost(first_us=now))
            lost.count += count
            lost.last_us = now
        self._metrics.dropped(reason, count)

    # ---- the thread that puts records on disk

    def _spool(self) -> None:
        delay = 0.0
        while True:
            self._queued.wait(delay or _TICK_SECONDS)
            if self._options.mode == "group":
                self._stopping.wait(_GATHER_SECONDS)
            # Cleared before it looks: whoever comes later sets it again and is not missed.
            self._queued.clear()
            stopping = self._stopping.is_set()
            done = self._append()
            delay = 0.0 if done else min(_TICK_SECONDS, (delay or 0.01) * 2)
            if stopping and (done or time.monotonic() > self._deadline):
                self._writer.close()
                return

    def _append(self) -> bool:
        """Put what is queued on disk; False when the disk did not take it (it stays queued)."""
        with self._lock:
            taken = list(self._queue.records)
            gaps = {} if self._full() else self._lost
            if gaps:
                self._lost = {}
        records = [record for _, record in taken] + [encode(_gap(*item)) for item in gaps.items()]
        error = ""
        try:
            if records:
                self._writer.append(records)
        except OSError as failure:
            error = failure.strerror or type(failure).__name__
            if error != self._disk_error:
                _log.error("the spool cannot be written: %s", error)
            self._keep_gaps(gaps)
        self._disk_error = error
        self._settle([id for id, _ in taken], error)
        if not error and records:
            self._mark()
        return not error

    def _keep_gaps(self, gaps: dict[str, _Lost]) -> None:
        with self._lock:
            for reason, lost in gaps.items():
                now = self._lost.setdefault(reason, _Lost(first_us=lost.first_us, last_us=lost.last_us))
                now.count += lost.count
                now.first_us = lost.first_us

    def _settle(self, ids: list[str], error: str) -> None:
        with self._lock:
            queue = self._queue
            if not error:
                queue.size -= sum(len(record) for _, record in queue.records[: len(ids)])
                del queue.records[: len(ids)]
                queue.pending.difference_update(ids)
                queue.since = time.monotonic() if queue.records else None
            settled = [future for id in ids for future in queue.waiting.pop(id, ())]
        for future in settled:
            try:
                future.get_loop().call_soon_threadsafe(_resolve, future, error)
            except RuntimeError:
                pass  # its loop is closed: nobody waits any more

    def _mark(self) -> None:
        position, now = self._writer.position, time.monotonic()
        with self._lock:
            if self._marks and now - self._marks[-1][1] < _MARK_SECONDS:
                self._marks[-1] = (position, self._marks[-1][1])
            else:
                self._marks.append((position, now))
        self._on_disk.set()

    # ---- the thread that carries records to the database

    def _drain(self) -> None:
        try:
            for slot in orphans(self._root):
                try:
                    self._drain_orphan(Reader(slot))
                except OSError as error:
                    _log.error("%s cannot be read (%s); it is left as it is", slot.folder, error.strerror)
                finally:
                    slot.release()
            self._drain_own()
        except _Stop:
            _log.warning("stopped before the database had every trace; the next start carries on")

    def _drain_orphan(self, reader: Reader) -> None:
        while self._carry(reader, None):
            pass
        reader.forget(reader.position, closed=True)

    def _drain_own(self) -> None:
        while True:
            self._on_disk.clear()
            finished = self._stopping.is_set() and not self._threads[0].is_alive()
            try:
                if self._carry(self._reader, self._writer.position):
                    continue
            except OSError as error:
                _log.error("the spool cannot be read (%s); trying again", error.strerror)
                self._pause(_TICK_SECONDS)
                continue
            if finished:
                self._freed += self._reader.forget(self._reader.position, closed=True)
                return
            self._on_disk.wait(_TICK_SECONDS)
            self._stopping.wait(_COLLECT_SECONDS)

    def _carry(self, reader: Reader, end: Position | None) -> bool:
        """Carry the next records over; False when there are none before `end`. Raises _Stop when closing."""
        batch = reader.read(end)
        if batch.corrupt:
            _log.warning("skipped %d damaged places in the spool", batch.corrupt)
            self._lose("corrupt", count=batch.corrupt)
        if batch.records:
            self._commit(batch, reader)
        if batch.next != reader.position:
            self._freed += reader.forget(batch.next)
        if end is not None:
            self._unmark(batch.next if batch.records else end)
        return bool(batch.records)

    def _pause(self, seconds: float) -> None:
        """Wait before trying again. Raises _Stop when closing: what fails then is left for the next start."""
        if self._stopping.wait(seconds):
            raise _Stop

    def _unmark(self, position: Position) -> None:
        with self._lock:
            while self._marks and self._marks[0][0] <= position:
                self._marks.popleft()

    def _commit(self, batch: Batch, reader: Reader) -> None:
        """Store a batch, trying until the database takes it. Raises _Stop when time is up first."""
        documents, refused = [], []
        for record in batch.records:
            try:
                documents.append(decode(record))
            except ValueError:
                refused.append(record)
        delay = 0.1
        while True:
            last = self._stopping.is_set()
            try:
                unstorable = set(self._write(documents))
                break
            except Exception as error:
                _log.warning("the database takes no traces (%s); trying again", type(error).__name__)
            if last:
                raise _Stop
            self._stopping.wait(delay)  # whoever stops meanwhile tries once more: the database may be back
            delay = min(10.0, delay * 2)
        refused += [encode(one) for one in documents if one.get("id") in unstorable]
        self._metrics.written(len(batch.records) - len(refused))
        for record in refused:
            self._refuse(record, reader)
        if self._stopping.is_set() and time.monotonic() > self._deadline:
            reader.forget(batch.next)
            raise _Stop

    def _refuse(self, record: bytes, reader: Reader) -> None:
        folder = reader.slot.folder.parent / "refused"
        _log.error("a trace fits in no database; it is kept in the spool's folder `refused`")
        try:
            folder.mkdir(exist_ok=True, mode=0o700)
            (folder / f"{new_id()}.json").write_bytes(record)
        except OSError as error:
            _log.error("it could not be kept there either: %s", error.strerror)
        self._lose("refused")


def _gap(reason: str, lost: _Lost) -> dict[str, Any]:
    return {
        "kind": "gap",
        "id": new_id(),
        "tenant": "default",
        "started_us": lost.first_us,
        "ended_us": lost.last_us,
        "reason": reason,
        "lost": lost.count,
    }


def _resolve(future: asyncio.Future[None], error: str) -> None:
    if future.done():
        return
    if error:
        future.set_exception(NotRecorded(f"the spool cannot be written ({error})"))
    else:
        future.set_result(None)
