"""Two runs side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.compare import baseline_ref, column, common, differences, flaky, flips, graded
from evals.errors import ComparisonError
from evals.types import Cause, GoldenRef, Run, ScorerRef
from tests.evals.conftest import make_run, missing


def ten(**changed: float) -> Run:
    """Ten cases of one metric."""
    return make_run({"exact": {f"c{n}": [changed.get(f"c{n}", 1.0)] for n in range(10)}})


def rehashed(run: Run, count: int) -> Run:
    """The run with the content of its first cases changed."""
    items = [replace(item, sha256="new") if place < count else item for place, item in enumerate(run.items)]
    return replace(run, items=tuple(items))


def test_only_identical_items_are_compared() -> None:
    """A case whose content changed is another case; the others stay comparable."""
    shared = common(ten(), rehashed(ten(), 2))
    ref = baseline_ref(ten(), rehashed(ten(), 2), shared)

    assert [name for name, _ in shared] == [f"c{n}" for n in range(2, 10)]
    assert (ref.compared, ref.only_baseline, ref.only_candidate) == (8, 2, 2)


def test_runs_with_too_little_in_common_are_refused() -> None:
    """Below 80 % the comparison is about something else."""
    with pytest.raises(ComparisonError, match=r"only 7 of 10 cases.*80%"):
        common(ten(), rehashed(ten(), 3))


def test_a_column_averages_repeats_and_counts_what_is_missing() -> None:
    """Means over scored repeats; empty answers are missing but did not fail."""
    run = make_run({"f1": {"a": [0.0, 1.0], "b": [missing(), 0.5], "c": [missing(Cause.EMPTY), missing()]}})

    found = column(run, "f1")

    assert {name: mean for (name, _), mean in found.means.items()} == {"a": 0.5, "b": 0.5}
    assert (found.total, found.unscored, found.failed) == (6, 3, 2)


def test_every_difference_of_identity_is_listed() -> None:
    """Golden set, prompt, model, repeats, scorer versions: before any delta is shown."""
    other = make_run(
        {"exact": {f"c{n}": [1.0, 1.0] for n in range(10)}},
        golden=GoldenRef("toy", "1.1.0", "f" * 64, 10),
        scorers=(ScorerRef("exact", "2"),),
    )

    told = differences(ten(), other)

    assert told == [
        f"golden set: toy 1.0.0 ({'0' * 12}) -> toy 1.1.0 ({'f' * 12})",
        "repeats: 1 -> 2",
        "scorer exact: 1 -> 2",
    ]
    assert differences(ten(), ten()) == []


def test_flips_name_what_was_lost_first() -> None:
    """Pass to fail before fail to pass, with both texts."""
    before = make_run({"exact": {"a": [1.0], "b": [0.0], "c": [1.0]}}, texts={"a": "old a"})
    after = make_run({"exact": {"a": [0.0], "b": [1.0], "c": [1.0]}}, texts={"a": "new a"})

    found = flips(before, after, ["exact"], common(before, after))

    assert [(flip.id, flip.lost) for flip in found] == [("a", True), ("b", False)]
    assert (found[0].before_text, found[0].after_text) == ("old a", "new a")


def test_flaky_cases_disagree_with_themselves() -> None:
    """Across repeats of the same run, on metrics that have a pass mark."""
    run = make_run(
        {"exact": {"a": [1.0, 0.0], "b": [1.0, 1.0]}, "latency": {"a": [0.1, 900.0], "b": [1.0, 2.0]}}
    )

    assert flaky(run) == [("a", "exact")]
    assert graded(run) == {"exact"}
