"""Histograms and intervals: every value has its place, whatever the numbers are."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.plots import AXIS, HEIGHT, histogram, interval, reach
from evals.run import GateMetric, GateVerdict
from tests.evals.conftest import make_run

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def metric(**fields: Any) -> GateMetric:
    """A metric of a gate."""
    return GateMetric("f1", GateVerdict.NONE, "", 0.03, **fields)


def test_a_histogram_counts_every_value_once() -> None:
    """Ten bins; 1 falls into the last."""
    run = make_run({"f1": {"a": [0.0, 1.0], "b": [0.05, 0.95]}})

    bars = histogram(run, "f1")

    assert [bar.label.split(": ")[1] for bar in bars] == ["2", *["0"] * 8, "2"]
    assert max(bar.height for bar in bars) == HEIGHT
    assert histogram(run, "none") == []


@given(st.lists(FINITE, min_size=1, max_size=20))
def test_any_finite_values_have_a_histogram(values: list[float]) -> None:
    """However large: all are counted, and no bar leaves the plot."""
    bars = histogram(make_run({"f1": {"a": values}}), "f1")

    assert sum(int(bar.label.rpartition(" ")[2]) for bar in bars) == len(values)
    assert all(0 <= bar.y <= HEIGHT and bar.height <= HEIGHT for bar in bars)


def test_differences_share_an_axis_around_zero() -> None:
    """A loss lies left of the middle, whole interval included; the margin is drawn on the side of losses."""
    lost, same = metric(delta=-0.2, low=-0.3, high=-0.1), metric(delta=0.0, low=-0.1, high=0.1)
    axis = reach([lost, same])

    one, two = interval(lost, axis, margin=0.03), interval(same, axis)

    assert axis == pytest.approx(0.3)
    assert one and two
    assert one.low < one.middle < one.high < one.margin < one.zero == AXIS / 2  # type: ignore[operator]
    assert (one.tone, two.tone, two.margin) == ("worse", "unsure", None)
    assert two.middle == two.zero


def test_where_lower_is_better_a_rise_is_a_loss() -> None:
    """Latency: the margin lies to the right."""
    slower = interval(metric(delta=20.0, low=10.0, high=30.0), 40.0, higher_is_better=False, margin=5.0)

    assert slower
    assert slower.tone == "worse"
    assert slower.margin is not None
    assert slower.zero < slower.margin < slower.low


@pytest.mark.parametrize("low", [None, math.inf, math.nan])
def test_a_difference_without_finite_bounds_is_not_drawn(low: float | None) -> None:
    """Nothing is made up."""
    assert interval(metric(delta=0.0, low=low, high=0.1), 1.0) is None


@given(FINITE, FINITE, FINITE)
def test_nothing_leaves_the_axis(delta: float, low: float, high: float) -> None:
    """Whatever the numbers."""
    found = metric(delta=delta, low=low, high=high)
    drawn = interval(found, reach([found]))

    assert drawn
    assert all(0 < place < AXIS for place in (drawn.low, drawn.middle, drawn.high))
