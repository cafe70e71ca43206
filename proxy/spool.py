"""The local spool: checksummed, append-only segment files; a crash takes no acknowledged record from them.

A record is `magic | length | crc32 | bytes`; the bytes were sealed by whoever appends them. One process writes into one
slot of the spool folder, held by a file lock; slots that no process holds any more are read by whoever starts next.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAGIC = b"\xf5GH1"
"""Starts each record. 0xf5 occurs in no UTF-8 text, so it cannot stand inside a JSON document."""
_HEADER = struct.Struct("<4sII")
SEGMENT_BYTES = 8 << 20
SEGMENT_SECONDS = 10.0
"""Age at which a segment gets no more records: what is in the database leaves the spool soon after."""
BATCH_BYTES = 2 << 20
"""Bytes of records that are read at once: as documents they take several times that."""
_SLOTS = 1024


class SpoolError(Exception):
    """The spool folder cannot be used. The message names the folder and what to do."""


class Position(NamedTuple):
    """A place in a slot: segment number and byte offset."""

    segment: int
    offset: int


START = Position(0, 0)
"""Before every record."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Records as they were written, and where the next ones start."""

    records: list[bytes]
    next: Position
    corrupt: int = 0
    """Damaged records that were skipped, at least."""


def frame(record: bytes) -> bytes:
    """A record as it stands in a segment."""
    return _HEADER.pack(MAGIC, len(record), zlib.crc32(record)) + record


def parse(data: bytes, offset: int = 0) -> Iterator[tuple[bytes | None, int]]:
    """The records from an offset, each with the offset after it; None stands for a damaged one."""
    while offset < len(data):
        record = _record_at(data, offset)
        if record is not None:
            offset += _HEADER.size + len(record)
            yield record, offset
            continue
        following = data.find(MAGIC, offset + 1)
        while following >= 0 and _record_at(data, following) is None:
            following = data.find(MAGIC, following + 1)
        start, offset = offset, following if following >= 0 else len(data)
        # As many as the headers tell of that are left; one whose header is damaged is not told from the one before.
        for _ in range(1 + data.count(MAGIC, start + 1, offset)):
            yield None, offset


def _record_at(data: bytes, offset: int) -> bytes | None:
    if offset + _HEADER.size > len(data):
        return None
    magic, length, crc = _HEADER.unpack_from(data, offset)
    first = offset + _HEADER.size
    if magic != MAGIC or first + length > len(data):
        return None
    record = data[first : first + length]
    return record if zlib.crc32(record) == crc else None


@dataclass(slots=True)
class Slot:
    """One writer's folder in the spool, held by a lock until released."""

    folder: Path
    lock: int
    """File descriptor that holds the lock."""

    def size(self) -> int:
        """Bytes of its segment files."""
        return sum(self.path(segment).stat().st_size for segment in self.segments())

    def segments(self) -> list[int]:
        """Numbers of the segment files, oldest first."""
        return sorted(int(path.stem) for path in self.folder.glob("*.log") if path.stem.isdigit())

    def path(self, segment: int) -> Path:
        """The file of a segment."""
        return self.folder / f"{segment:010d}.log"

    def release(self) -> None:
        """Let the next process have the slot."""
        os.close(self.lock)


def claim(root: Path) -> Slot:
    """The first slot nobody holds, created if need be. Raises SpoolError when the folder cannot be used."""
    try:
        root.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        root.mkdir(exist_ok=True, mode=0o700)
        for number in range(_SLOTS):
            folder = root / f"{number:04d}"
            folder.mkdir(exist_ok=True, mode=0o700)
            if (slot := _hold(folder)) is not None:
                return slot
    except OSError as error:
        raise SpoolError(f"the spool folder {root} cannot be used: {error.strerror}.") from None
    raise SpoolError(f"all {_SLOTS} slots of the spool folder {root} are in use: use another folder.")


