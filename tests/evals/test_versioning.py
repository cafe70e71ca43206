"""Changes to golden sets: the version step follows from what changed."""

from __future__ import annotations

import copy
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import GoldenError
from evals.golden import content_sha256, item_sha256, load
from evals.versioning import (
    STEPS,
    Difference,
    add,
    bumped,
    change,
    difference,
    entered,
    fields,
    gone,
    numbers,
    remove,
)
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
        ([item("a"), item("b", split="test")], "major"),
        ([item("a"), item("b", weight=2)], "major"),
        ([item("a"), item("b", weight=1.0)], "patch"),
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


def test_adding_tells_all_that_follows_from_the_items(tmp_path: Path) -> None:
    """Splits, clusters, kinds of labels, hashes and a scan for personal data; what somebody wrote stays."""
    write_golden(tmp_path, [item("a", cluster="x", split="dev")], owner="us", reviewed_by="ada")

    add(tmp_path, [item("b", cluster="x", split="dev"), item("c", cluster="y", split="test")])

    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["splits"], manifest["clusters"]) == ({"dev": 2, "test": 1}, 2)
    assert manifest["label_kinds"] == ["synthetic"] and manifest["schema"] == "guardhouse.golden/1"
    assert set(manifest["items"]) == {"a", "b", "c"} and manifest["owner"] == "us"
    assert manifest["pii_scan"]["of"] == manifest["lines_sha256"]
    assert "reviewed_by" not in manifest, "nobody has reviewed the new version"


def test_an_id_is_never_used_again(tmp_path: Path) -> None:
    """Old runs mean another item by it; the changelog knows which ids are gone."""
    write_golden(tmp_path, [item("a"), item("b.1"), item("c")])
    remove(tmp_path, ["b.1", "c"])
    add(tmp_path, [item("d")])

    with pytest.raises(GoldenError, match=r"removed in 2\.0\.0: b\.1"):
        add(tmp_path, [item("b.1", expected={"answer": "Other."})])


