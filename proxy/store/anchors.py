"""Anchors: the ends of the audit chain, kept in a file outside of the database, one line each.

Whoever can write the database cannot shorten its audit log, or put an older copy back, without the file telling. It
should stand where that person cannot write: on another volume, append-only, or shipped away line by line.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proxy import chain

_LINE = 4096
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Anchors:
    """Where the ends of the chain are written down."""

    file: Path

    def add(self, key: bytes, head: Mapping[str, Any]) -> bool:
        """Append the end of the chain, on disk when this returns; False, and a line in the log, when it cannot be."""
        said = chain.anchor(key, head["seq"], head["hash"], head["at_us"])
        try:
            _append(self.file, json.dumps(said, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            _log.error("the audit log cannot be anchored in %s (%s)", self.file, error.strerror)
            return False
        return True

    def newest(self) -> Mapping[str, Any] | None:
        """The last anchor; None when there is none that can be read."""
        try:
            with self.file.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _LINE))
                lines = file.read().splitlines()
        except OSError:
            return None
        found = parsed(lines[-1]) if lines else None
        return found


def _append(file: Path, line: bytes) -> None:
    """One line at the end of the file, under its lock: those of several processes never mix."""
    new = not file.exists()
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Without it the end may be looked at while another's line is only half there.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            # The machine went down within the line before.
            line = b"\n" + line
        os.write(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        folder = os.open(file.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def parsed(line: bytes) -> Mapping[str, Any] | None:
    """A line as an anchor; None when it is none."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    names = ("seq", "hash", "at", "mac")
    whole = isinstance(found, dict) and all(name in found for name in names)
    return found if whole and isinstance(found["seq"], int) and isinstance(found["hash"], str) else None


@dataclass(frozen=True, slots=True)
class Read:
    """What a file of anchors says."""

    hashes: Mapping[int, str]
    """Hash by place."""
    newest_us: int
    trouble: tuple[str, ...]
    """Lines that are not signed under the key, or contradict another; at most ten."""
    torn: int
    """Lines that were cut off."""
    file: Path


def read_anchors(file: Path, key: bytes | None) -> Read:
    """Every anchor of a file, checked under the verification key where it is known. Raises OSError."""
    hashes: dict[int, str] = {}
    trouble: list[str] = []
    newest = torn = 0
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            found = parsed(line)
            if found is None:
                torn += 1
            elif key is not None and _signed(key, found) != found["mac"]:
                trouble.append(f"anchor in line {number} is not signed under this key")
            elif hashes.setdefault(found["seq"], found["hash"]) != found["hash"]:
                trouble.append(
                    f"anchor in line {number} names another hash for event {found['seq']} than one before"
                )
            else:
                newest = max(newest, found["at"])
    return Read(hashes, newest, tuple(trouble[:10]), torn, file)


def _signed(key: bytes, found: Mapping[str, Any]) -> str | None:
    try:
        return str(chain.anchor(key, found["seq"], found["hash"], found["at"])["mac"])
    except ValueError:
        return None
