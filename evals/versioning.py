"""How golden sets change: what differs between two, which version step that asks for, and adding items."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from evals.errors import GoldenError
from evals.golden import (
    CHANGELOG,
    ITEMS,
    MANIFEST,
    Item,
    Manifest,
    canonical,
    check_item,
    content_sha256,
    item_sha256,
    load,
    parse_items,
    read_items,
    read_manifest,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one version of a set to another, as item ids in order."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Input, expectation, relevance, label or status differ: old and new scores mean different things."""
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
    changed = [name for name in both if _weighty(old[name]) != _weighty(new[name])]
    retouched = [
        name for name in both if name not in changed and canonical(old[name]) != canonical(new[name])
    ]
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    return Difference(tuple(added), tuple(removed), tuple(changed), tuple(retouched))


def bumped(version: str, step: str) -> str:
    """The version after a step."""
    major, minor, patch = (int(part) for part in version.split("."))
    if step == "major":
        return f"{major + 1}.0.0"
    if step == "minor":
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}" if step == "patch" else version


def check(directory: Path) -> list[str]:
    """Complaints about a set that loads; empty when it is in canonical form. Raises GoldenError otherwise."""
    load(directory)
    path = directory / ITEMS
    complaints = []
    lines = [line for line in path.read_text("utf-8").split("\n") if line.strip()]
    items = [(number, parse_items(line, str(path))[0]) for number, line in enumerate(lines, start=1)]
    for (_, before), (number, item) in pairwise(items):
        if before["id"] > item["id"]:
            complaints.append(f"{path}:{number}: items are not sorted by id")
            break
    for (number, item), line in zip(items, lines, strict=True):
        if canonical(item) != line:
            complaints.append(f"{path}:{number}: not canonical JSON (sorted keys, no spaces)")
    if not (directory / CHANGELOG).is_file():
        complaints.append(f"{directory / CHANGELOG}: is missing")
    return complaints


def add(
    directory: Path, new: Sequence[Any], *, replace: bool = False, note: str = ""
) -> tuple[str, Difference]:
    """Adds items to a set, re-hashes it, and steps its version. Gives the new version and what changed.

    Raises GoldenError, and changes nothing, when an item is malformed, its id is taken (unless `replace`), or
    nothing would change.
    """
    load(directory)
    manifest, before = read_manifest(directory), read_items(directory / ITEMS)
    merged = {str(item["id"]): item for item in before}
    for position, candidate in enumerate(new, start=1):
        item = check_item(candidate, "new item", position)
        if item["id"] in merged and not replace:
            what = f"{item['id']!r} is already in the set"
            raise GoldenError(
                what, fix="choose another id, or pass --replace", file=str(directory), field="id"
            )
        merged[item["id"]] = item
    after = [merged[name] for name in sorted(merged)]
    changes = difference(before, after)
    if changes.step == "none":
        raise GoldenError(
            "nothing would change", fix="give at least one item that is new", file=str(directory)
        )
    version = bumped(manifest.version, changes.step)
    _write(directory, manifest, after, version)
    _log(directory, version, changes, note)
    return version, changes


def _weighty(item: Item) -> str:
    return canonical([item_sha256(item), item.get("label"), item.get("status", "active")])


def _write(directory: Path, manifest: Manifest, items: Sequence[Item], version: str) -> None:
    document = manifest.model_dump(exclude_unset=True)
    document |= {
        "version": version,
        "content_sha256": content_sha256(items),
        "n": len(items),
        "parent": {"version": manifest.version, "content_sha256": manifest.content_sha256},
    }
    if manifest.items:
        document["items"] = {str(item["id"]): item_sha256(item) for item in items}
    _replace(directory / ITEMS, "".join(canonical(item) + "\n" for item in items))
    _replace(directory / MANIFEST, _pretty(document))


def _pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _log(directory: Path, version: str, changes: Difference, note: str) -> None:
    path = directory / CHANGELOG
    text = path.read_text("utf-8") if path.is_file() else "# Changelog\n"
    named = (("Added", changes.added), ("Changed", changes.changed), ("Retouched", changes.retouched))
    parts = [f"{verb} {', '.join(ids)}." for verb, ids in named if ids]
    entry = f"## {version} - {datetime.now(UTC).date()}\n\n- {' '.join(parts)}{' ' + note if note else ''}\n"
    head, mark, rest = text.partition("\n## ")
    _replace(path, f"{head.rstrip()}\n\n{entry}" + (f"\n## {rest}" if mark else ""))


def _replace(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(text, "utf-8")
        draft.replace(path)
    except OSError as error:
        raise GoldenError(
            f"cannot be written ({error.strerror})", fix="check permissions", file=str(path)
        ) from None
