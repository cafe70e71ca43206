"""Golden sets as the pages read them: any shape, within the folder, within bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.golden import item_sha256
from proxy.golden_sets import MOST_BYTES, changelog, items, sets
from tests.evals.conftest import item, write_golden

SHIPPED = Path(__file__).resolve().parents[2] / "datasets" / "golden"


def test_the_shipped_sets_are_told() -> None:
    """With the hashes that evals compute."""
    shipped = sets(SHIPPED)
    assert [found.name for found in shipped] == sorted(
        each.parent.name for each in SHIPPED.glob("*/manifest.json")
    )

    for found in shipped:
        told, problem = items(SHIPPED, found)
        lines = (SHIPPED / found.folder / "items.jsonl").read_text("utf-8").splitlines()

        assert (found.n, problem, found.licence) == (len(told), "", "Apache-2.0")
        assert [one.sha256 for one in told] == [item_sha256(json.loads(each)) for each in lines]
        assert "Changelog" in changelog(SHIPPED, found)


def test_links_that_lead_out_show_nothing(tmp_path: Path) -> None:
    """Neither a folder nor a file of elsewhere."""
    secret, inside = tmp_path / "secret", tmp_path / "sets"
    for folder in (secret, inside / "toy"):
        folder.mkdir(parents=True)
        write_golden(folder, [item("a")])
    (inside / "away").symlink_to(secret)
    (inside / "toy" / "items.jsonl").unlink()
    (inside / "toy" / "items.jsonl").symlink_to(secret / "items.jsonl")
    [found] = sets(inside)

    assert found.folder == "toy"
    assert items(inside, found) == ([], "items.jsonl is a link that leads out of the folder")


@pytest.mark.parametrize(
    "text", ["[", "[1]", "{}", '{"name": 3, "n": "x", "parent": [], "pii_scan": 1}', "\ufeff"]
)
def test_a_manifest_of_any_shape_is_a_set(tmp_path: Path, text: str) -> None:
    """Named by its folder, with nothing invented."""
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "manifest.json").write_text(text, "utf-8")
    [found] = sets(tmp_path)

    assert (found.name, found.n, found.version) == ("odd", 0, "")


def test_items_of_any_shape_are_told_and_bad_lines_named(tmp_path: Path) -> None:
    """Up to the line that is none."""
    (tmp_path / "manifest.json").write_text("{}")
    rows = ['{"id": 3, "input": [], "expected": 1, "tags": {}, "label": 2, "provenance": []}', "{}", "oops"]
    (tmp_path / "items.jsonl").write_text("\n".join(rows))
    [found] = sets(tmp_path)
    told, problem = items(tmp_path, found)

    assert len(told) == 2 and problem == "line 3 of items.jsonl is no JSON object"
    (tmp_path / "items.jsonl").write_bytes(b" " * (MOST_BYTES + 1))
    assert "over" in items(tmp_path, found)[1]
    assert sets(None) == [] == sets(tmp_path / "nowhere")
