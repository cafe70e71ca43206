"""Statistics, against hand-computed and published values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.stats import Paired, fisher, holm_levels, mcnemar, mean_interval


@pytest.mark.parametrize(
    ("won", "lost", "p"),
    [
        (0, 0, 1.0),
        (0, 5, 1 / 64),
        (0, 4, 1 / 32),
        (1, 1, 0.5),
        (2, 7, (10 + 18) / 512),
        (7, 2, (466 + 18) / 512),
    ],
)
def test_mcnemar_is_the_exact_mid_p(won: int, lost: int, p: float) -> None:
    """P(more losses) + half P(as many losses), out of 2^n."""
    assert mcnemar(won, lost) == pytest.approx(p)


@pytest.mark.parametrize(
    ("table", "p"),
    [
        ((0, 10, 0, 10), 1.0),
        ((1, 12, 9, 12), 0.0027594562),
        ((5, 10, 5, 10), 1.0),
        ((0, 100, 6, 100), 0.0289),
    ],
)
def test_fisher_agrees_with_published_tables(table: tuple[int, int, int, int], p: float) -> None:
    """Two-sided exact p. The second is the table [[1, 9], [11, 3]] read by columns, as R and Wikipedia give it."""
    assert fisher(*table) == pytest.approx(p, abs=2e-4)


def test_holm_tests_the_smallest_first_at_the_strictest_level() -> None:
    """alpha/m, then alpha/(m-1), and so on."""
    assert holm_levels([0.04, 0.01, 0.03], 0.06) == [(1, 0.02), (2, 0.03), (0, 0.06)]


def test_a_mean_has_an_interval_around_it() -> None:
    """Near the textbook interval for a large sample: mean +- 1.96 sd / sqrt(n)."""
    values = [0.0, 1.0] * 200

    found = mean_interval(values, range(400))

    assert found is not None
    assert found.mean == 0.5
    assert found.low == pytest.approx(0.5 - 1.96 * 0.5 / 20, abs=0.006)
    assert found.high == pytest.approx(0.5 + 1.96 * 0.5 / 20, abs=0.006)
    assert mean_interval([], []) is None


def test_equal_values_have_no_spread() -> None:
    """A constant is known exactly; one value too."""
    same = mean_interval([0.25] * 5, range(5))
    one = mean_interval([0.7], ["x"])

    assert same is not None
    assert one is not None
    assert (same.low, same.high, one.low, one.high) == (0.25, 0.25, 0.7, 0.7)


def test_the_paired_p_is_students() -> None:
    """Differences -1, 0, -2, -1, 0: t = -2.138, 4 degrees of freedom, one-sided p = 0.0497."""
    paired = Paired([-1.0, 0.0, -2.0, -1.0, 0.0], range(5))

    assert paired.p == pytest.approx(0.0497, abs=5e-4)


def test_clusters_that_move_together_widen_the_interval() -> None:
    """Forty copies of ten differences are not four hundred."""
    differences = [0.1, -0.2, 0.3, 0.0, -0.1, 0.2, -0.3, 0.1, 0.0, -0.1] * 40
    alone = Paired(differences, range(400)).interval(0.05)
    together = Paired(differences, [place % 10 for place in range(400)]).interval(0.05)

    assert together[1] - together[0] > 5 * (alone[1] - alone[0])


@pytest.mark.parametrize(("lost", "blocks"), [(3, False), (4, True), (5, True)])
def test_few_discordant_pairs_take_the_exact_test_too(lost: int, blocks: bool) -> None:
    """Three losses against none are p = .0625: the t test alone would call that a loss."""
    differences = [-1.0] * lost + [0.0] * (100 - lost)
    paired = Paired(differences, range(100), binary=True)

    assert (paired.interval(0.05)[1] < 0) is blocks
    assert (paired.p < 0.05) is blocks
    assert "McNemar" in paired.method
    assert Paired(differences, range(100)).p < 0.05


def test_many_discordant_pairs_leave_the_exact_test_out() -> None:
    """From 25 on the approximation is good."""
    differences = [-1.0] * 13 + [1.0] * 12 + [0.0] * 75

    assert "McNemar" not in Paired(differences, range(100), binary=True).method


def test_the_bootstrap_is_the_same_every_time() -> None:
    """A fixed seed: a verdict does not change between two readings of the same runs."""
    differences = [0.1, -0.4, 0.0, 0.2, -0.3, 0.1, 0.5]

    assert Paired(differences, range(7)).interval(0.05) == Paired(differences, range(7)).interval(0.05)


def test_the_detectable_loss_shrinks_with_the_root_of_n() -> None:
    """Four times the items, half the loss."""
    small = Paired([-0.1, 0.1] * 50, range(100)).detectable(0.05)
    large = Paired([-0.1, 0.1] * 200, range(400)).detectable(0.05)

    assert small / large == pytest.approx(2, rel=0.03)


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=2, max_size=30))
def test_an_interval_holds_its_difference_and_is_finite(differences: list[float]) -> None:
    """Whatever the differences."""
    paired = Paired(differences, range(len(differences)), resamples=200)
    low, high = paired.interval(0.05)

    assert low <= paired.delta + 1e-12
    assert high >= paired.delta - 1e-12
    assert np.isfinite([low, high, paired.p, paired.detectable(0.05)]).all()
