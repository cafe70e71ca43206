"""The local spool: checksummed, append-only segment files; a crash takes no acknowledged record from them.

A record is `magic | length | crc32 | bytes`. One process writes into one slot of the spool folder, held by a
file lock; slots that no process holds any more are read by whoever starts next.
"""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAGIC = b"\xf5GH1"
"""Starts each record. 0xf5 occurs in no UTF-8 text, so it cannot stand inside a JSON document."""
_HEADER = struct.Struct("<4sII")
SEGMENT_BYTES = 8 << 20
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
    """Damaged stretches that were skipped."""


def frame(record: bytes) -> bytes:
    """A record as it stands in a segment."""
    return _HEADER.pack(MAGIC, len(record), zlib.crc32(record)) + record


def parse(data: bytes, offset: int = 0) -> Iterator[tuple[bytes | None, int]]:
    """The records from an offset, each with the offset after it; None stands for a damaged stretch."""
    while offset < len(data):
        record = _record_at(data, offset)
        if record is not None:
            offset += _HEADER.size + len(record)
            yield record, offset
            continue
        following = data.find(MAGIC, offset + 1)
        while following >= 0 and _record_at(data, following) is None:
            following = data.find(MAGIC, following + 1)
        offset = following if following >= 0 else len(data)
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
    """Appends records to a slot, from a segment that is not there yet on. One thread uses it."""

    slot: Slot
    position: Position
    """Everything before it is on disk."""
    segment_bytes: int = SEGMENT_BYTES
    written: int = 0
    """Bytes appended since it was opened."""
    _file: int = -1

    def append(self, records: Iterable[bytes]) -> None:
        """Put records on disk: when it returns they survive a crash. On OSError none of them is sure to."""
        data = b"".join(map(frame, records))
        if self.position.offset and self.position.offset + len(data) > self.segment_bytes:
            self.close()
        try:
            if self._file < 0:
                self._open()
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            # What stands there now may be torn; the next records go where nothing can be wrong with them.
            self.close()
            raise
        self.position = Position(self.position.segment, self.position.offset + len(data))
        self.written += len(data)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self.slot.path(self.position.segment), flags, 0o600)
        folder = os.open(self.slot.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close the segment; the next append starts another."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self.position = Position(self.position.segment + 1, 0)


@dataclass(slots=True)
class Reader:
    """Reads a slot's records in order, and forgets those that are safe elsewhere. One thread uses it."""

    slot: Slot
    position: Position = field(init=False)
    """Everything before it is safe elsewhere."""

    def __post_init__(self) -> None:
        self.position = self._load()

    def end(self) -> Position:
        """After everything in the slot: where a new writer begins."""
        return Position(max([*self.slot.segments(), self.position.segment]) + 1, 0)

    def read(self, end: Position | None, most: int = 1000, most_bytes: int = 8 << 20) -> Batch:
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
        return Batch(records, position, corrupt)

    def _data(self, start: Position, end: Position | None) -> bytes:
        with self.slot.path(start.segment).open("rb") as file:
            file.seek(start.offset)
            if end is not None and start.segment == end.segment:
                return file.read(max(0, end.offset - start.offset))
            return file.read()

    def forget(self, position: Position, closed: bool = False) -> int:
        """Remember that everything before a position is safe elsewhere; returns the bytes freed.

        Segments before it are deleted, and with `closed` (nobody writes any more) its own too.
        """
        self.position = position
        path = self.slot.folder / "checkpoint"
        path.with_suffix(".new").write_text(f"{position.segment} {position.offset}", encoding="ascii")
        path.with_suffix(".new").replace(path)
        freed = 0
        for segment in self.slot.segments():
            if segment < position.segment or closed:
                freed += self.slot.path(segment).stat().st_size
                self.slot.path(segment).unlink()
        return freed

    def _load(self) -> Position:
        # Without a readable checkpoint everything is read again: the store ignores what it already has.
        try:
            segment, offset = (self.slot.folder / "checkpoint").read_text(encoding="ascii").split()
            return Position(int(segment), int(offset))
        except (OSError, ValueError):
            return START
