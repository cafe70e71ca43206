"""Golden items made from erased traces are found by the receipt, and go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals import golden
from evals.erasing import erase, items_of, read_receipt
from evals.errors import GoldenError
from evals.releasing import Wish, release
from tests.evals.conftest import item, write_golden

TRACE, PERSON = "a" * 32, "b" * 32
RECEIPT: dict[str, Any] = {
    "format": "guardhouse.erasure/1",
    "id": "e1",
    "kind": "user",
    "subject": PERSON,
    "traces": [TRACE],
}


def test_items_of_a_trace_or_a_person_go_and_the_set_stays_one(tmp_path: Path) -> None:
    """With a new hash and version, told in the changelog by the erasure's id; a second time finds nothing."""
    kept = [item("free"), item("other", provenance={"trace": "c" * 32, "subject": "d" * 32})]
    mine = [
        item("one", provenance={"trace": TRACE}),
        item("two", provenance={"subject": PERSON, "by": "rev"}),
    ]
    write_golden(tmp_path / "deep" / "toy", [*kept, *mine])
    write_golden(tmp_path / "untouched", kept)

    [done] = erase(tmp_path, RECEIPT)

    assert (done.directory, done.ids, done.version) == (tmp_path / "deep" / "toy", ("one", "two"), "2.0.0")
    assert [case.id for case in golden.load(done.directory).cases] == ["free", "other"]
    assert "Removed one, two. Erasure e1." in (done.directory / "CHANGELOG.md").read_text()
    assert list(items_of(tmp_path, RECEIPT)) == erase(tmp_path, RECEIPT) == []
    assert golden.load(tmp_path / "untouched").ref.version == "1.0.0"


def test_only_an_erasure_of_a_person_means_the_person(tmp_path: Path) -> None:
    """The hash of anything else is nobody's."""
    write_golden(tmp_path, [item("two", provenance={"subject": PERSON})])

    assert list(items_of(tmp_path, {**RECEIPT, "kind": "value"})) == []


@pytest.mark.parametrize(
    "text", ["", "[]", '{"format": "x", "traces": []}', '{"format": "guardhouse.erasure/1"}']
)
def test_what_is_no_receipt_is_refused(tmp_path: Path, text: str) -> None:
    """And so is a folder that is none."""
    path = tmp_path / "r.json"
    path.write_text(text)

    with pytest.raises(GoldenError, match="receipt"):
        read_receipt(path)
    path.write_text(json.dumps(RECEIPT))
    with pytest.raises(GoldenError, match="no folder"):
        erase(tmp_path / "nowhere", read_receipt(path))


def test_an_edited_set_is_erased_in_all_the_same(tmp_path: Path) -> None:
    """Nobody's data waits for a release; what is left can be run."""
    items = [item("a", provenance={"trace": "t1"}), item("b")]
    release(write_golden(tmp_path / "set", items), Wish())
    path = tmp_path / "set" / "items.jsonl"
    path.write_text(path.read_text().replace('"tags":[]', '"tags":["new"]'))

    [erased] = erase(tmp_path, {"id": "e1", "traces": ["t1"]})

    assert erased.ids == ("a",)
    assert [case.id for case in golden.load(tmp_path / "set").cases] == ["b"]
