"""Where a change happened."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy import stats

from evals import compare
from evals.run import Run, Slice
from evals.slices import slices
from tests.evals.conftest import make_run

OLD = {"a": [1.0], "b": [1.0], "c": [1.0], "d": [0.0], "e": [1.0]}
NEW = {"a": [0.0], "b": [1.0], "c": [0.0], "d": [0.0], "e": [1.0]}
TAGS = {"a": ("card",), "b": ("card", "short"), "c": ("card",), "d": ("short",), "e": ()}


def tagged(values: dict[str, list[float]], **changed: object) -> Run:
    """A run whose cases carry the tags."""
    run = make_run({"exact": values})
    cases = tuple(replace(case, tags=TAGS[case.id], **changed) for case in run.cases)  # type: ignore[arg-type]
    return replace(run, cases=cases)


def sliced(run: Run, baseline: Run | None = None, metric: str = "exact") -> tuple[Slice, ...]:
    """The slices of one metric."""
    shared = compare.common(baseline, run) if baseline else compare.keys(run)
    before = compare.columns(baseline, [metric], set(shared)) if baseline else None
    return slices(run, shared, compare.columns(run, [metric], set(shared)), before)


def test_each_tag_has_its_own_difference_with_its_number_of_cases() -> None:
    """In order of tag; the interval is Student's for two sides of 95 %."""
    before, after = tagged(OLD), tagged(NEW)

    card, short = sliced(after, before)

    assert (card.tag, card.n, card.baseline, card.candidate) == ("card", 3, 1.0, pytest.approx(1 / 3))
    assert (short.tag, short.n, short.delta, short.low, short.high) == ("short", 2, 0.0, 0.0, 0.0)
    expected = stats.ttest_1samp([-1.0, 0.0, -1.0], 0).confidence_interval(0.95)
    assert (card.low, card.high) == pytest.approx((-1.0, expected.high), abs=1e-9)


def test_bounds_end_where_shares_end_and_others_do_not() -> None:
    """A mean lies between 0 and 1; what is no share has no ends."""
    run = tagged(NEW)
    swift = replace(run, scorers=(replace(run.scorers[0], higher_is_better=False),))

    assert (sliced(run)[0].low, sliced(run)[0].high) == (0.0, 1.0)
    assert (sliced(swift)[0].high or 0.0) > 1.0


def test_the_parts_of_a_split_set_are_slices_too() -> None:
    """Named `split:…`, so that they are no tag's namesake."""
    before, after = tagged(OLD, split="test"), tagged(NEW, split="test")

    found = {part.tag: part for part in sliced(after, before)}

    assert found["split:test"].n == 5
    assert found["split:test"].delta == pytest.approx(-0.4)


def test_without_a_baseline_a_slice_tells_its_mean() -> None:
    """And bounds of that."""
    run = tagged(NEW)

    card, _ = sliced(run)

    assert (card.candidate, card.baseline, card.delta) == (pytest.approx(1 / 3), None, None)
    assert card.low is not None
    assert card.high is not None
    assert card.low < 1 / 3 < card.high


def test_weights_and_clusters_count_in_slices() -> None:
    """Three cases of one document are one: there is a difference, and no interval for it."""
    before = tagged(OLD, cluster="doc")
    after = tagged(NEW, cluster="doc")
    heavy = replace(
        after, cases=tuple(replace(case, weight=3.0 if case.id == "b" else 1.0) for case in after.cases)
    )

    card = sliced(heavy, before)[0]

    assert card.delta == pytest.approx(-2 / 5)
    assert (card.low, card.high) == (None, None)


def test_a_tag_without_a_score_or_without_weight_is_no_slice() -> None:
    """Nothing is told of nothing."""
    run = tagged(NEW)
    weightless = replace(run, cases=tuple(replace(case, weight=0.0) for case in run.cases))

    assert sliced(run, metric="f1") == ()
    assert sliced(weightless) == ()
