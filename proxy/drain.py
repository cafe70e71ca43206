"""From the spool to the database: in groups, in order, each record once, however often it has to be tried."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from proxy.document import gap
from proxy.exchange import new_id
from proxy.spool import Position, Reader
from proxy.store.bodies import decode, encode
from proxy.store.refused import REFUSED
from proxy.telemetry import Metrics

DRAFT = "draft"
"""Marks a document whose exchange was answered before all was known of it; the whole one follows within a minute."""
DRAFT_SECONDS = 120.0
"""How long the whole document is waited for. No rule may take longer than half of it."""
REFUSED_BYTES = 256 << 20
"""What it may hold; the oldest go beyond that."""
_log = logging.getLogger(__name__)

Write = Callable[[list[dict[str, Any]]], Sequence[str]]
"""Stores documents, idempotent by id; returns the ids it can never store; raises when to be tried again."""
Lose = Callable[..., None]
"""Told why a record is lost, and of how many."""


class Sealing(Protocol):
    """Closes and opens what stands in the spool: `proxy.store.spool_seal.Seal`."""

    def close(self, record: bytes) -> bytes:
        """The record, as it may stand on a disk."""

    def open(self, sealed: bytes) -> bytes:
        """The record again. Raises ValueError."""


class Stopped(Exception):
    """It is time to stop, and not everything is carried over."""


@dataclass(slots=True)
class Sink:
    """The database as the drain sees it: it takes a group in the end, or the drain has to stop."""

    write: Write
    seal: Sealing
    metrics: Metrics
    refused: Path
    lose: Lose
    stopping: threading.Event
    deadline: float = float("inf")

    def open(self, records: Iterable[bytes]) -> list[dict[str, Any]]:
        """The documents in some records. One that cannot be read is put aside as it is."""
        documents, unread = [], []
        for record in records:
            try:
                document = decode(self.seal.open(record))
            except ValueError:
                document = None
            if isinstance(document, dict) and isinstance(document.get("id"), str):
                documents.append(document)
            else:
                unread.append(record)
        self._put_aside(unread)
        return documents

    def store(self, documents: list[dict[str, Any]]) -> None:
        """Store documents, trying until the database takes them. Raises Stopped when time is up first."""
        delay = 0.1
        if not documents:
            return
        while True:
            last = self.stopping.is_set()
            try:
                unstorable = set(self.write(documents))
                break
            except Exception as error:
                _log.warning("the database takes no traces (%s); trying again", type(error).__name__)
            if last:
                raise Stopped
            self.stopping.wait(delay)  # whoever stops meanwhile tries once more: the database may be back
            delay = min(10.0, delay * 2)
        refused = [one for one in documents if str(one.get("id")) in unstorable]
        self.metrics.written(len(documents) - len(refused))
        self._put_aside([self.seal.close(encode(one)) for one in refused])

    def late(self) -> bool:
        """Whether it stops and has no more time."""
        return self.stopping.is_set() and time.monotonic() > self.deadline

    def retry(self) -> Iterator[bool]:
        """Offer the database once more what it refused to an earlier version; nothing stays there unsealed.

        One file a step, so that others go between; each step says True.
        """
        for file in self._refused():
            try:
                self._retry(file)
            except OSError as error:
                _log.error("what was refused cannot be read (%s)", error.strerror)
            yield True

    def _retry(self, file: Path) -> None:
        record = file.read_bytes()
        try:
            document = decode(self.seal.open(record))
            if isinstance(document, dict) and not self.write([document]):
                file.unlink()
                return
        except Exception as error:
            _log.debug("%s stays refused (%s)", file.name, type(error).__name__)
        if record[:1] == b"{":
            file.with_suffix(".sealed").write_bytes(self.seal.close(record))
            file.unlink()

    def _refused(self) -> list[Path]:
        """The files of what was refused, oldest first."""
        return sorted(self.refused.glob("*"))

    def _put_aside(self, records: Sequence[bytes]) -> None:
        for record in records:
            _log.error("a trace fits in no database; it is kept, sealed, in the spool's folder `%s`", REFUSED)
            try:
                self.refused.mkdir(exist_ok=True, mode=0o700)
                (self.refused / f"{new_id()}.sealed").write_bytes(record)
            except OSError as error:
                _log.error("it could not be kept there either: %s", error.strerror)
            self.lose("refused")
        if records:
            self._bound()

    def _bound(self) -> None:
        """Delete the oldest of what was refused where it is too much. Other processes may do the same."""
        size, gone = 0, 0
        for file in reversed(self._refused()):
            try:
                size += file.stat().st_size
                if size > REFUSED_BYTES:
                    file.unlink()
                    gone += 1
            except OSError as error:
                _log.warning("%s cannot be deleted: %s", file.name, error.strerror)
        if gone:
            _log.error("the spool's folder `%s` is full: its %d oldest traces are deleted", REFUSED, gone)
            self.lose("refused_full", count=gone)


@dataclass(slots=True)
class Drain:
    """Carries the records of one slot over. One thread uses it."""

    reader: Reader
    sink: Sink
    freed: int = 0
    """Bytes of the segments that were deleted."""
    _drafts: dict[str, _Draft] = field(default_factory=dict)

    def carry(self, end: Position | None) -> bool:
        """Carry the next records over; False when there are none before `end` (None: all there are).

        Raises Stopped when closing, OSError when the spool cannot be read.
        """
        begin = self.reader.position
        batch, damage = self.reader.read(end), list[dict[str, Any]]()
        if batch.corrupt:
            _log.warning("%s: skipped %d damaged places", self.reader.slot.folder, batch.corrupt)
            self.sink.metrics.dropped("corrupt", batch.corrupt)
            now = time.time_ns() // 1000
            damage.append(gap("corrupt", batch.corrupt, now, now))
        documents = self.sink.open(batch.records)
        # Drafts age by the time of what was written after them: reading may take longer, when the database is away.
        until = max(map(_written_us, documents), default=0 if batch.records else time.time_ns() // 1000)
        self.sink.store(self._whole(documents, begin, until) + damage)
        if batch.next != begin:
            keep = min((draft.at for draft in self._drafts.values()), default=None)
            self.freed += self.reader.forget(batch.next, keep)
        if batch.records and self.sink.late():
            raise Stopped
        return bool(batch.records)

    def finish(self, closed: bool) -> None:
        """When whoever wrote this is no more: what is only there as a draft is stored as that, and can go.

        With `closed` nobody writes into the slot, and all of its segments go.
        """
        self.sink.store([draft.document for draft in self._drafts.values()])
        self._drafts.clear()
        self.freed += self.reader.forget(self.reader.position, closed=closed)

    def _whole(self, documents: list[dict[str, Any]], at: Position, until_us: int) -> list[dict[str, Any]]:
        """The documents that are to be stored now, in order; drafts wait for theirs."""
        whole = []
        for document in documents:
            if document.pop(DRAFT, False):
                self._drafts[document["id"]] = _Draft(document, at, _written_us(document))
            else:
                self._drafts.pop(document["id"], None)
                whole.append(document)
        oldest_us = until_us - DRAFT_SECONDS * 1_000_000
        late = [id for id, draft in self._drafts.items() if draft.written_us < oldest_us]
        return whole + [self._drafts.pop(id).document for id in late]


@dataclass(frozen=True, slots=True)
class _Draft:
    document: dict[str, Any]
    at: Position
    """Where it stands, or before: from there on nothing is deleted."""
    written_us: int


def _written_us(document: Mapping[str, Any]) -> int:
    """When a document was recorded, by the clock of whoever did; now, where it does not say."""
    told = (document.get(name) for name in ("received_us", "created_us", "ended_us"))
    ended = next((at for at in told if isinstance(at, int)), None)
    began, took = document.get("started_us"), document.get("duration_us")
    if ended is None and isinstance(began, int) and isinstance(took, int):
        ended = began + took
    return time.time_ns() // 1000 if ended is None else ended
