"""Golden sets where they stand: in a folder, or in the history of git as `REF:PATH`."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from evals.errors import GoldenError
from evals.golden import (
    ITEMS,
    MANIFEST,
    Item,
    Manifest,
    parse_items,
    parse_manifest,
    read_items,
    read_manifest,
)

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A set at one time. Items and hashes are what was written, whether or not they fit one another."""

    told: str
    """Where it was read, as users name it."""
    manifest: Manifest | None
    """None where only items are there."""
    items: tuple[Item, ...]
    """Ordered by id."""


def snapshot(where: str) -> Snapshot:
    """The set at a folder, or at `REF:PATH` in git: PATH from the top of the repository, or `./PATH` from here.

    Raises GoldenError when there is none, or when it is malformed.
    """
    folder = Path(where)
    ref, colon, path = where.partition(":")
    if folder.is_dir() or not colon or not ref:
        manifest = read_manifest(folder) if (folder / MANIFEST).exists() else None
        return Snapshot(where, manifest, tuple(read_items(folder / ITEMS)))
    return _at(Path(), ref, path, where)


def at_ref(directory: Path, ref: str) -> Snapshot:
    """The set of a folder as it was at a git ref. Raises GoldenError."""
    return _at(directory, ref, ".", f"{ref} of {directory}")


def at_head(directory: Path) -> Snapshot | None:
    """The set of a folder as it was last committed; None outside of git, or when it never was. Raises GoldenError."""
    if _git(directory, "cat-file", "-e", f"HEAD:./{ITEMS}") is None:
        return None
    return at_ref(directory, "HEAD")


def _at(directory: Path, ref: str, path: str, where: str) -> Snapshot:
    if ref.startswith("-"):
        raise GoldenError(f"{ref!r} is no git ref", fix="give a commit, a branch or a tag")
    head = f"{ref}:{path.rstrip('/')}/"
    text = _git(directory, "cat-file", "blob", head + ITEMS)
    if text is None:
        fix = "give a folder, or REF:PATH with a commit, branch or tag that has the set"
        raise GoldenError("there is no golden set", fix=fix, file=where)
    manifest = _git(directory, "cat-file", "blob", head + MANIFEST)
    return Snapshot(
        where,
        None if manifest is None else parse_manifest(manifest, f"{head}{MANIFEST}"),
        tuple(parse_items(_decoded(text, f"{head}{ITEMS}"), f"{head}{ITEMS}")),
    )


def _decoded(text: bytes, file: str) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise GoldenError(what, fix="name another commit", file=file) from None


def _git(directory: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails or is not installed. Raises GoldenError when it does not end."""
    try:
        done = subprocess.run(  # noqa: S603  (arguments, no shell)
            ["git", "-C", str(directory), *arguments],  # noqa: S607
            capture_output=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise GoldenError(
            f"git did not answer within {TIMEOUT_S:.0f} s", fix="name a folder instead"
        ) from None
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
