"""`golden check` tells everything that is wrong with a set, and what is only odd."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from evals.golden import canonical
from evals.golden_check import Report, check
from evals.releasing import Wish, release
from tests.evals.conftest import item, write_golden

LABEL = {"by": "ada", "at": "2026-11-01", "kind": "human"}


def whole(directory: Path, *items: dict[str, Any], **manifest: Any) -> Path:
    """A released set."""
    release(write_golden(directory, items, **manifest), Wish())
    return directory


def good(name: str, **fields: Any) -> dict[str, Any]:
    """An item that nothing is wrong with."""
    return item(name, **{"label": LABEL, **fields})


def rewrite(path: Path, old: str, new: str) -> None:
    """A file edited by hand."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def told(report: Report, level: str = "error") -> str:
    """The complaints of a level, one a line."""
    return "\n".join(str(each) for each in report.complaints if each.level == level)


def test_a_set_that_is_in_order_has_no_complaint(tmp_path: Path) -> None:
    """Released, labelled, licensed and scanned."""
    report = check(whole(tmp_path, good("a", split="dev"), good("b", split="test")))

    assert (report.complaints, report.n, report.errors) == ((), 2, 0)


def test_a_set_made_by_hand_lacks_what_is_told(tmp_path: Path) -> None:
    """It runs, but nobody says whose it is, what is in it, and who labelled it."""
    report = check(write_golden(tmp_path, [item("a", label={})], licence=""))

    assert "names no licence" in told(report) and "nobody looked for personal data" in told(report)
    assert "by whom and of what kind they are: a" in told(report)
    assert "does not say splits, clusters, label_kinds, items, lines_sha256" in told(report, "warning")


def test_a_changed_item_is_named(tmp_path: Path) -> None:
    """By its hash in the manifest; the scan is not of this content either."""
    whole(tmp_path, good("a"), good("b"))
    rewrite(tmp_path / "items.jsonl", "All about b", "Nothing about b")

    assert "content hash" in told(check(tmp_path)) and "(changed: b)" in told(check(tmp_path))
    assert "of another content" in told(check(tmp_path))


def test_an_edit_outside_of_the_hash_is_told(tmp_path: Path) -> None:
    """A label or a weight that no release knows of: results mean something else, and the content hash agrees."""
    whole(tmp_path, good("a", weight=1))
    rewrite(tmp_path / "items.jsonl", '"weight":1', '"weight":5')

    assert "labels, weights, states, tags or notes were edited" in told(check(tmp_path))


def test_every_bad_line_is_told(tmp_path: Path) -> None:
    """Malformed ones, doubles, lines out of order or not canonical."""
    whole(tmp_path, good("a"), good("b"))
    lines = (tmp_path / "items.jsonl").read_text().splitlines()
    bad = [
        "{",
        lines[1],
        lines[0].replace(",", ", "),
        lines[1],
        '{"id":"c","input":{"question":"q"},"weight":-1}',
    ]
    (tmp_path / "items.jsonl").write_text("\n".join(bad) + "\n")

    found = told(check(tmp_path))

    for says in (
        "items.jsonl:1: not JSON",
        "items.jsonl:4: id: 'b' is already on line 2",
        "items.jsonl:5: weight",
        "items.jsonl:3: items are not sorted",
        "items.jsonl:3: not canonical",
    ):
        assert says in found
    assert found.count("\n") == 4


