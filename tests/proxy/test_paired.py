"""The interval of a paired difference, against scipy's own tests and by how often it holds the truth."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, ttest_1samp

from proxy.paired import LEAST, difference

VALUES = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=6, max_size=40)


@given(VALUES)
def test_without_clusters_it_is_the_paired_t_interval(values: list[float]) -> None:
    """The same bounds as scipy's, where values vary and are no passes and fails."""
    found = difference(values, range(len(values)))
    assert found is not None
    if found.low is None or found.high is None or set(values) <= {-1.0, 0.0, 1.0}:
        return
    expected = ttest_1samp(values, 0).confidence_interval(0.95)

    assert found.low == pytest.approx(expected.low, abs=1e-9)
    assert found.high == pytest.approx(expected.high, abs=1e-9)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 60))
def test_a_few_flips_take_the_exact_interval_too(won: int, lost: int, alike: int) -> None:
    """At least as wide as Clopper and Pearson's on the cases that changed sides."""
    if won + lost == 0 or won + lost + alike < LEAST or max(won, lost) == won + lost + alike:
        return
    values = [1.0] * won + [-1.0] * lost + [0.0] * alike
    found = difference(values, range(len(values)))
    share = binomtest(won, won + lost).proportion_ci(0.95, "exact")

    assert found is not None and found.low is not None and found.high is not None
    scale = (won + lost) / len(values)
    assert found.low <= (2 * share.low - 1) * scale + 1e-9
    assert found.high >= (2 * share.high - 1) * scale - 1e-9


def test_cases_of_one_cluster_count_as_one() -> None:
    """The same case ten times over tells no more than once."""
    values = [0.3, -0.1, 0.2, 0.05, 0.4, -0.2]
    alone = difference(values, range(6))
    often = difference(
        [value for value in values for _ in range(10)], [n for n in range(6) for _ in range(10)]
    )

    assert alone is not None and often is not None
    assert (often.low, often.high) == pytest.approx((alone.low, alone.high))
    assert (often.n, often.clusters) == (60, 6)


@pytest.mark.parametrize(
    ("values", "why"),
    [([0.0] * 30, "no case differs"), ([0.5, 0.1, 0.2], "too few"), ([0.25] * 9, "nothing varies")],
)
def test_what_cannot_be_said_is_not(values: list[float], why: str) -> None:
    """No interval, and the reason."""
    found = difference(values, range(len(values)))

    assert found is not None and found.low is None and found.high is None
    assert why in found.unsaid
    assert difference([], []) is None


def test_it_holds_the_truth_about_as_often_as_it_says() -> None:
    """Of 1,000 drawn experiments with clusters, the true difference lies within at least 92 %."""
    draw, held = random.Random(11), 0
    for _ in range(1_000):
        values, clusters = [], []
        for cluster in range(25):
            shift = draw.gauss(0.1, 0.2)
            for _ in range(draw.randint(1, 4)):
                values.append(shift + draw.gauss(0, 0.1))
                clusters.append(cluster)
        found = difference(values, clusters)
        assert found is not None and found.low is not None and found.high is not None
        held += found.low <= 0.1 <= found.high
        assert math.isfinite(found.low)

    assert held >= 920
