"""Releases: edits by hand count, under the version that they ask for."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evals.errors import GoldenError
from evals.golden import canonical, load
from evals.golden_check import check
from evals.releasing import Released, Wish, release
from evals.versioning import add, numbers
from tests.evals.conftest import item, write_golden
from tests.evals.test_golden_source import commit, git

LABEL = {"by": "ada", "at": "2026-11-01", "kind": "human"}
NEEDS_GIT = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def edit(directory: Path, *items: dict[str, Any]) -> None:
    """Items written by hand: not canonical, the last first."""
    (directory / "items.jsonl").write_text("".join(json.dumps(each) + "\n" for each in reversed(items)))


def manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a set."""
    read: dict[str, Any] = json.loads((directory / "manifest.json").read_text())
    return read


def after(directory: Path, *items: dict[str, Any], **wish: str) -> Released:
    """The release of a set that was written at 1.0.1 with a, b and then edited."""
    release(write_golden(directory, [item("a"), item("b")]), Wish())
    edit(directory, *items)
    return release(directory, Wish(**wish))


def test_items_alone_become_a_set(tmp_path: Path) -> None:
    """Its name is the folder's; nothing is its parent."""
    edit(tmp_path, item("a"), item("b"))

    done = release(tmp_path, Wish(licence="CC0-1.0", created_by="ada", reviewed_by="bob"))

    told = manifest(tmp_path)
    assert (done.version, done.before, done.written) == ("1.0.0", "", True)
    assert (told["name"], told["n"], told.get("parent")) == (tmp_path.name, 2, None)
    assert (told["licence"], told["created_by"], told["reviewed_by"]) == ("CC0-1.0", "ada", "bob")
    assert "First release: 2 items." in (tmp_path / "CHANGELOG.md").read_text()
    assert load(tmp_path).ref.version == "1.0.0" and check(tmp_path).errors == 0


@pytest.mark.parametrize(
    ("items", "version", "says"),
    [
        ([item("a"), item("b"), item("c")], "1.1.0", "Added c."),
        ([item("a")], "2.0.0", "Removed b."),
        ([item("a"), item("b", expected={"answer": "Other."})], "2.0.0", "Changed b."),
        ([item("a"), item("b", tags=["new"])], "2.0.0", "Labels, weights, states, tags or notes changed."),
    ],
)
def test_without_git_the_hashes_tell_what_changed(
    tmp_path: Path, items: list[dict[str, Any]], version: str, says: str
) -> None:
    """What they cannot tell counts as the largest step."""
    assert after(tmp_path, *items).version == version
    assert says in (tmp_path / "CHANGELOG.md").read_text()
    assert manifest(tmp_path)["parent"]["version"] == "1.0.1"


def test_form_alone_is_no_step(tmp_path: Path) -> None:
    """Lines in another order and spacing become canonical under the same version."""
    done = after(tmp_path, item("a"), item("b"))

    assert (done.version, done.step, done.written) == ("1.0.1", "none", True)
    assert (tmp_path / "items.jsonl").read_text() == canonical(item("a")) + "\n" + canonical(item("b")) + "\n"


def test_a_release_of_nothing_writes_nothing(tmp_path: Path) -> None:
    """Not even the time of a file."""
    release(write_golden(tmp_path, [item("a")]), Wish())
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}

    assert release(tmp_path, Wish()).written is False
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_reviewer_is_of_one_version(tmp_path: Path) -> None:
    """Told of a version that is there already, and gone with the next."""
    release(write_golden(tmp_path, [item("a")]), Wish())
    done = release(tmp_path, Wish(reviewed_by="bob"))
    assert (done.version, done.written, manifest(tmp_path)["reviewed_by"]) == ("1.0.1", True, "bob")

    edit(tmp_path, item("a"), item("c"))
    release(tmp_path, Wish())
    assert "reviewed_by" not in manifest(tmp_path)


