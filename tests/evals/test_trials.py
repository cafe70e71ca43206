"""What the gate judges by: pairs, or the reason why there are none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.errors import ComparisonError
from evals.run import Gating, Run, ScorerRef
from evals.trials import Trial, matched, reported_trials, tried
from evals.types import Cause, Score, Usage
from tests.evals.conftest import make_run, missing

ALL = {f"c{n:02}": [1.0] for n in range(50)}


def one(after: dict[str, list[float | Score]], before: dict[str, list[float | Score]]) -> Trial:
    """The trial of one metric."""
    sides = matched(make_run({"exact": after}), make_run({"exact": before}), 0.05)
    return tried(sides, Gating("exact"), resamples=100)


def test_cases_are_paired_where_both_runs_have_a_value() -> None:
    """With the means over these cases alone, and the candidate's over all of its own."""
    trial = one({**ALL, "c00": [0.0], "c01": [missing()]}, {**ALL, "c02": [missing(Cause.EMPTY)]})  # type: ignore[dict-item]

    assert trial.paired is not None
    assert (trial.paired.n, trial.paired.delta) == (48, pytest.approx(-1 / 48))
    assert trial.means == (1.0, pytest.approx(47 / 48))
    assert trial.mean == pytest.approx(48 / 49)
    assert trial.testable


@pytest.mark.parametrize(
    ("after", "before", "reason"),
    [
        (
            {**ALL, "c00": [missing()], "c01": [missing()]},
            ALL,
            "2 of 50 scores failed in this run (more than 2%)",
        ),
        (
            ALL,
            {**ALL, "c00": [missing()], "c01": [missing()]},
            "2 of 50 scores failed in the baseline (more than 2%)",
        ),
        ({name: [missing(Cause.EMPTY)] for name in ALL}, ALL, "this run has no score for it"),
    ],
)
def test_too_little_is_refused_with_the_reason(
    after: dict[str, list[float | Score]], before: dict[str, list[float | Score]], reason: str
) -> None:
    """There are no pairs then."""
    trial = one(after, before)

    assert trial.refused == reason
    assert trial.paired is None
    assert not trial.testable


def test_nothing_to_measure_is_told_from_failure() -> None:
    """An answer without a claim is not a call that failed."""
    nothing: dict[str, list[float | Score]] = {name: [missing(Cause.EMPTY)] for name in ALL}
    failed: dict[str, list[float | Score]] = {name: [missing()] for name in ALL}

    assert one(nothing, {**ALL}).empty
    assert not one(failed, {**ALL}).empty


def test_runs_whose_scorers_point_in_different_directions_are_refused() -> None:
    """Better when higher in one, when lower in the other."""
    turned = make_run({"exact": ALL}, scorers=(ScorerRef("exact", "1", higher_is_better=False),))

    with pytest.raises(ComparisonError, match="better when higher in one run"):
        matched(make_run({"exact": ALL}), turned, 0.05)


@pytest.mark.parametrize(
    ("repeats", "screens", "alike"), [((3, 3), (0, 0), True), ((2, 2), (0, 0), False), ((3, 5), (0, 0), False), ((5, 5), (1, 0), False)]
)  # fmt: skip
def test_point_estimates_count_where_both_runs_asked_alike(
    repeats: tuple[int, int], screens: tuple[int, int], alike: bool
) -> None:
    """Three times or more, the same number of times, after the same screen."""
    run, baseline = (
        make_run({"exact": {"a": [1.0] * asked}}, screen=screen)
        for asked, screen in zip(repeats, screens, strict=True)
    )

    assert matched(run, baseline, 0.05).alike is alike


def test_a_point_estimate_says_nothing_where_adaptive_repeats_were_left_out() -> None:
    """Though both were asked three times at first."""
    run, other = (make_run({"exact": {"a": [1.0] * asked}}, screen=3, repeats=5) for asked in (4, 5))

    sides = matched(run, other, 0.05)

    assert (sides.run.repeats, sides.baseline and sides.baseline.repeats) == (3, 3)
    assert (sides.left_out, sides.alike) == (True, False)


def measured(run: Run, tokens: int) -> Run:
    """The run with a latency of a millisecond a token, and the tokens told for all but the first case."""
    items = tuple(
        replace(
            item,
            output=replace(item.output, usage=Usage(tokens, 0) if place else None, latency_ms=float(tokens)),
        )
        for place, item in enumerate(run.items)
    )
    return replace(run, items=items)


def test_reported_trials_are_the_other_scorers_and_what_answers_took() -> None:
    """A scorer of one run alone is none of them; where latency is scored, the score is the one that is told."""
    before = measured(make_run({"exact": ALL, "f1": ALL, "hit": ALL}), 10)
    after = measured(make_run({"exact": ALL, "f1": ALL}, gating=[Gating("exact")]), 30)
    scored = measured(make_run({"exact": ALL, "f1": ALL, "latency": ALL}, gating=[Gating("exact")]), 30)

    found = {trial.rule.metric: trial for trial in reported_trials(matched(after, before, 0.05))}

    assert list(found) == ["f1", "latency", "tokens"]
    assert found["tokens"].means == (10.0, 30.0)
    assert [trial.paired.n for trial in found.values() if trial.paired] == [50, 50, 49]
    assert [each.rule.metric for each in reported_trials(matched(scored, before, 0.05))] == ["f1", "tokens"]
