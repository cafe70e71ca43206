"""Changes to golden sets: the version step follows from what changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.errors import GoldenError
from evals.golden import load
from evals.versioning import add, bumped, check, difference
from tests.evals.conftest import item, write_golden


@pytest.mark.parametrize(
    ("after", "step"),
    [
        ([item("a"), item("b")], "none"),
        ([item("a"), item("b"), item("c")], "minor"),
        ([item("a")], "major"),
        ([item("a"), item("b", expected={"answer": "Other."})], "major"),
        ([item("a"), item("b", relevant=[{"doc_id": "d", "quote": "", "grade": 1}])], "major"),
        ([item("a"), item("b", label={"by": "other", "kind": "human"})], "major"),
        ([item("a"), item("b", status="retired")], "major"),
        ([item("a"), item("b", tags=["new"])], "patch"),
        ([item("a"), item("b", cluster="new")], "patch"),
        ([item("a"), item("b", tags=["new"]), item("c")], "minor"),
    ],
)
def test_the_step_follows_the_weightiest_change(after: list[dict[str, object]], step: str) -> None:
    """MAJOR: expectation, relevance, label, removal. MINOR: added. PATCH: tags and notes."""
    assert difference([item("a"), item("b")], after).step == step


@pytest.mark.parametrize(
    ("step", "version"), [("major", "2.0.0"), ("minor", "1.3.0"), ("patch", "1.2.4"), ("none", "1.2.3")]
)
def test_a_step_resets_what_stands_after_it(step: str, version: str) -> None:
    """Semantic versions."""
    assert bumped("1.2.3", step) == version


def test_adding_rewrites_items_manifest_and_changelog(tmp_path: Path) -> None:
    """After an add the set loads again, one minor version on, with its parent and a changelog entry on top."""
    old = load(write_golden(tmp_path, [item("a"), item("c")], licence="CC0")).ref

    version, changes = add(tmp_path, [item("b")], note="From a review.")

    golden = load(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    log = (tmp_path / "CHANGELOG.md").read_text()
    assert version == golden.ref.version == "1.1.0"
    assert changes.added == ("b",)
    assert [case.id for case in golden.cases] == ["a", "b", "c"]
    assert manifest["parent"] == {"version": "1.0.0", "content_sha256": old.content_sha256}
    assert manifest["licence"] == "CC0"
    assert log.index("## 1.1.0") < log.index("Added b. From a review.") < log.index("## 1.0.0")
    assert check(tmp_path) == []


def test_an_id_that_is_taken_is_refused_unless_replacing(tmp_path: Path) -> None:
    """Ids are never reused by accident; replacing an expectation is a major step."""
    write_golden(tmp_path, [item("a")])
    other = item("a", expected={"answer": "Other."})

    with pytest.raises(GoldenError, match="already in the set"):
        add(tmp_path, [other])
    version, changes = add(tmp_path, [other], replace=True)

    assert (version, changes.changed) == ("2.0.0", ("a",))


@pytest.mark.parametrize(
    "new", [[], [{"id": "x"}], ["text"], [item("b"), {"id": "c", "input": {"question": 1}}]]
)
def test_a_refused_add_changes_nothing(tmp_path: Path, new: list[object]) -> None:
    """Malformed or missing items leave every file as it was."""
    write_golden(tmp_path, [item("a")])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(GoldenError):
        add(tmp_path, new)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_check_names_lines_that_are_not_canonical(tmp_path: Path) -> None:
    """A set that loads may still be written in another order or spacing; that is told, with the line."""
    write_golden(tmp_path, [item("a"), item("b")])
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    (tmp_path / "items.jsonl").write_text(lines[1] + "\n" + lines[0].replace(",", ", ") + "\n")
    (tmp_path / "CHANGELOG.md").unlink()

    complaints = "\n".join(check(tmp_path))

    assert "items.jsonl:2: items are not sorted" in complaints
    assert "items.jsonl:2: not canonical" in complaints
    assert "CHANGELOG.md: is missing" in complaints