@pytest.mark.parametrize("version", ["1.1.0", "1.0.1", "0.9.0"])
def test_a_smaller_version_is_refused_and_changes_nothing(tmp_path: Path, version: str) -> None:
    """Than what the changes ask for."""
    release(write_golden(tmp_path, [item("a"), item("b")]), Wish())
    edit(tmp_path, item("a"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(GoldenError, match=rf"{version} is too small.*2\.0\.0 \(major: b\)"):
        release(tmp_path, Wish(version=version))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_larger_version_is_taken(tmp_path: Path) -> None:
    """Also when nothing changed."""
    assert after(tmp_path, item("a"), item("b"), item("c"), version="3.0.0").version == "3.0.0"
    assert release(tmp_path, Wish(version="4.0.0")).written


def test_an_entry_written_by_hand_is_kept(tmp_path: Path) -> None:
    """What the tool knows is put under its heading."""
    release(write_golden(tmp_path, [item("a")]), Wish())
    log = tmp_path / "CHANGELOG.md"
    log.write_text(log.read_text().replace("# Changelog\n", "# Changelog\n\n## 1.1.0 - soon\n\nMy words.\n"))
    edit(tmp_path, item("a"), item("c"))

    release(tmp_path, Wish())

    assert "## 1.1.0 - soon\n\n- Added c.\nMy words.\n" in log.read_text()
    assert log.read_text().count("## 1.1.0") == 1


@pytest.mark.parametrize("text", ["", "\n", "{", '{"id":"a","input":{}}'])
def test_what_is_no_set_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing to release, or a line that does not fit."""
    (tmp_path / "items.jsonl").write_text(text)

    with pytest.raises(GoldenError):
        release(tmp_path, Wish())
    assert [path.name for path in tmp_path.iterdir()] == ["items.jsonl"]


def test_a_gone_id_is_refused(tmp_path: Path) -> None:
    """When it is brought back by hand."""
    after(tmp_path, item("a"))
    edit(tmp_path, item("a"), item("b", input={"question": "Another?"}))

    with pytest.raises(GoldenError, match=r"used before, and removed in 2\.0\.0: b"):
        release(tmp_path, Wish())


@NEEDS_GIT
def test_the_parent_is_what_was_committed_last(tmp_path: Path) -> None:
    """Its items tell a new tag from a new label; what was added in between counts on."""
    git(tmp_path, "init", "-q")
    release(write_golden(tmp_path, [item("a"), item("b")]), Wish())
    commit(tmp_path)
    edit(tmp_path, item("a", tags=["x"]), item("b"))
    assert release(tmp_path, Wish()).version == "1.0.2"
    assert release(tmp_path, Wish()).written is False
    commit(tmp_path)

    add(tmp_path, [item("c")])
    edit(tmp_path, item("a", tags=["x"]), item("b", weight=2), item("c"), item("d"))
    done = release(tmp_path, Wish())

    assert (done.version, done.changes.added, done.changes.changed) == ("2.0.0", ("c", "d"), ("b",))
    assert manifest(tmp_path)["parent"]["version"] == "1.0.2"


@NEEDS_GIT
def test_another_parent_can_be_named(tmp_path: Path) -> None:
    """A ref of git, or a folder; one that is not there is told."""
    git(tmp_path, "init", "-q")
    release(write_golden(tmp_path / "toy", [item("a"), item("b")]), Wish())
    shutil.copytree(tmp_path / "toy", tmp_path / "old")
    commit(tmp_path)
    git(tmp_path, "tag", "one")
    edit(tmp_path / "toy", item("a"), item("b"), item("c"))
    release(tmp_path / "toy", Wish())
    commit(tmp_path)
    edit(tmp_path / "toy", item("a"), item("b"), item("c", expected={"answer": "Other."}))

    with pytest.raises(GoldenError, match="no golden set"):
        release(tmp_path / "toy", Wish(since="none"))
    done = release(tmp_path / "toy", Wish(since="one"))

    assert (done.changes.added, done.changes.changed) == (("c",), ())
    assert done.version == "2.0.0", "1.1.0 meant another c, and was committed"
    assert release(tmp_path / "toy", Wish(since=str(tmp_path / "old"))).written is False


NAMES = "abcdef"
SETS = st.dictionaries(
    st.sampled_from(NAMES),
    st.fixed_dictionaries(
        {},
        optional={
            "expected": st.sampled_from([{"answer": "One."}, {"answer": "Two."}]),
            "tags": st.sampled_from([["x"], ["y"]]),
            "weight": st.sampled_from([1, 2.5]),
            "split": st.sampled_from(["dev", "test"]),
            "cluster": st.sampled_from(["", "k"]),
        },
    ),
    min_size=1,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SETS, min_size=1, max_size=4))
def test_every_release_checks_and_no_version_means_two_things(edits: list[dict[str, dict[str, Any]]]) -> None:
    """Whatever is edited: what comes of a release is what its manifest says, and numbers only rise."""
    with tempfile.TemporaryDirectory() as folder:
        directory, seen, gone = Path(folder), dict[str, str](), set[str]()
        at, before = (0, 0, 0), set[str]()
        for each in edits:
            items = [
                item(name, **{"label": LABEL, **fields}) for name, fields in each.items() if name not in gone
            ] or [item(f"new{len(seen)}", label=LABEL)]
            gone |= before - {one["id"] for one in items}
            before = {one["id"] for one in items}
            edit(directory, *items)
            done = release(directory, Wish(licence="CC0-1.0"))
            lines = (directory / "items.jsonl").read_text()

            assert numbers(done.version) >= at
            assert seen.setdefault(done.version, lines) == lines
            assert load(directory).ref.version == done.version
            errors = [str(one) for one in check(directory).complaints if one.level == "error"]
            assert [error for error in errors if "more than one split" not in error] == []
            assert release(directory, Wish()).written is False
            at = numbers(done.version)
