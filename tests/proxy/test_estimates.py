"""Estimates from samples: known values, and intervals that hold what they promise."""

from __future__ import annotations

import random

import pytest

from proxy.agreement import wilson
from proxy.estimates import LEAST_JUDGED, LEAST_SAMPLED, Estimate, recall, scaled, share, total, was_right


@pytest.mark.parametrize(
    ("verdicts", "decided", "right"),
    [
        (["true_positive"], None, True),
        (["wrong_action"], None, True),
        (["false_positive"], None, False),
        (["true_positive", "false_positive"], None, None),
        (["true_positive", "false_positive", "false_positive"], None, False),
        (["true_positive", "true_positive"], "false_positive", False),
        (["unsure"], None, None),
        (["unsure", "true_positive"], None, True),
        ([], None, None),
    ],
)
def test_several_verdicts_come_to_one(verdicts: list[str], decided: str | None, right: bool | None) -> None:
    """The adjudicator's wins, else the majority's; ties and what says neither are left out."""
    assert was_right(verdicts, decided) is right


def test_with_equal_shares_precision_is_wilsons() -> None:
    """Whatever the share is."""
    judged = [(place < 9, 0.1) for place in range(10)]
    bounds = wilson(9, 10)
    found = share(judged)

    assert found is not None and bounds is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.9, *bounds))
    assert found.n == 10


def test_too_few_say_nothing() -> None:
    """Below the least that were looked at there is no number."""
    assert share([(True, 1.0)] * (LEAST_JUDGED - 1)) is None
    assert total([(1, 0.5)] * (LEAST_SAMPLED - 1)) is None
    assert recall(Estimate(0, 0, 0, 9), Estimate(0, 0, 0, 9)) is None


def test_what_was_looked_at_whole_is_known() -> None:
    """No draw, no doubt."""
    assert total([(1, 1.0)] * 3 + [(0, 1.0)] * 97) == Estimate(3, 3, 3, 100)


@pytest.mark.parametrize("missed", [0, 3, 40, 400])
@pytest.mark.parametrize("drawn", [0.05, 0.2, 0.7])
def test_intervals_of_totals_and_recall_cover(missed: int, drawn: float) -> None:
    """In at least 93 % of many draws, the truth is in the interval: of the total, and of recall."""
    chance = random.Random(f"{missed} {drawn}")
    true_found, false_found, traces, times = 900, 100, 1_000, 400
    counts = [0] * traces
    for _ in range(missed):
        # Some traces miss several: they come in clusters.
        counts[chance.randrange(traces // 3)] += 1
    in_total = in_recall = draws = 0
    for _ in range(times):
        sampled = [(count, drawn) for count in counts if chance.random() < drawn]
        judged = [(chance.random() < true_found / (true_found + false_found), 1.0) for _ in range(150)]
        all_missed, precision = total(sampled), share(judged)
        assert all_missed is not None and precision is not None
        told = recall(scaled(precision, true_found + false_found), all_missed)
        assert told is not None and told.low <= told.value <= told.high
        in_total += all_missed.low <= missed <= all_missed.high
        in_recall += told.low <= true_found / (true_found + missed) <= told.high
        draws += 1

    assert in_total / draws >= 0.93
    assert in_recall / draws >= 0.93


def test_intervals_of_weighted_precision_cover() -> None:
    """Findings drawn with different shares, whose precision differs too."""
    chance = random.Random(7)
    kinds = [(400, 0.9, 0.8), (4_000, 0.6, 0.05)]
    truth = sum(n * right for n, right, _ in kinds) / sum(n for n, _, _ in kinds)
    covered, times = 0, 800
    for _ in range(times):
        judged = [
            (chance.random() < right, drawn)
            for n, right, drawn in kinds
            for _ in range(n)
            if chance.random() < drawn
        ]
        found = share(judged)
        assert found is not None
        covered += found.low <= truth <= found.high

    assert covered / times >= 0.93
