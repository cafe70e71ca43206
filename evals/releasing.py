"""Releases of golden sets: after edits by hand, the version that they ask for, and files that agree again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import GoldenError
from evals.golden import (
    ITEMS,
    MANIFEST,
    Item,
    Manifest,
    content_sha256,
    item_sha256,
    lines,
    lines_sha256,
    read_items,
    read_manifest,
    read_text,
    some,
)
from evals.golden_files import alone, mend
from evals.golden_scan import wrong_with
from evals.golden_source import Snapshot, at_head, at_ref, snapshot
from evals.starting import FIRST, first
from evals.versioning import (
    STEPS,
    Difference,
    bumped,
    changelog,
    difference,
    entered,
    follows,
    in_words,
    numbers,
    raw_manifest,
    save,
    unused,
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks of a release. Empty fields leave things as they are."""

    version: str = ""
    """Not smaller than what the changes ask for; empty for just that."""
    since: str = ""
    """The parent: a folder, or a git ref; empty for the last commit, else for the hashes in the manifest."""
    licence: str = ""
    created_by: str = ""
    reviewed_by: str = ""
    note: str = ""
    """A sentence for the changelog."""


@dataclass(frozen=True, slots=True)
class Released:
    """What a release did."""

    version: str
    before: str
    """Version in the manifest until now; empty when there was none."""
    step: str
    """The step from `before` that was needed: `none`, `patch`, `minor` or `major`."""
    changes: Difference
    """What changed since the parent."""
    written: bool
    """Whether any file was written."""
    mended: str = ""
    """`finished` or `discarded`: what became of a change that was cut off; empty when none was."""
    pii_scan: Mapping[str, Any] | None = None
    """The scan for personal data, as in the manifest."""


@dataclass(frozen=True, slots=True)
class _Needed:
    """The smallest version that will do, and why."""

    version: str
    step: str
    changes: Difference
    parent: Mapping[str, str] | None
    sentence: str


def release(directory: Path, wish: Wish) -> Released:
    """Release a set as it stands in its folder.

    Raises GoldenError, and changes nothing but what an earlier change left half-done, when an item is malformed,
    the set is empty, the asked version is too small, or an id was used before.
    """
    with alone(directory):
        return _release(directory, wish)


def _release(directory: Path, wish: Wish) -> Released:
    mended = mend(directory)
    items = read_items(directory / ITEMS)
    if not items:
        raise GoldenError(
            "the set has no item",
            fix="add one with `guardhouse golden add --from-json` or `--import`",
            file=str(directory),
        )
    is_first = not (directory / MANIFEST).exists()
    manifest = None if is_first else read_manifest(directory)
    head = _head(directory, manifest, wish)
    needed = _first(items) if manifest is None else _needed(directory, manifest, items, head, wish.since)
    version = _asked(wish.version, needed, manifest)
    log = changelog(directory)
    unused(needed.changes.added, "" if is_first else log, str(directory))
    before = manifest.version if manifest else ""
    outcome = Released(version, before, needed.step, needed.changes, False, mended, head.get("pii_scan"))
    if manifest is not None and version == before and _is_whole(directory, manifest, items, wish):
        return outcome
    if version != before:
        head |= {"version": version, "parent": needed.parent}
        head.pop("reviewed_by", None)
        log = _entered(log, version, needed.sentence, wish.note)
    if wish.reviewed_by:
        head["reviewed_by"] = wish.reviewed_by
    saved = save(directory, head, items, log)
    return Released(version, before, needed.step, needed.changes, True, mended, saved["pii_scan"])


def _head(directory: Path, manifest: Manifest | None, wish: Wish) -> dict[str, Any]:
    """The manifest with what is asked for; without one, the beginning of one."""
    head = {"name": directory.resolve().name} if manifest is None else raw_manifest(directory)
    asked = {"licence": wish.licence, "created_by": wish.created_by}
    return head | {key: value for key, value in asked.items() if value}


def _first(items: Sequence[Item]) -> _Needed:
    changes = difference([], items)
    return _Needed(FIRST, "minor", changes, None, first(len(items)))


