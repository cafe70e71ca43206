"""Everything that is wrong with a golden set, told at once: `guardhouse golden check`.

A set that only loads can be run. A set without errors here can be trusted: it is what its manifest says, its splits
do not know each other, it holds nobody's data, and who labelled it is known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from evals import quarantine
from evals.errors import GoldenError
from evals.golden import (
    CHANGELOG,
    ITEMS,
    MANIFEST,
    MEND,
    Item,
    Manifest,
    agree,
    canonical,
    content_sha256,
    is_active,
    read_manifest,
    read_text,
    some,
    survey_items,
)
from evals.golden_files import cut_off
from evals.golden_item import ItemForm
from evals.golden_scan import wrong_with
from evals.near import pairs, standing_in
from evals.versioning import changelog, follows, gone

RELEASE = "run `guardhouse golden release`"
MOST_LINES = 10
"""Lines that are not canonical which are told one by one."""
_SAID = ("splits", "clusters", "label_kinds", "items")
"""What a manifest says of its items beside their number and hash."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong with a set."""

    level: Literal["error", "warning"]
    """An error makes a number wrong, gives something away or hides where it is from; a warning may be meant."""
    what: str
    fix: str
    ids: tuple[str, ...] = ()
    """The items that it is about, all of them; empty when it is about the set."""

    def __str__(self) -> str:
        """What is wrong, the first items, and what to do."""
        about = some(list(self.ids)) if self.ids else ""
        return ": ".join(part for part in (self.what, about, self.fix) if part)


@dataclass(frozen=True, slots=True)
class Report:
    """A set and the complaints about it."""

    name: str
    version: str
    n: int
    """Active items."""
    content_sha256: str
    """Of the items as they are."""
    complaints: tuple[Complaint, ...]

    @property
    def errors(self) -> int:
        """Number of complaints that are errors."""
        return sum(complaint.level == "error" for complaint in self.complaints)


def check(directory: Path, *, prompts: Sequence[Path] = (), today: date | None = None) -> Report:
    """Look at everything about a set that can be known from its folder, and at prompts that it may have leaked into.

    Args:
        directory: the set's folder.
        prompts: files whose text no input may stand in.
        today: the day by which quarantines are told to have expired; default: today in UTC.

    Raises GoldenError when a file cannot be read at all; what is wrong in one is a complaint.
    """
    text = read_text(directory / ITEMS)
    items, wrong = survey_items(text, str(directory / ITEMS))
    day = today or datetime.now(UTC).date()
    found = [Complaint("error", str(error), "") for error in wrong]
    try:
        manifest = read_manifest(directory)
    except GoldenError as error:
        found.append(_error(str(error), RELEASE))
        manifest = None
    if manifest is not None:
        found += [*_against_manifest(directory, manifest, items, is_readable=not wrong)]
    found += [*_form(directory / ITEMS, text), *_history(directory, items, manifest)]
    found += [*_misspelt(items, manifest), *_independence(items), *_labels(items)]
    found += [_error(what, _QUARANTINE, ids) for what, ids in quarantine.wrong_with(items, day)]
    for prompt in prompts:
        if ids := standing_in(read_text(prompt), items):
            found.append(_error(f"inputs that stand in {prompt}", "take them out of the prompt", ids))
    active = sum(is_active(item, day) for item in items)
    if not active:
        found.append(_error("the set has no active item", "add one with `guardhouse golden add`"))
    name, version = (manifest.name, manifest.version) if manifest else ("", "")
    return Report(name, version, active, content_sha256(items), tuple(found))


def _against_manifest(
    directory: Path, manifest: Manifest, items: Sequence[Item], *, is_readable: bool
) -> Iterator[Complaint]:
    """The hash, what follows from the items, the licence and the scan for personal data."""
    if cut_off(directory):
        yield _error("files of a change that was cut off are there", MEND)
    if not is_readable:
        return
    fresh = follows(items)
    try:
        agree(manifest, [*items], directory)
    except GoldenError as error:
        yield Complaint("error", str(error), "")
    else:
        yield from _said(manifest, fresh)
    if not manifest.licence:
        yield _error("the manifest names no licence", f"{RELEASE} with --licence")
    what, is_certain = wrong_with(manifest.pii_scan, fresh["lines_sha256"])
    if what:
        fix = _PII if (manifest.pii_scan or {}).get("hits") else RELEASE
        yield Complaint("error" if is_certain else "warning", what, fix)


def _said(manifest: Manifest, fresh: dict[str, Any]) -> Iterator[Complaint]:
    """What the manifest says of splits, clusters and labels, held against the items."""
    said = {name: getattr(manifest, name) for name in _SAID if name in manifest.model_fields_set}
    differ = [name for name, value in said.items() if value != fresh[name]]
    if differ:
        yield _error(f"{MANIFEST} and the items disagree about {', '.join(differ)}", RELEASE)
    if missing := [name for name in (*_SAID, "lines_sha256") if name not in manifest.model_fields_set]:
        yield Complaint("warning", f"{MANIFEST} does not say {', '.join(missing)}", RELEASE)


