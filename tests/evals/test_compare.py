"""Two runs side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.compare import (
    baseline_ref,
    column,
    columns,
    common,
    differences,
    evenly,
    flaky,
    flips,
    graded,
    measures,
    moved,
    worst,
)
from evals.errors import ComparisonError
from evals.run import GoldenRef, Ledger, Run, ScorerRef, TargetRef
from evals.types import Cause, Usage
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


def test_how_cases_were_asked_and_weighed_is_a_difference_too() -> None:
    """Screen, seed and weights."""
    run = replace(ten(), screen=2, seed=7)
    heavy = replace(run, cases=tuple(replace(case, weight=2.0) for case in run.cases[:3]) + run.cases[3:])

    assert differences(ten(), heavy) == [
        "screen of adaptive repeats: none -> 2",
        "seed: none -> 7",
        "weights: 3 cases weigh more or less than before; those of this run count",
    ]


def test_several_columns_are_those_that_are_read_one_by_one() -> None:
    """And a metric that no item has is an empty column."""
    run = make_run({"f1": {"a": [0.0, 1.0], "b": [missing(), 0.5]}, "exact": {"a": [1.0, 1.0]}})

    found = columns(run, ["f1", "exact", "hit"])

    assert found == {name: column(run, name) for name in ("f1", "exact", "hit")}
    assert (found["hit"].means, found["hit"].total) == ({}, 0)
    assert (found["f1"].least, found["f1"].most, found["f1"].counts["b", "sha-b"]) == (0.0, 1.0, (1, 1))


def test_the_worst_case_fills_what_one_run_alone_has_a_value_for() -> None:
    """Where neither has one there is nothing to fill; a failed repeat counts as one of the case's repeats."""
    empty = missing(Cause.EMPTY)
    before = make_run({"exact": {"a": [1.0, 1.0], "b": [empty, empty], "c": [0.0, 0.0], "d": [empty, empty]}})
    after = make_run(
        {"exact": {"a": [1.0, missing()], "b": [1.0, 1.0], "c": [empty, empty], "d": [empty, empty]}}
    )
    old, new = column(before, "exact"), column(after, "exact")

    assert worst(old, new, 1, {}) == pytest.approx((-0.5 + 0.0 + 0.0) / 3)
    assert worst(new, old, 1, {}) == pytest.approx((0.0 - 1.0 - 1.0) / 3)
    assert worst(old, new, 1, {("a", "sha-a"): 2.0}) == pytest.approx(-1.0 / 4)


def test_what_answers_cost_is_told_where_it_is_known() -> None:
    """Outputs with an error cost nothing that is compared; dollars need prices."""
    run = make_run({"exact": {"a": [1.0], "b": [1.0]}}, errors=["b"])
    items = tuple(replace(item, output=replace(item.output, usage=Usage(100, 50))) for item in run.items)
    run = replace(run, items=items)

    told = measures(replace(run, ledger=Ledger(prices=(1.0, 4.0))))

    assert {name: dict(found.means) for name, found in told.items()} == {
        "tokens": {("a", "sha-a"): 150.0},
        "usd": {("a", "sha-a"): pytest.approx(0.0003)},
    }
    assert list(measures(run)) == ["tokens"]


def test_changes_without_a_flip_are_bounded_and_hold_no_flips() -> None:
    """The largest losses, then the largest gains, with both texts."""
    names = [f"c{n:02}" for n in range(60)]
    before = make_run({"f1": {key: [0.7] for key in names}}, texts=dict.fromkeys(names, "old"))
    after = make_run(
        {"f1": {name: [0.45 + n / 100] for n, name in enumerate(names)}}, texts=dict.fromkeys(names, "new")
    )

    found = moved(before, after, ["f1"], common(before, after))

    assert [change.id for change in found] == [*names[5:20], *reversed(names[55:])]
    assert (found[0].before_text, found[0].after_text) == ("old", "new")


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


def adaptive(again: str) -> Run:
    """Ten cases asked once, and one of them three times."""
    run = make_run({"exact": {f"c{n}": [1.0, 0.0, 0.0] for n in range(10)}}, screen=1)
    return replace(run, items=tuple(item for item in run.items if item.repeat == 0 or item.id == again))


def test_arms_of_one_comparison_keep_their_adaptive_repeats() -> None:
    """They were asked the same."""
    pair = adaptive("c1"), adaptive("c1")

    assert evenly(*pair) == pair
    assert differences(*pair) == []


@pytest.mark.parametrize("other", [adaptive("c2"), ten()])
def test_runs_of_different_comparisons_are_compared_on_what_all_cases_were_asked(other: Run) -> None:
    """Adaptive repeats of the one would count against its partner, not against the other; which is said."""
    for pair in ((adaptive("c1"), other), (other, adaptive("c1"))):
        before, after = evenly(*pair)

        assert column(before, "exact").means == column(after, "exact").means == column(ten(), "exact").means
        assert (before.repeats, after.repeats, before.screen, after.screen) == (1, 1, 0, 0)
        assert differences(*pair)[-1] == "adaptive repeats of another comparison are left out"
        assert flips(*pair, ["exact"], common(*pair)) != []
        assert baseline_ref(*pair, common(*pair)).flips == ()


def test_what_differs_of_the_target_is_listed() -> None:
    """Address without a password, temperature, and the suite's variant."""
    before = replace(ten(), target=TargetRef("http", "http://me:secret@one/v1", "m", variant="cold"))
    after = replace(ten(), target=TargetRef("http", "http://two/v1", "m", temperature=0.0))

    assert differences(before, after) == [
        "variant: cold -> none",
        "address: one/v1 -> http://two/v1",
        "temperature: the server's -> 0",
    ]


def test_a_flip_shows_the_answers_that_tell_it_most() -> None:
    """Where repeats disagree, one that passed before beside one that fails now, not whichever came first."""
    before = make_run({"exact": {"a": [0.0, 1.0, 1.0]}})
    after = make_run({"exact": {"a": [1.0, 0.0, 0.0]}})
    told = [
        replace(
            run,
            items=tuple(
                replace(item, output=replace(item.output, text=f"{name}{item.repeat}")) for item in run.items
            ),
        )
        for name, run in (("old", before), ("new", after))
    ]

    [flip] = flips(told[0], told[1], ["exact"], [("a", "sha-a")])

    assert (flip.before_text, flip.after_text) == ("old1", "new1")
