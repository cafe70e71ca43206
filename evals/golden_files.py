"""The files of a golden set, changed as one: whenever the power goes, the set is the old one, or it can be mended.

Every file is first written beside its place, items first. The change counts from the moment that the items take theirs:
before it, what was written is thrown away; after it, the other files follow.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from evals.errors import GoldenError
from evals.golden import CHANGELOG, DRAFT, ITEMS, MANIFEST

ORDER = (ITEMS, MANIFEST, CHANGELOG)
"""The files in the order in which they are written, and in which they take their places."""


def write(directory: Path, texts: Mapping[str, str]) -> None:
    """Write a set's three files. Raises GoldenError, and changes nothing, when they do not all fit on the disk.

    Args:
        directory: the set's folder, which exists.
        texts: content by file name, for every name in ORDER.
    """
    mend(directory)
    try:
        for name in ORDER:
            _write(directory / (name + DRAFT), texts[name])
        _settle(directory)
    except OSError as error:
        _discard(directory)
        what = f"the set cannot be written ({error.strerror}); it is as it was"
        raise GoldenError(what, fix="make room, or check permissions", file=str(directory)) from None
    _take_places(directory)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else changes the set meanwhile: whoever reads, changes and writes it waits for the one before.

    Not to be entered twice by one caller. Where the system has no such locks, nothing is waited for.
    """
    try:
        import fcntl

        descriptor = os.open(directory, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def mend(directory: Path) -> str:
    """End a change that was cut off: `finished`, `discarded`, or empty when there was none. Raises GoldenError."""
    if not cut_off(directory):
        return ""
    if (directory / (ITEMS + DRAFT)).exists():
        _discard(directory)
        return "discarded"
    _take_places(directory)
    return "finished"


def cut_off(directory: Path) -> bool:
    """Whether a change of the set was begun and not ended."""
    return any((directory / (name + DRAFT)).exists() for name in ORDER)


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _take_places(directory: Path) -> None:
    try:
        for name in ORDER:
            draft = directory / (name + DRAFT)
            if draft.exists():
                draft.replace(directory / name)
        _settle(directory)
    except OSError as error:
        what = f"the change was cut off ({error.strerror})"
        fix = "check permissions, then run `guardhouse golden release`, which ends it"
        raise GoldenError(what, fix=fix, file=str(directory)) from None


def _discard(directory: Path) -> None:
    """Throws drafts away, the items last: as long as theirs is there, the change has not begun."""
    try:
        for name in reversed(ORDER):
            (directory / (name + DRAFT)).unlink(missing_ok=True)
    except OSError as error:
        fix = f"remove the files that end in {DRAFT}"
        raise GoldenError(
            f"what was begun cannot be removed ({error.strerror})", fix=fix, file=str(directory)
        ) from None


def _settle(directory: Path) -> None:
    """Makes names as durable as the contents behind them."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