def _form(path: Path, text: str) -> Iterator[Complaint]:
    """Canonical lines in order of their ids. Lines that cannot be read are told elsewhere."""
    lines = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    read = [(number, line, survey_items(line, str(path))[0]) for number, line in lines]
    known = [(number, line, item[0]) for number, line, item in read if item]
    for (_, _, before), (number, _, item) in pairwise(known):
        if before["id"] > item["id"]:
            yield _error(f"{path}:{number}: items are not sorted by id", RELEASE)
            break
    loose = [number for number, line, item in known if canonical(item) != line]
    for number in loose[:MOST_LINES]:
        yield _error(f"{path}:{number}: not canonical JSON (sorted keys, no spaces)", RELEASE)
    if len(loose) > MOST_LINES:
        yield _error(f"{path}: {len(loose) - MOST_LINES} more lines are not canonical JSON", RELEASE)


def _history(directory: Path, items: Sequence[Item], manifest: Manifest | None) -> Iterator[Complaint]:
    """The changelog, and ids that it says are gone."""
    path = directory / CHANGELOG
    if not path.is_file():
        yield _error(f"{path}: is missing", RELEASE)
        return
    log = changelog(directory)
    if manifest is not None and f"## {manifest.version}" not in log:
        yield Complaint("warning", f"{path}: has no entry for {manifest.version}", "write what changed")
    removed = gone(log)
    if again := [str(item["id"]) for item in items if item["id"] in removed]:
        yield _error("ids of items that were removed once are used again", "give them other ids", again)


def _misspelt(items: Sequence[Item], manifest: Manifest | None) -> Iterator[Complaint]:
    """Fields that are kept and not read, though their names are nearly those of others that are."""
    said = defaultdict[str, list[str]](list)
    for item in items:
        for name in item:
            said[name].append(str(item["id"]))
    for name, ids in sorted(said.items()):
        if meant := _meant(name, [*ItemForm.model_fields]):
            yield _error(f"nobody reads the field {name!r}", f"write {meant!r}, or another name", ids)
    for name in sorted((manifest.model_extra if manifest else None) or ()):
        if meant := _meant(name, [*Manifest.model_fields]):
            yield _error(f"{MANIFEST}: nobody reads the field {name!r}", f"write {meant!r}, or another name")


def _meant(name: str, known: list[str]) -> str:
    """The field that a name is nearly, and is not; empty for none."""
    return "" if name in known else next(iter(get_close_matches(name.lower(), known, 1, 0.8)), "")


def _independence(items: Sequence[Item]) -> Iterator[Complaint]:
    """Whether items that are told to be independent, and splits that are told to be apart, are so."""
    asked = {str(item["id"]): item for item in items if item.get("status") != "retired"}
    splits = defaultdict[str, set[str]](set)
    for item in asked.values():
        if item.get("cluster"):
            splits[item["cluster"]].add(item.get("split", ""))
    if torn := sorted(cluster for cluster, found in splits.items() if len(found) > 1):
        yield _error(f"clusters in more than one split: {some(torn)}", "keep each cluster in one split")
    same, leaked, alike = list[str](), list[str](), list[str]()
    for pair in pairs([*asked.values()]):
        first, second = asked[pair.first], asked[pair.second]
        if pair.is_same:
            same.append(f"{pair.second} = {pair.first}")
        elif first.get("split", "") != second.get("split", ""):
            leaked.append(f"{pair.second} ~ {pair.first}")
        elif not first.get("cluster") or first.get("cluster") != second.get("cluster"):
            alike.append(f"{pair.second} ~ {pair.first}")
    if same:
        yield _error("the same input twice", "keep one of each", same)
    if leaked:
        yield _error("nearly the same input in two splits", "keep both in one split", leaked)
    if alike:
        fix = "give them one cluster, or keep one of each"
        yield Complaint("warning", "nearly the same input, and told to be independent", fix, tuple(alike))


def _labels(items: Sequence[Item]) -> Iterator[Complaint]:
    """Whose labels they are."""
    labels = {str(item["id"]): item.get("label") or {} for item in items}
    if silent := [name for name, label in labels.items() if not (label.get("by") and label.get("kind"))]:
        yield _error(
            "labels that do not say by whom and of what kind they are", "fill in label.by and .kind", silent
        )
    if undated := [name for name, label in labels.items() if name not in silent and not label.get("at")]:
        yield Complaint(
            "warning", "labels that do not say when they were given", "fill in label.at", tuple(undated)
        )


def _error(what: str, fix: str, ids: Sequence[str] = ()) -> Complaint:
    return Complaint("error", what, fix, tuple(ids))


_QUARANTINE = "`guardhouse golden quarantine` sets another end, or lifts it"
_PII = f"take out what is somebody's, then {RELEASE}"