def test_those_who_add_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each waits for the one before."""
    write_golden(tmp_path, [item("a")])

    with ThreadPoolExecutor(8) as pool:
        versions = [*pool.map(lambda n: add(tmp_path, [item(f"b{n}")])[0], range(12))]

    assert sorted(versions, key=numbers) == [f"1.{n}.0" for n in range(1, 13)]
    assert load(tmp_path).ref.n == 13


def test_the_changelog_tells_what_is_gone() -> None:
    """Also in entries with other sentences, and only in those of the tool."""
    log = entered("# Changelog\n", "2.0.0", "Added x. Removed a, b.c. Changed d.", "Removed e\nin spring.")
    log = entered(log, "3.0.0", "Removed d.")

    assert gone(log) == {"a": "2.0.0", "b.c": "2.0.0", "d": "3.0.0"}
    assert log.index("## 3.0.0") < log.index("## 2.0.0") and log.startswith("# Changelog\n\n## 3.0.0")


def test_fields_that_differ_are_named_with_their_values() -> None:
    """By dotted names; what is new or gone has None on one side."""
    old = item("a", relevant=[{"doc_id": "d", "grade": 1}], tags=["x"])
    new = item("a", relevant=[{"doc_id": "d", "grade": 2}], tags=["x", "y"], note="n")

    found = [(change.field, change.before, change.after) for change in fields(old, new)]

    assert found == [("note", None, "n"), ("relevant.0.grade", 1, 2), ("tags", ["x"], ["x", "y"])]


def test_a_change_to_the_same_items_writes_nothing(tmp_path: Path) -> None:
    """And steps nothing."""
    write_golden(tmp_path, [item("a")])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert change(tmp_path, [item("a")])[0] == "1.0.0"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("version", ["1", "1.0", "1.0.0-rc1", "v1.0.0", "", "1.0.1000000000"])
def test_what_is_no_version_is_refused(version: str) -> None:
    """Three numbers, and no more than anybody counts to."""
    with pytest.raises(GoldenError, match="no version"):
        numbers(version)


VERSIONS = st.tuples(*[st.integers(0, 10**6)] * 3).map(lambda parts: ".".join(map(str, parts)))


@given(VERSIONS, st.sampled_from(STEPS), st.sampled_from(STEPS))
def test_a_weightier_step_never_gives_a_smaller_version(version: str, one: str, other: str) -> None:
    """And every step but `none` gives a larger one than before."""
    light, heavy = sorted((one, other), key=STEPS.index)

    assert numbers(bumped(version, light)) <= numbers(bumped(version, heavy))
    assert (numbers(bumped(version, one)) > numbers(version)) is (one != "none")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
ASKED = st.builds(
    lambda question, answer, quote, start: item(
        "x",
        input={"question": question, "variables": {"v": answer}},
        expected={"answer": answer, "aliases": [quote]},
        relevant=[{"doc_id": "d", "quote": quote, "start": start, "end": start + len(quote)}],
    ),
    TEXTS,
    TEXTS,
    TEXTS,
    st.integers(0, 10**6),
)


def leaves(value: object, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """The ways to every text and number in a value."""
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    return [path] if inner is None else [leaf for key, below in inner for leaf in leaves(below, (*path, key))]


@given(ASKED, st.data())
def test_one_changed_character_changes_both_hashes_and_is_major(
    one: dict[str, object], data: st.DataObject
) -> None:
    """Anywhere in what scores depend on: the item's hash, the set's hash, and a new major version."""
    way = data.draw(
        st.sampled_from([way for way in leaves(one) if way[0] in ("input", "expected", "relevant")])
    )
    other = copy.deepcopy(one)
    place: Any = other
    for key in way[:-1]:
        place = place[key]
    old = place[way[-1]]
    if isinstance(old, str):
        at = data.draw(st.integers(0, len(old) - 1))
        place[way[-1]] = (
            old[:at] + data.draw(TEXTS.filter(lambda text: text[0] != old[at]))[0] + old[at + 1 :]
        )
    else:
        place[way[-1]] = old + 1

    assert item_sha256(other) != item_sha256(one)
    assert content_sha256([item("a"), other]) != content_sha256([item("a"), one])
    changes = difference([item("a"), one], [item("a"), other])
    assert (changes.step, changes.changed) == ("major", ("x",))
    assert len(fields(one, other)) == 1


@given(st.permutations("abcde"), st.sets(st.sampled_from("abcde")))
def test_the_order_of_lines_never_matters(order: list[str], touched: set[str]) -> None:
    """For what changed, and for the step."""
    items = [item(name) for name in "abcde"]
    after = [item(name, **({"tags": ["x"]} if name in touched else {})) for name in order]

    assert difference(items, after).retouched == tuple(sorted(touched))
    assert difference([*reversed(items)], after) == difference(items, after)


def test_a_dry_run_tells_and_writes_nothing(tmp_path: Path) -> None:
    """What it tells is what the same call does afterwards; what is refused is refused."""
    write_golden(tmp_path, [item("a")])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    told = add(tmp_path, [item("b")], dry_run=True)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(GoldenError, match="already in the set"):
        add(tmp_path, [item("a")], dry_run=True)
    assert add(tmp_path, [item("b")]) == told == ("1.1.0", Difference(("b",), (), (), ()))


def test_a_set_whose_items_all_rest_can_be_added_to(tmp_path: Path) -> None:
    """So can one without any item: what it lacks is what adding gives."""
    write_golden(tmp_path / "none", [])
    write_golden(tmp_path / "retired", [item("a", status="retired")])

    for name in ("none", "retired"):
        add(tmp_path / name, [item("b")])
        assert [case.id for case in load(tmp_path / name).cases] == ["b"]


def test_another_schema_is_a_major_change_told_by_its_field() -> None:
    """Old and new scores mean other things."""
    before = item("a", expected={"json_schema": {"type": "object", "required": ["id"]}})
    after = item("a", expected={"json_schema": {"type": "object", "required": ["name"]}})

    assert difference([before], [after]).step == "major"
    assert [change.field for change in fields(before, after)] == ["expected.json_schema.required.0"]
