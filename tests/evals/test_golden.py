"""Golden sets: loaded only when they are what they say they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import GoldenError
from evals.golden import canonical, content_sha256, item_sha256, load, parse_items
from evals.releasing import Wish, release
from tests.evals.conftest import item, write_golden


def test_a_set_loads_with_its_cases_in_order_of_id(tmp_path: Path) -> None:
    """Cases come ordered by id, each with the hash of what its scores depend on."""
    golden = load(write_golden(tmp_path, [item("b"), item("a")]))

    assert [case.id for case in golden.cases] == ["a", "b"]
    assert golden.cases[0].sha256 == item_sha256(item("a"))
    assert golden.ref.n == 2


def test_only_active_items_become_cases(tmp_path: Path) -> None:
    """A quarantined item stays in the file and its hash, but is not asked."""
    golden = load(write_golden(tmp_path, [item("a"), item("b", status="quarantined")]))

    assert [case.id for case in golden.cases] == ["a"]


def test_the_hash_is_the_published_rule() -> None:
    """sha256 over canonical JSON of input, expected, relevant: a value computed by hand once."""
    one = {"id": "a", "input": {"question": "é"}, "expected": {}, "relevant": [], "tags": ["x"]}

    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'
    assert item_sha256(one) == "5871a7dfc35a8c35c5c6b8a9addb35f6ed50e57c3ad7c68fdba169148b3338ee"
    assert item_sha256(one) == item_sha256(one | {"tags": [], "label": "other"})


@pytest.mark.parametrize(
    "change",
    [
        {"input": {"question": "Other?"}},
        {"expected": {"answer": "Other."}},
        {"relevant": [{"doc_id": "d", "quote": "q", "grade": 1}]},
    ],
)
def test_a_changed_item_is_refused_and_named(tmp_path: Path, change: dict[str, object]) -> None:
    """One changed byte of what scores depend on breaks the hash; a manifest with hashes per item names the item."""
    before = [item("a"), item("b")]
    write_golden(tmp_path, before, items={each["id"]: item_sha256(each) for each in before})
    changed = [item("a"), item("b", **change)]
    (tmp_path / "items.jsonl").write_text("".join(canonical(each) + "\n" for each in changed))

    with pytest.raises(GoldenError, match=r"manifest \(changed: b\): restore"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", r"items:2: not JSON"),
        ('{"id":"x","input":{"question":"q"},"expected":{"answer":1}}', r"items:2: expected\.answer"),
        ('{"id":"x","input":{}}', r"items:2: input: .*either `question` or `messages`"),
        ('{"id":"x","input":{"question":"q"},"expected":{"anwser":"typo"}}', r"items:2: expected\.anwser"),
        ('{"id":"a","input":{"question":"q"}}', r"items:2: id: 'a' is already on line 1"),
        ('{"id":"x","input":{"question":"q"},"weight":NaN}', r"items:2: not JSON: NaN"),
        ('{"id":"x","input":{"messages":[{"content":"c"}]}}', r"messages\[0\] has no role"),
        ("[1]", r"items:2: "),
        ('{"id":"x","id":"y","input":{"question":"q"}}', r"items:2: not JSON: 'id' is there twice"),
    ],
)
def test_a_malformed_line_is_named_with_its_field(line: str, says: str) -> None:
    """An error tells the file, the line and the field."""
    text = canonical(item("a")) + "\n" + line + "\n"

    with pytest.raises(GoldenError, match=says):
        parse_items(text, "items")


@pytest.mark.parametrize(
    ("manifest", "says"),
    [
        ({"n": 5}, "the manifest says 5 items, the file holds 1"),
        ({"version": "one"}, "manifest.json: version"),
        ({"content_sha256": "0" * 64}, "content hash"),
        ({"schema": "guardhouse.golden/2"}, "manifest.json: schema"),
        ({"owner": [float("nan")]}, "not finite"),
    ],
)
def test_a_manifest_that_disagrees_is_refused(tmp_path: Path, manifest: dict[str, object], says: str) -> None:
    """Count, version form and hash of the manifest must fit the items."""
    with pytest.raises(GoldenError, match=says):
        load(write_golden(tmp_path, [item("a")], **manifest))


def test_a_set_without_active_items_is_refused(tmp_path: Path) -> None:
    """An empty set cannot pass for a measured one."""
    with pytest.raises(GoldenError, match="no active item"):
        load(write_golden(tmp_path, []))


def test_a_missing_folder_is_told_in_one_line(tmp_path: Path) -> None:
    """The error names the file that is missing and what to do."""
    with pytest.raises(GoldenError, match=r"manifest.json.*name the folder"):
        load(tmp_path / "none")


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_content_hash_does_not_depend_on_the_order_of_lines(order: list[str]) -> None:
    """Items are sorted by id before they are hashed."""
    assert content_sha256([item(name) for name in order]) == content_sha256([item(name) for name in "abcd"])


def test_keys_in_another_order_are_the_same_item() -> None:
    """Canonical JSON sorts keys."""
    one = item("a")

    assert item_sha256(json.loads(json.dumps(dict(reversed(one.items()))))) == item_sha256(one)


@pytest.mark.parametrize("change", [{"tags": ["new"]}, {"weight": 2}, {"status": "retired"}, {"note": "So."}])
def test_an_edit_that_the_content_hash_does_not_see_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    """Slices, means and what is run depend on it; releasing makes it count."""
    write_golden(tmp_path, [item("a"), item("b")])
    release(tmp_path, Wish())
    edited = [item("a"), item("b", **change)]
    (tmp_path / "items.jsonl").write_text("".join(canonical(each) + "\n" for each in edited))

    with pytest.raises(GoldenError, match=r"were edited.*guardhouse golden release"):
        load(tmp_path)
    release(tmp_path, Wish())
    assert load(tmp_path).ref.version == "2.0.0"


def test_the_form_of_lines_does_not_matter(tmp_path: Path) -> None:
    """Other spaces and another order are the same set: `golden check` complains of them, and a run does not."""
    write_golden(tmp_path, [item("a"), item("b")])
    release(tmp_path, Wish())
    (tmp_path / "items.jsonl").write_text(
        "".join(json.dumps(item(name), indent=None) + "\n" for name in "ba")
    )

    assert [case.id for case in load(tmp_path).cases] == ["a", "b"]


def test_items_without_a_manifest_are_told_what_to_do(tmp_path: Path) -> None:
    """A release makes the manifest."""
    write_golden(tmp_path, [item("a")])
    (tmp_path / "manifest.json").unlink()

    with pytest.raises(GoldenError, match="guardhouse golden release"):
        load(tmp_path)