def test_many_loose_lines_are_counted(tmp_path: Path) -> None:
    """The first ten by their number."""
    items = [good(f"i{n:02}") for n in range(15)]
    whole(tmp_path, *items)
    (tmp_path / "items.jsonl").write_text("".join(json.dumps(each) + "\n" for each in items))

    assert told(check(tmp_path)).count(": not canonical") == 10
    assert "5 more lines are not canonical" in told(check(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"dev": 1', '"dev": 2', "disagree about splits"),
        ('"clusters": 1', '"clusters": 3', "disagree about clusters"),
        ('"human"', '"judge"', "disagree about label_kinds"),
        ('"licence": "CC0-1.0"', '"licence": ""', "names no licence"),
        ('"hits": 0', '"hits": 1', "somebody's data"),
        ('"version": "1.0.1"', '"version": "one"', "manifest.json: version"),
        ('"schema": "guardhouse.golden/1"', '"schema": "other/9"', "manifest.json: schema"),
        ('"n": 2', '"n": 3', "the manifest says 3 items"),
    ],
)
def test_a_manifest_that_says_something_else_is_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Field by field."""
    whole(tmp_path, good("a", split="dev", cluster="x"), good("b", split="test"))
    rewrite(tmp_path / "manifest.json", old, new)

    assert says in told(check(tmp_path))


def test_splits_that_know_each_other_leak(tmp_path: Path) -> None:
    """A cluster in two of them, or nearly the same input; within one split that is only odd, in one cluster it is not."""
    words = "Is the Millgate Street branch of the shop open on {}?"
    items = [
        good("a", split="dev", cluster="x"),
        good("b", split="test", cluster="x"),
        good("c", split="dev", input={"question": words.format("Sundays")}),
        good("d", split="test", input={"question": words.format("Sunday")}),
        good("e", split="dev", input={"question": words.format("the Sundays")}),
        good(
            "f", split="dev", cluster="y", input={"question": "How late can I still collect a rented tool?"}
        ),
        good(
            "g",
            split="dev",
            cluster="y",
            input={"question": "How late can I still collect a rented tool then?"},
        ),
    ]

    report = check(whole(tmp_path, *items))

    assert "clusters in more than one split: x" in told(report)
    assert "nearly the same input in two splits: d ~ c" in told(report)
    assert told(report, "warning").startswith("nearly the same input, and told to be independent: e ~ c:")


def test_what_is_retired_is_nobodys_double(tmp_path: Path) -> None:
    """Its successor asks the same."""
    twin = {"question": "What about it?"}

    assert (
        check(whole(tmp_path, good("a", input=twin, status="retired"), good("b", input=twin))).complaints
        == ()
    )


def test_a_misspelt_field_is_told(tmp_path: Path) -> None:
    """Fields of one's own are kept and not read; one that is nearly another's name was meant to be."""
    whole(
        tmp_path, good("a", relevent=[], source="a book"), good("b", Split="dev"), license="MIT", corpus="c"
    )

    found = told(check(tmp_path))

    assert "nobody reads the field 'Split': b: write 'split'" in found
    assert "nobody reads the field 'relevent': a: write 'relevant'" in found
    assert "manifest.json: nobody reads the field 'license': write 'licence'" in found
    assert found.count("\n") == 2


def test_an_id_that_was_gone_is_told(tmp_path: Path) -> None:
    """When it comes back by hand."""
    whole(tmp_path, good("a"), good("b"))
    (tmp_path / "items.jsonl").write_text(canonical(good("a")) + "\n")
    release(tmp_path, Wish())
    (tmp_path / "items.jsonl").write_text(canonical(good("a")) + "\n" + canonical(good("b")) + "\n")

    assert "removed once are used again: b" in told(check(tmp_path))


def test_an_expired_quarantine_is_told(tmp_path: Path) -> None:
    """From the day after its end."""
    held = {"status": "quarantined", "quarantine": {"owner": "o", "until": "2026-06-01"}}
    whole(tmp_path, good("a", **held), good("b"))

    assert (check(tmp_path, today=date(2026, 6, 1)).n, check(tmp_path, today=date(2026, 6, 1)).errors) == (
        1,
        0,
    )
    late = check(tmp_path, today=date(2026, 6, 2))
    assert late.n == 2 and "the quarantine has expired, so it is run again: a" in told(late)


def test_a_changelog_without_the_version_is_odd(tmp_path: Path) -> None:
    """One that is not there at all is wrong."""
    whole(tmp_path, good("a"))
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n")
    assert "has no entry for 1.0.1" in told(check(tmp_path), "warning")
    (tmp_path / "CHANGELOG.md").unlink()
    assert "CHANGELOG.md: is missing" in told(check(tmp_path))


def test_what_a_cut_off_change_left_is_told(tmp_path: Path) -> None:
    """With what ends it."""
    whole(tmp_path, good("a"))
    (tmp_path / "CHANGELOG.md.new").write_text("# Changelog\n")

    assert "cut off" in told(check(tmp_path)) and "golden release" in told(check(tmp_path))


def test_a_set_of_nothing_is_told(tmp_path: Path) -> None:
    """Nothing in it can be run."""
    assert "no active item" in told(check(whole(tmp_path, good("a", status="retired"))))
