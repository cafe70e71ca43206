"""New golden sets, made of the items that are added to a folder that holds none."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.errors import GoldenError
from evals.golden import ITEMS, MANIFEST, read_text
from evals.golden_files import alone
from evals.versioning import Difference, changelog, difference, entered, joined, save

FIRST = "1.0.0"
"""The version that a set begins with."""


def is_new(directory: Path) -> bool:
    """Whether a folder, which may be missing, holds no set: no manifest, and no items or an empty file of them."""
    if (directory / MANIFEST).exists():
        return False
    return not (directory / ITEMS).exists() or not read_text(directory / ITEMS).strip()


def start(
    directory: Path, new: Sequence[Any], *, note: str = "", dry_run: bool = False
) -> tuple[str, Difference]:
    """Makes a set that is named as its folder, which is made too. Gives its version and what it holds.

    With `dry_run` nothing is written. Raises GoldenError when an item is malformed, an id is there twice, there is no
    item, a set is there, or the folder cannot be made.
    """
    items = joined([], new, directory, replace=False)
    changes = difference([], items)
    if not items:
        raise GoldenError("no item to start a set with", fix="give at least one", file=str(directory))
    if dry_run:
        return FIRST, changes
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fix = "name a folder that can be made"
        raise GoldenError(f"cannot be made ({error.strerror})", fix=fix, file=str(directory)) from None
    with alone(directory):
        if not is_new(directory):
            raise GoldenError("a set was made there meanwhile", fix="add again", file=str(directory))
        head = {"name": directory.resolve().name, "version": FIRST, "parent": None}
        save(directory, head, items, entered(changelog(directory), FIRST, first(len(items)), note))
    return FIRST, changes


def first(n: int) -> str:
    """What the changelog says of a first version."""
    return f"First release: {n} item{'' if n == 1 else 's'}."
