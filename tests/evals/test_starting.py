"""A set is started where there is none, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.errors import GoldenError
from evals.golden import load
from evals.starting import is_new, start
from tests.evals.conftest import item, write_golden


def test_a_started_set_can_be_run(tmp_path: Path) -> None:
    """Its name is the folder's, its changelog begins, nothing is its parent."""
    version, changes = start(tmp_path / "deep" / "hours", [item("b"), item("a")], note="From the desk.")

    found = load(tmp_path / "deep" / "hours")
    assert (version, changes.added, found.ref.name, found.ref.version) == (
        "1.0.0",
        ("a", "b"),
        "hours",
        "1.0.0",
    )
    log = (found.directory / "CHANGELOG.md").read_text()
    assert "- First release: 2 items. From the desk.\n" in log
    assert json.loads((found.directory / "manifest.json").read_text())["parent"] is None


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ([item("a"), {"id": "b"}], "new item:2: input"),
        ([item("a"), item("a")], "already in"),
        ([], "no item"),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path: Path, items: list[Any], says: str) -> None:
    """Not even the folder."""
    with pytest.raises(GoldenError, match=says):
        start(tmp_path / "new", items)

    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands in its way."""
    (tmp_path / "file").write_text("")

    with pytest.raises(GoldenError, match="cannot be made"):
        start(tmp_path / "file" / "new", [item("a")])


def test_only_what_holds_no_set_is_new(tmp_path: Path) -> None:
    """Items without a manifest are somebody's work: nothing is written over them."""
    write_golden(tmp_path / "set", [item("a")])
    write_golden(tmp_path / "items", [item("a")])
    (tmp_path / "items" / "manifest.json").unlink()

    assert is_new(tmp_path / "none") and is_new(tmp_path)
    assert not is_new(tmp_path / "set") and not is_new(tmp_path / "items")
    with pytest.raises(GoldenError, match="a set was made there"):
        start(tmp_path / "items", [item("b")])
