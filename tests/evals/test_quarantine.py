"""Quarantine ends by itself, has an owner, and counts as long as it lasts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from evals.errors import GoldenError
from evals.golden import load
from evals.quarantine import begin, lift, wrong_with
from evals.releasing import Wish, release
from evals.run import Quarantined
from tests.evals.conftest import item, write_golden

TODAY = datetime.now(UTC).date()
SOON = (TODAY + timedelta(days=10)).isoformat()


def test_a_quarantined_item_is_out_and_told(tmp_path: Path) -> None:
    """The set tells who sees to it, until when and why; its hash is as before."""
    before = load(write_golden(tmp_path, [item("a"), item("b")])).ref

    version, changes = begin(tmp_path, ["a"], "ada", SOON, "flaky")

    golden = load(tmp_path)
    assert (version, changes.changed) == ("2.0.0", ("a",))
    assert [case.id for case in golden.cases] == ["b"]
    assert golden.quarantined == (Quarantined("a", "ada", SOON, "flaky"),)
    assert golden.ref.content_sha256 == before.content_sha256


def test_after_its_last_day_it_is_run_again(tmp_path: Path) -> None:
    """The last day still belongs to it."""
    write_golden(tmp_path, [item("a"), item("b")])
    begin(tmp_path, ["a"], "ada", SOON)
    last = date.fromisoformat(SOON)

    assert [case.id for case in load(tmp_path, last).cases] == ["b"]
    late = load(tmp_path, last + timedelta(days=1))
    assert [case.id for case in late.cases] == ["a", "b"] and late.quarantined == ()


def test_lifting_leaves_nothing_behind(tmp_path: Path) -> None:
    """The item is as it was."""
    write_golden(tmp_path, [item("a"), item("b")])
    items = (tmp_path / "items.jsonl").read_text()
    begin(tmp_path, ["a"], "ada", SOON)

    assert lift(tmp_path, ["a"])[0] == "3.0.0"
    assert (tmp_path / "items.jsonl").read_text() == items


def test_another_end_is_a_small_step(tmp_path: Path) -> None:
    """And the same one is none."""
    write_golden(tmp_path, [item("a"), item("b")])
    begin(tmp_path, ["a"], "ada", SOON)

    assert begin(tmp_path, ["a"], "ada", TODAY.isoformat())[0] == "2.0.1"
    with pytest.raises(GoldenError, match="nothing would change"):
        begin(tmp_path, ["a"], "ada", TODAY.isoformat())


@pytest.mark.parametrize(
    ("ids", "owner", "until", "says"),
    [
        (["a"], " ", SOON, "needs an owner"),
        (["a"], "ada", (TODAY + timedelta(days=91)).isoformat(), "at most|90 days ahead"),
        (["a"], "ada", (TODAY - timedelta(days=1)).isoformat(), "from today"),
        (["a"], "ada", "tomorrow", "no date"),
        (["a", "z"], "ada", SOON, "no item that could be run: z"),
        (["r"], "ada", SOON, "no item that could be run: r"),
    ],
)
def test_what_is_no_quarantine_is_refused(
    tmp_path: Path, ids: list[str], owner: str, until: str, says: str
) -> None:
    """And changes nothing."""
    write_golden(tmp_path, [item("a"), item("r", status="retired")])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(GoldenError, match=says):
        begin(tmp_path, ids, owner, until)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_only_what_is_quarantined_is_lifted(tmp_path: Path) -> None:
    """An active item is told."""
    with pytest.raises(GoldenError, match="a is not quarantined"):
        lift(write_golden(tmp_path, [item("a")]), ["a"])


def test_what_is_wrong_with_quarantines_is_told() -> None:
    """No owner, over, or for too long; nothing of one that is in order."""
    held = {"status": "quarantined"}
    day = date(2026, 6, 1)
    items = [
        item("bare", **held),
        item("fine", **held, quarantine={"owner": "o", "until": "2026-06-01"}),
        item("over", **held, quarantine={"owner": "o", "until": "2026-05-31"}),
        item("long", **held, quarantine={"owner": "o", "until": "2026-08-31"}),
    ]

    assert [ids for _, ids in wrong_with(items, day)] == [("bare",), ("over",), ("long",)]


def test_edits_that_no_release_knows_of_do_not_slip_in(tmp_path: Path) -> None:
    """A quarantine steps the version for its own sake alone."""
    release(write_golden(tmp_path, [item("a"), item("b")]), Wish())
    path = tmp_path / "items.jsonl"
    path.write_text(path.read_text().replace('"tags":[]', '"tags":["new"]'))

    with pytest.raises(GoldenError, match="guardhouse golden release"):
        begin(tmp_path, ["a"], "ada", SOON)
    release(tmp_path, Wish())
    begin(tmp_path, ["a"], "ada", SOON)
    assert [each.id for each in load(tmp_path).quarantined] == ["a"]


def test_an_expired_quarantine_is_told_with_the_set(tmp_path: Path) -> None:
    """Who sees to it, and since when it should have been lifted."""
    write_golden(tmp_path, [item("a"), item("b")])
    begin(tmp_path, ["a"], "ada", SOON, "flaky")

    assert load(tmp_path).expired == ()
    later = load(tmp_path, today=TODAY + timedelta(days=11))
    assert later.expired == (Quarantined("a", "ada", SOON, "flaky"),) and later.quarantined == ()