def orphans(root: Path) -> Iterator[Slot]:
    """Slots that hold records and no process; the caller holds each, and releases it."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.name.isdigit()):
        slot = _hold(folder)
        if slot is None:
            continue
        if slot.segments():
            yield slot
        else:
            slot.release()


def _hold(folder: Path) -> Slot | None:
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Slot(folder, descriptor)


@dataclass(slots=True)
class Writer:
    """Appends records to a slot, from a segment that is not there yet on.

    What it appends the kernel has: it survives the process. What was flushed survives the machine. One thread at a
    time, but for `flush`, which needs no lock and may run beside `append`.
    """

    slot: Slot
    position: Position
    """Everything before it was handed to the kernel."""
    segment_bytes: int = SEGMENT_BYTES
    segment_seconds: float = SEGMENT_SECONDS
    durable: Position = field(init=False)
    """Everything before it is on disk."""
    written: int = 0
    """Bytes appended since it was opened."""
    _file: int = -1
    _opened: float = 0.0
    _retired: int = -1
    """The segment before, which nobody writes any more, until it is on disk."""
    _unlisted: bool = False
    """Whether a segment was made whose name may not be on disk yet."""

    def __post_init__(self) -> None:
        self.durable = self.position

    def append(self, records: Iterable[bytes]) -> None:
        """Hand records to the kernel, all or none. Raises OSError."""
        data = b"".join(map(frame, records))
        if self._file < 0:
            self._open()
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self._file, memoryview(data)[done:], self.position.offset + done)
        except OSError:
            with suppress(
                OSError
            ):  # the next record takes its place, but a reader would take half a one for damage
                os.ftruncate(self._file, self.position.offset)
            raise
        self.position = Position(self.position.segment, self.position.offset + len(data))
        self.written += len(data)

    def retire(self) -> None:
        """Begin another segment when this one is large or old: only a whole segment can be deleted."""
        old = time.monotonic() - self._opened >= self.segment_seconds
        if self._file >= 0 and self._retired < 0 and (old or self.position.offset >= self.segment_bytes):
            self._retired, self._file = self._file, -1
            self.position = Position(self.position.segment + 1, 0)

    def flush(self) -> None:
        """Put on disk what was appended before. Raises OSError: then nobody knows what is there, see `give_up`."""
        listed, self._unlisted = not self._unlisted, False
        for file in (self._retired, self._file):
            if file >= 0:
                os.fdatasync(file)
        if not listed:
            folder = os.open(self.slot.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def flushed(self, position: Position) -> None:
        """Take note that everything before a position is on disk."""
        self.durable = position
        if self._retired >= 0:
            os.close(self._retired)
            self._retired = -1

    def give_up(self) -> None:
        """Cut off what is not surely on disk; whoever appended it does so again, in a segment without a past."""
        keep = self.durable.offset
        for file in (self._retired, self._file):
            if file >= 0:
                with suppress(OSError):
                    self.written -= os.fstat(file).st_size - keep
                    os.ftruncate(file, keep)
                os.close(file)
                keep = 0
        self._retired = self._file = -1
        self.durable = self.position = Position(self.position.segment + 1, 0)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.open(self.slot.path(self.position.segment), flags, 0o600)
        self._opened, self._unlisted = time.monotonic(), True

    def close(self) -> None:
        """Close the segment, flushed; the next append starts another."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self.durable = self.position = Position(self.position.segment + 1, 0)


@dataclass(slots=True)
class Reader:
    """Reads a slot's records in order, and forgets those that are safe elsewhere. One thread uses it."""

    slot: Slot
    position: Position = field(init=False)
    """Everything before it was read."""

    def __post_init__(self) -> None:
        self.position = self._load()

    def end(self) -> Position:
        """After everything in the slot: where a new writer begins."""
        return Position(max([*self.slot.segments(), self.position.segment]) + 1, 0)

    def read(self, end: Position | None, most: int = 1000, most_bytes: int = BATCH_BYTES) -> Batch:
        """The next records before `end` (None: all there are); an empty batch when there are none."""
        records: list[bytes] = []
        position, corrupt, size = self.position, 0, 0
        for segment in self.slot.segments():
            if segment < position.segment or (end is not None and segment > end.segment):
                continue
            if segment > position.segment:
                position = Position(segment, 0)
            first = position.offset
            for record, offset in parse(self._data(position, end)):
                position = Position(segment, first + offset)
                if record is None:
                    corrupt += 1
                    continue
                records.append(record)
                size += len(record)
                if len(records) >= most or size >= most_bytes:
                    return Batch(records, position, corrupt)
        return Batch(records, max(position, end or position), corrupt)

    def _data(self, start: Position, end: Position | None) -> bytes:
        with self.slot.path(start.segment).open("rb") as file:
            file.seek(start.offset)
            if end is not None and start.segment == end.segment:
                return file.read(max(0, end.offset - start.offset))
            return file.read()

    def forget(self, position: Position, keep: Position | None = None, closed: bool = False) -> int:
        """Go on from a position: everything before it, or before `keep`, is safe elsewhere. Returns the bytes freed.

        Segments before that are deleted, and with `closed` (nobody writes any more) its own too.
        """
        self.position = position
        safe = min(position, keep or position)
        freed = 0
        # First, and whatever becomes of the rest: on a full disk nothing else makes room.
        for segment in self.slot.segments():
            if segment < safe.segment or closed:
                freed += self.slot.path(segment).stat().st_size
                self.slot.path(segment).unlink()
        path = self.slot.folder / "checkpoint"
        with suppress(OSError):
            path.with_suffix(".new").write_bytes(frame(b"%d %d" % safe))
            path.with_suffix(".new").replace(path)
        return freed

    def _load(self) -> Position:
        # Without a checkpoint that is whole everything is read again: the store ignores what it already has.
        try:
            record, _ = next(parse((self.slot.folder / "checkpoint").read_bytes()))
            segment, offset = (record or b"").split()
            return Position(int(segment), int(offset))
        except (OSError, ValueError, StopIteration):
            return START