def _needed(
    directory: Path, manifest: Manifest, items: Sequence[Item], head: Mapping[str, Any], since: str
) -> _Needed:
    """What the changes ask for: a step from the parent, and never a version that already meant something else."""
    parent = _parent(directory, since)
    own, sentence = _by_hashes(manifest, items)
    base = parent.manifest if parent and parent.manifest else manifest
    if parent is None:
        changes, step = own
    else:
        changes = difference(parent.items, items)
        step, sentence = changes.step, in_words(changes)
    versions = [bumped(base.version, step)]
    if base.version != manifest.version:
        versions.append(bumped(manifest.version, own[1]))
    version = max(versions, key=numbers)
    if numbers(version) <= numbers(manifest.version) and _is_retouched(manifest, items, head):
        version = bumped(manifest.version, "patch")
    told = {"version": base.version, "content_sha256": base.content_sha256}
    taken = _step(manifest.version, version)
    return _Needed(version, taken, changes, told, sentence or "Only the manifest changed.")


def _parent(directory: Path, since: str) -> Snapshot | None:
    """What the set is compared with; None for the hashes in its own manifest. Raises GoldenError."""
    if since:
        return snapshot(since) if Path(since).is_dir() or ":" in since else at_ref(directory, since)
    try:
        return at_head(directory)
    except GoldenError:
        return None


def _by_hashes(manifest: Manifest, items: Sequence[Item]) -> tuple[tuple[Difference, str], str]:
    """What changed since the manifest was written, the step, and a sentence: as far as hashes tell it."""
    now = {str(item["id"]): item_sha256(item) for item in items}
    listed = manifest.items
    if not listed and content_sha256(items) != manifest.content_sha256:
        return (_NOTHING, "major"), "Items changed."
    old = listed or now
    changed = tuple(name for name in sorted(old.keys() & now.keys()) if old[name] != now[name])
    added, removed = sorted(now.keys() - old.keys()), sorted(old.keys() - now.keys())
    changes = Difference(tuple(added), tuple(removed), changed, ())
    if changes.step == "none" and manifest.lines_sha256 not in ("", lines_sha256(items)):
        # A label may have changed, or only a tag: hashes do not tell, so the larger step is taken.
        return (changes, "major"), "Labels, weights, states, tags or notes changed."
    return (changes, changes.step), in_words(changes)


def _asked(wish: str, needed: _Needed, manifest: Manifest | None) -> str:
    """The version to release. Raises GoldenError when the one that is asked for is too small."""
    if not wish:
        return needed.version
    if numbers(wish) < numbers(needed.version):
        ids = [*needed.changes.removed, *needed.changes.changed, *needed.changes.added]
        why = f" ({needed.step}: {some(ids)})" if ids else ""
        base = f" after {manifest.version}" if manifest else ""
        what = f"{wish} is too small{base}: what changed asks for {needed.version}{why}"
        raise GoldenError(what, fix=f"give {needed.version} or more, or leave --version out")
    return wish


def _is_whole(directory: Path, manifest: Manifest, items: Sequence[Item], wish: Wish) -> bool:
    """Whether there is nothing to write: files canonical, hashes right, the scan new, the reviewer known."""
    return (
        read_text(directory / ITEMS) == lines(items)
        and manifest.content_sha256 == content_sha256(items)
        and not wrong_with(manifest.pii_scan, lines_sha256(items))[0]
        and wish.reviewed_by in ("", manifest.reviewed_by)
    )


def _is_retouched(manifest: Manifest, items: Sequence[Item], head: Mapping[str, Any]) -> bool:
    """Whether the manifest does not say what follows from the items, or is to say something else of the set."""
    fresh = follows(items)
    same = all(head.get(key) == value for key, value in fresh.items())
    return not same or (head.get("licence", ""), head.get("created_by", "")) != (
        manifest.licence,
        manifest.created_by,
    )


def _step(before: str, after: str) -> str:
    """The first number that differs decides."""
    old, new = numbers(before), numbers(after)
    return next((name for name, a, b in zip(STEPS[:0:-1], old, new, strict=True) if a != b), "none")


def _entered(log: str, version: str, sentence: str, note: str) -> str:
    """The changelog with the sentence under the version's heading, which somebody may have written by hand."""
    heading = re.search(rf"^## {re.escape(version)}(?![\d.]).*$", log, re.M)
    if heading is None:
        return entered(log, version, sentence, note)
    told = f"\n\n- {sentence}{' ' + ' '.join(note.split()) if note else ''}\n"
    return log[: heading.end()] + told + log[heading.end() :].lstrip("\n")


_NOTHING = Difference((), (), (), ())
