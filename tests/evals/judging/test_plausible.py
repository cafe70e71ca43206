"""Figures that were measured fit one another, and figures that were edited do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.judging import rubrics
from evals.judging.agreement import Judged, Part, measure
from evals.judging.plausible import contradiction
from tests.evals.judging.labelled import calibration

GOOD = calibration(100, 20).figures
N = GOOD.n


@st.composite
def measured(draw: st.DrawFn) -> list[Judged]:
    """Items as a judge may have left them: some rulings without a verdict, some items with two ratings."""
    words = st.sampled_from(list(rubrics.load("answer").verdicts))
    repeats = draw(st.integers(1, 3))
    return [
        Judged(
            f"i{place}",
            draw(words),
            tuple(draw(st.lists(st.one_of(words, st.just("")), min_size=repeats, max_size=repeats))),
            tags=draw(st.sampled_from([(), ("t",)])),
            ratings=draw(st.sampled_from([(), ("correct", "wrong")])),
        )
        for place in range(draw(st.integers(1, 12)))
    ]


@given(measured())
def test_whatever_was_measured_fits(items: list[Judged]) -> None:
    """Every judge, and every rubric's classes."""
    figures = measure(items, rubrics.load("answer").verdicts, resamples=19)

    assert contradiction(figures, len(items)) == ""


def test_the_sample_fits() -> None:
    """What the edits below begin with."""
    assert contradiction(GOOD, N) == ""


EDITS: list[tuple[dict[str, Any], int, str]] = [
    ({}, N + 380, "its rulings are not its items times its repeats"),
    ({"n": 500}, N, "its items do not fit its rulings"),
    ({"n": 500}, 500, "its rulings are not its items times its repeats"),
    ({"n": 500, "rulings": 1500}, 500, "its counts do not add up"),
    ({"n": 360, "rulings": 1500, "unreadable": 1140}, 500, "base_rate does not fit the items"),
    ({"repeats": 2}, N, "its rulings are not its items times its repeats"),
    ({"n": -1}, N, "a count is negative"),
    ({"unreadable": -3}, N, "a count is negative"),
    ({"unreadable": 3}, N, "its counts do not add up"),
    ({"confusion": {"good": {"good": 180, "bad": 0}}}, N, "its counts do not add up"),
    (
        {"confusion": {"good": {"good": -180, "bad": 360}, "bad": {"good": 0, "bad": 180}}},
        N,
        "a count is negative",
    ),
    ({"accuracy": 0.99}, N, "accuracy does not fit the table"),
    ({"accuracy": None}, N, "accuracy does not fit the table"),
    ({"constant_accuracy": 0.1}, N, "constant_accuracy does not fit the table"),
    ({"tpr": 1.5}, N, "a share is not between 0 and 1"),
    ({"tpr": 0.99}, N, "TPR, TNR and positives do not fit the table"),
    ({"tnr": 0.99}, N, "TPR, TNR and positives do not fit the table"),
    ({"positives": 80, "base_rate": 80 / N}, N, "TPR, TNR and positives do not fit the table"),
    ({"base_rate": 0.9}, N, "base_rate does not fit the items"),
    ({"positives": 121}, N, "its items do not fit its rulings"),
    ({"kappa": 0.99, "kappa_high": 1.0}, N, "kappa does not fit the table"),
    ({"kappa": None, "kappa_low": None, "kappa_high": None}, N, "kappa does not fit the table"),
    ({"kappa_low": None}, N, "kappa has no bounds"),
    ({"kappa_low": 0.9}, N, "kappa is not between its bounds"),
    ({"kappa_high": 1.1}, N, "kappa is not between its bounds"),
    ({"self_consistency": 1.5}, N, "a share is not between 0 and 1"),
    ({"self_consistency": 0.951}, N, "self-consistency does not fit the rulings"),
    ({"self_consistency": None}, N, "self-consistency does not fit the rulings"),
    ({"alpha": 1.5}, N, "an agreement is not between -1 and 1"),
    ({"human_kappa": -3.0, "human_pairs": 60}, N, "an agreement is not between -1 and 1"),
    ({"human_kappa": 0.5, "human_pairs": 0}, N, "people's kappa is of no ratings"),
    ({"slices": (Part("t", 121, 0.5),)}, N, "a tag has more items than there are"),
]


@pytest.mark.parametrize(("edit", "n", "told"), EDITS)
def test_an_edit_does_not(edit: dict[str, Any], n: int, told: str) -> None:
    """Each is told by what it breaks first."""
    assert contradiction(replace(GOOD, **edit), n).startswith(told)


def test_a_judge_that_was_asked_once_cannot_agree_with_itself() -> None:
    """Whatever is written there."""
    once = calibration(100, 20, repeats=1).figures

    assert contradiction(once, N) == ""
    assert "asked once" in contradiction(replace(once, self_consistency=1.0), N)
