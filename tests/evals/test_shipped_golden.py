"""Every golden set that ships can be trusted as `guardhouse golden check` means it, and its suite can be run."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from evals.golden import canonical, content_sha256, item_sha256, lines_sha256
from evals.golden_check import check
from evals.golden_scan import scan
from evals.scorer import build
from evals.suite import default

DATASETS = Path(__file__).parents[2] / "datasets"
SETS = sorted(path.parent for path in (DATASETS / "golden").glob("*/manifest.json"))
every_set = pytest.mark.parametrize("folder", SETS, ids=lambda folder: folder.name)


def items(folder: Path) -> list[dict[str, Any]]:
    """The items of a set, in the file's order."""
    return [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]


def manifest(folder: Path) -> dict[str, Any]:
    """A set's manifest."""
    told: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return told


def test_sets_are_found() -> None:
    """Otherwise nothing below looks at anything."""
    assert {"guardrails", "support", "tools"} <= {folder.name for folder in SETS}


@every_set
def test_the_check_has_nothing_to_say(folder: Path) -> None:
    """No error in hashes, splits, labels, licence, scan and changelog; and no two inputs that are nearly the same."""
    report = check(folder)
    bad = [each for each in report.complaints if each.level == "error" or "nearly the same" in each.what]

    assert [str(complaint) for complaint in bad] == []
    assert report.n == len(items(folder))


@every_set
def test_the_manifest_is_of_these_items(folder: Path) -> None:
    """Each hash, and what the scan for personal data found, worked out again."""
    told, read = manifest(folder), items(folder)

    assert told["items"] == {item["id"]: item_sha256(item) for item in read}
    assert (told["content_sha256"], told["lines_sha256"]) == (content_sha256(read), lines_sha256(read))
    found = scan(read)
    assert (dict(found.hits), dict(found.planted)) == ({}, told["pii_scan"]["planted"])


@every_set
def test_it_may_be_used_and_says_who_labelled(folder: Path) -> None:
    """Under the project's licence; every label has its author, kind and day."""
    told = manifest(folder)

    assert (told["licence"], told["name"]) == ("Apache-2.0", folder.name)
    assert all({"by", "kind", "at"} <= item["label"].keys() for item in items(folder))
    assert told["label_kinds"] == sorted({item["label"]["kind"] for item in items(folder)})


@every_set
def test_there_is_one_way_to_write_it(folder: Path) -> None:
    """Canonical lines, ids rising; every item has tags and a cluster."""
    read = items(folder)
    ids = [item["id"] for item in read]

    assert (folder / "items.jsonl").read_text("utf-8") == "".join(canonical(item) + "\n" for item in read)
    assert ids == sorted(set(ids))
    assert all(item["tags"] and item["cluster"] for item in read)


@every_set
def test_splits_share_no_cluster(folder: Path) -> None:
    """What a rule or prompt was tuned on is not what it is measured on; either all items are in a split or none."""
    where = defaultdict[str, set[str]](set)
    for item in items(folder):
        where[item["cluster"]].add(item.get("split", ""))
    splits = {split for found in where.values() for split in found}

    assert [cluster for cluster, found in where.items() if len(found) > 1] == []
    assert splits == {""} or ("" not in splits and len(splits) > 1)


@every_set
def test_its_suite_can_be_run(folder: Path) -> None:
    """Scorers exist, what gates is scored, and canary tags that it names are on some item."""
    suite = default(folder)

    assert [build(name, suite.k).name for name in suite.scorers]
    assert suite.gating
    tags = {tag for item in items(folder) for tag in item["tags"]}
    assert set(suite.canary_tags) - {"canary"} <= tags


@every_set
def test_the_readme_tells_of_it(folder: Path) -> None:
    """Name, version and number of items, in one row of the table."""
    told, readme = manifest(folder), (DATASETS / "README.md").read_text("utf-8")

    row = re.search(
        rf"^\| `golden/{folder.name}` (\S+) \|.*\| (\d+) items\b.*\| Apache-2.0 \|", readme, re.MULTILINE
    )
    assert row is not None, f"no row for golden/{folder.name}"
    assert (row[1], int(row[2])) == (told["version"], told["n"])
