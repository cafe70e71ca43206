"""How golden sets change: what differs between two, which version step that asks for, and adding items."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.errors import GoldenError
from evals.golden import (
    CHANGELOG,
    ITEMS,
    MANIFEST,
    SCHEMA,
    Item,
    agree,
    canonical,
    check_item,
    content_sha256,
    item_sha256,
    lines,
    lines_sha256,
    read_items,
    read_manifest,
    read_text,
    some,
)
from evals.golden_files import alone, write
from evals.golden_scan import scan

STEPS = ("none", "patch", "minor", "major")
"""Version steps, the smallest first."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of an item that differs. A value that is not there is None."""

    field: str
    """Dotted name, with positions in lists: `relevant.0.grade`."""
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one version of a set to another, as item ids in order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Input, expectation, relevance, label, split, weight or status differ: old and new scores mean other things."""
    retouched: tuple[str, ...]
    """Only tags, cluster or notes differ."""

    @property
    def step(self) -> str:
        """The version step this asks for: `major`, `minor`, `patch`, or `none`."""
        if self.removed or self.changed:
            return "major"
        if self.added:
            return "minor"
        return "patch" if self.retouched else "none"


def difference(before: Sequence[Item], after: Sequence[Item]) -> Difference:
    """What changed between two lists of items."""
    old, new = ({str(item["id"]): item for item in items} for items in (before, after))
    both = sorted(old.keys() & new.keys())
    touched = [name for name in both if canonical(old[name]) != canonical(new[name])]
    changed = [name for name in touched if _weighty(old[name]) != _weighty(new[name])]
    retouched = sorted({*touched} - {*changed})
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    return Difference(tuple(added), tuple(removed), tuple(changed), tuple(retouched))


def fields(before: Item, after: Item) -> list[FieldChange]:
    """The fields that differ between two items, by name. Lists of another length differ as a whole."""
    found: list[FieldChange] = []
    waiting: list[tuple[str, Any, Any]] = [("", before, after)]
    while waiting:
        name, old, new = waiting.pop()
        head = f"{name}." if name else ""
        if isinstance(old, dict) and isinstance(new, dict):
            waiting.extend((head + key, old.get(key), new.get(key)) for key in old.keys() | new.keys())
        elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
            waiting.extend((f"{head}{at}", *pair) for at, pair in enumerate(zip(old, new, strict=True)))
        elif canonical(old) != canonical(new):
            found.append(FieldChange(name, old, new))
    return sorted(found, key=lambda change: change.field)


def bumped(version: str, step: str) -> str:
    """The version after a step."""
    major, minor, patch = numbers(version)
    if step == "major":
        return f"{major + 1}.0.0"
    if step == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if step == "patch" else version


def numbers(version: str) -> tuple[int, int, int]:
    """The three numbers of a version, for comparing. Raises GoldenError."""
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9}){2}", version):
        raise GoldenError(f"{version!r} is no version", fix="give one like 2.0.0")
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def add(
    directory: Path, new: Sequence[Any], *, replace: bool = False, note: str = "", dry_run: bool = False
) -> tuple[str, Difference]:
    """Adds items to a set, re-hashes it, and steps its version. Gives the new version and what changed.

    With `dry_run` nothing is written. Raises GoldenError, and changes nothing, when the set is not what its manifest
    says, an item is malformed, its id is taken (unless `replace`) or was removed once, or nothing would change.
    """
    with alone(directory):
        manifest, before = read_manifest(directory), read_items(directory / ITEMS)
        agree(manifest, before, directory)
        merged = joined(before, new, directory, replace=replace)
        version, changes = change(directory, merged, note=note, dry_run=dry_run)
        if changes.step == "none":
            raise GoldenError(
                "nothing would change", fix="give at least one item that is new", file=str(directory)
            )
        return version, changes


def joined(before: Sequence[Item], new: Sequence[Any], directory: Path, *, replace: bool) -> list[Item]:
    """The items of a set with new ones. Raises GoldenError for a malformed item, and for an id that is taken."""
    merged = {str(item["id"]): item for item in before}
    for position, candidate in enumerate(new, start=1):
        item = check_item(candidate, "new item", position)
        if item["id"] in merged and not replace:
            what = f"{item['id']!r} is already in the set"
            raise GoldenError(
                what, fix="choose another id, or pass --replace", file=str(directory), field="id"
            )
        merged[item["id"]] = item
    return sorted(merged.values(), key=lambda item: str(item["id"]))


def remove(directory: Path, ids: Collection[str], *, note: str = "") -> tuple[str, Difference]:
    """Removes items from a set, re-hashes it, and steps its version; ids that it does not have are no matter.

    Gives the new version and what changed. Raises GoldenError, and changes nothing, when the set cannot be read.
    """
    with alone(directory):
        after = [item for item in read_items(directory / ITEMS) if item["id"] not in ids]
        return change(directory, after, note=note)


def change(
    directory: Path, items: Collection[Item], *, note: str = "", dry_run: bool = False
) -> tuple[str, Difference]:
    """Gives a set other items, for a caller that is `alone` with it. Gives the new version and what changed.

    Writes nothing when nothing changed, or with `dry_run`. Raises GoldenError, and changes nothing, when the set cannot
    be read or an id was used before.
    """
    manifest, before = read_manifest(directory), read_items(directory / ITEMS)
    after = sorted(items, key=lambda item: str(item["id"]))
    changes = difference(before, after)
    version = bumped(manifest.version, changes.step)
    if changes.step == "none":
        return version, changes
    log = changelog(directory)
    unused(changes.added, log, str(directory))
    if dry_run:
        return version, changes
    parent = {"version": manifest.version, "content_sha256": manifest.content_sha256}
    head = raw_manifest(directory) | {"version": version, "parent": parent}
    head.pop("reviewed_by", None)
    save(directory, head, after, entered(log, version, in_words(changes), note))
    return version, changes


def save(directory: Path, head: Mapping[str, Any], items: Sequence[Item], log: str) -> dict[str, Any]:
    """Writes a set: its manifest with all that follows from the items, the items canonical, and the changelog.

    Args:
        directory: the set's folder.
        head: what does not follow from the items, the version above all; other members stay as they are.
        items: ordered by id.
        log: the changelog's text.

    Gives the manifest. Raises GoldenError, and changes nothing, when the files cannot be written.
    """
    text = lines(items)
    manifest = {key: value for key, value in head.items() if key not in (*_FOLLOWS, "semver")}
    manifest |= follows(items) | {"pii_scan": scan(items).document()}
    manifest["items"] = manifest.pop("items")
    write(directory, {ITEMS: text, MANIFEST: _pretty(manifest), CHANGELOG: log})
    return manifest


def follows(items: Sequence[Item]) -> dict[str, Any]:
    """What a manifest says that follows from the items alone, but for the scan for personal data."""
    splits = Counter(item["split"] for item in items if item.get("split"))
    kinds = {item.get("label", {}).get("kind") for item in items} - {None}
    return {
        "schema": SCHEMA,
        "n": len(items),
        "content_sha256": content_sha256(items),
        "lines_sha256": lines_sha256(items),
        "splits": dict(sorted(splits.items())),
        "clusters": len({item["cluster"] for item in items if item.get("cluster")}),
        "label_kinds": sorted(kinds),
        "items": {str(item["id"]): item_sha256(item) for item in items},
    }


def raw_manifest(directory: Path) -> dict[str, Any]:
    """The manifest as written, unknown members included. Raises GoldenError."""
    read_manifest(directory)
    document: dict[str, Any] = json.loads((directory / MANIFEST).read_bytes())
    return document


def changelog(directory: Path) -> str:
    """The text of the changelog, or of an empty one. Raises GoldenError."""
    path = directory / CHANGELOG
    return read_text(path) if path.exists() else "# Changelog\n"


def entered(log: str, version: str, sentence: str, note: str = "") -> str:
    """A changelog with one more entry, on top."""
    entry = f"## {version} - {datetime.now(UTC).date()}\n\n- {sentence}{' ' + ' '.join(note.split()) if note else ''}\n"
    head, mark, rest = f"\n{log}".partition("\n## ")
    return f"{head.strip()}\n\n{entry}".lstrip() + (f"\n## {rest}" if mark else "")


def in_words(changes: Difference) -> str:
    """What changed, for the changelog: every id that came, went or was touched."""
    named = (
        ("Added", changes.added),
        ("Removed", changes.removed),
        ("Changed", changes.changed),
        ("Retouched", changes.retouched),
    )
    return " ".join(f"{verb} {', '.join(ids)}." for verb, ids in named if ids)


def gone(log: str) -> dict[str, str]:
    """The ids that a changelog says were removed, each with the version that removed it last."""
    found: dict[str, str] = {}
    version = ""
    for line in log.splitlines():
        if heading := re.match(r"## (\d+\.\d+\.\d+)\b", line):
            version = heading[1]
        elif line.startswith("- ") and version and (ids := _REMOVED.search(line)):
            for name in ids[1].split(", "):
                found.setdefault(name, version)
    return found


def unused(ids: Collection[str], log: str, file: str) -> None:
    """Raises GoldenError when an id that is to be added was removed once: old runs mean another item by it."""
    removed = gone(log)
    again = [name for name in ids if name in removed]
    if again:
        what = f"used before, and removed in {removed[again[0]]}: {some(again)}"
        raise GoldenError(what, fix="give each new item an id of its own", file=file, field="id")


def _weighty(item: Item) -> str:
    label, status = item.get("label"), item.get("status", "active")
    return canonical([item_sha256(item), label, status, item.get("split", ""), float(item.get("weight", 1))])


def _pretty(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


_FOLLOWS = ("n", "content_sha256", "lines_sha256", "splits", "clusters", "label_kinds", "items", "pii_scan")
_REMOVED = re.compile(r"(?:^- |\. )Removed ([\w.-]+(?:, [\w.-]+)*)\.(?= |$)")
