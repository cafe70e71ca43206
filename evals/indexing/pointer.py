"""Which folder an index's name stands for: the folder itself, or the one that a promoted name points to."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from evals.errors import RetrievalError
from evals.indexing.manifest import MANIFEST, manifest_sha256

POINTER = "current.json"
FORMAT = "guardhouse.pointer/1"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a promoted name stands for."""

    index: str
    """Folder below the name's own that holds the index."""
    manifest_sha256: str
    record: str
    """Hash of the line of the history that says so."""
    format: str = FORMAT


def located(directory: Path) -> Path:
    """The folder with the files of an index. Raises RetrievalError when what a pointer names is not there as promoted.

    An index that was being put into its place when the power went is found where it stood before.
    """
    if (directory / MANIFEST).exists():
        return directory
    if (directory / POINTER).is_file():
        return _followed(directory)
    before = aside(directory)
    return before if not directory.exists() and (before / MANIFEST).is_file() else directory


def identity(directory: Path) -> str:
    """An index's name and the hash of its manifest: how a run refers to it. A pointer's name stands for its index."""
    digest = manifest_sha256(located(directory))[:12]
    return f"{directory.resolve().name}@{digest or 'unknown'}"


def aside(directory: Path) -> Path:
    """Where an index stands while another one takes its place."""
    named = directory.resolve() if directory.name in ("", "..") else directory
    return named.with_name(f".{named.name}.old") if named.name else named


@contextmanager
def locked(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Nobody else has the folder meanwhile; with `shared`, nobody who would change it.

    Where there is no such folder, or the system has no such locks, nothing is waited for.
    """
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_pointer(directory: Path) -> Pointer | None:
    """What a promoted name stands for; None where nothing was promoted. Raises RetrievalError."""
    path = directory / POINTER
    try:
        pointer = Pointer(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise RetrievalError(f"{path}: no readable pointer. Promote an index again.") from error
    fit = all(isinstance(value, str) for value in asdict(pointer).values())
    if not fit or pointer.format != FORMAT or Path(pointer.index).name != pointer.index:
        raise RetrievalError(f"{path}: no {FORMAT} document. Promote an index again.")
    return pointer


def dumped(pointer: Pointer) -> str:
    """The pointer's text."""
    return json.dumps(asdict(pointer), indent=2, sort_keys=True) + "\n"


def line_sha256(line: str) -> str:
    """Hash of a line of the history."""
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def _followed(directory: Path) -> Path:
    pointer = read_pointer(directory)
    assert pointer is not None
    folder = directory / pointer.index
    found = manifest_sha256(folder)
    if found != pointer.manifest_sha256:
        told = f"has the manifest {found[:12]}" if found else "is gone"
        raise RetrievalError(
            f"{directory}: promoted was {pointer.manifest_sha256[:12]}, but {folder} {told}. "
            "Promote an index again, or roll back."
        )
    return folder
