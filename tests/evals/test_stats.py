"""Statistics, against hand-computed and published values, and against scipy.stats and statsmodels."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from evals.stats import (
    POCOCK,
    SEED,
    Paired,
    benjamini_hochberg,
    fisher,
    holm,
    holm_levels,
    mcnemar,
    mean_interval,
)


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


def test_a_loss_of_the_detectable_size_is_found_four_times_in_five() -> None:
    """Normal differences of sixty cases that have truly fallen by it."""
    chance = np.random.default_rng(8)
    loss = Paired(list(chance.standard_normal(4_000)), range(4_000), resamples=0).detectable(
        0.05
    ) * math.sqrt(4_000 / 60)

    found = [
        Paired(list(chance.standard_normal(60) - loss), range(60), resamples=0).p < 0.05 for _ in range(600)
    ]

    assert 0.75 < sum(found) / len(found) < 0.85


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=2, max_size=30))
def test_an_interval_holds_its_difference_and_is_finite(differences: list[float]) -> None:
    """Whatever the differences."""
    paired = Paired(differences, range(len(differences)), resamples=200)
    low, high = paired.interval(0.05)

    assert low <= paired.delta + 1e-12
    assert high >= paired.delta - 1e-12
    assert np.isfinite([low, high, paired.p, paired.detectable(0.05)]).all()


def skewed(n: int, seed: int) -> list[float]:
    """Differences with a long tail on one side."""
    chance = random.Random(seed)
    return [round(chance.expovariate(3) - 0.4, 6) for _ in range(n)]


@pytest.mark.parametrize(
    ("n", "resamples", "alpha"), [(12, 2_000, 0.05), (60, 10_000, 0.025), (700, 2_000, 0.05)]
)
def test_the_bootstrap_is_scipys_where_every_case_stands_alone(n: int, resamples: int, alpha: float) -> None:
    """BCa bounds from the same draws, to nine digits."""
    values = skewed(n, n)

    ours = mean_interval(values, range(n), 1 - 2 * alpha, resamples)
    theirs = stats.bootstrap(
        (np.array(values),), np.mean, confidence_level=1 - 2 * alpha, n_resamples=resamples,
        method="BCa", rng=np.random.default_rng(SEED), batch=100,
    ).confidence_interval  # fmt: skip

    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_the_cluster_bootstrap_is_scipys_of_a_ratio_of_sums() -> None:
    """Whole clusters are drawn, with the weight that they have."""
    values, chance = skewed(90, 3), random.Random(4)
    clusters = [chance.randrange(25) for _ in values]
    weights = [chance.choice([0.5, 1.0, 3.0]) for _ in values]
    names = list(dict.fromkeys(clusters))
    sums = np.array(
        [sum(w * v for v, w, c in zip(values, weights, clusters, strict=True) if c == name) for name in names]
    )
    heavy = np.array([sum(w for w, c in zip(weights, clusters, strict=True) if c == name) for name in names])

    ours = mean_interval(values, clusters, 0.9, 4_000, weights)
    theirs = stats.bootstrap(
        (sums, heavy), lambda total, weight, axis: total.sum(axis) / weight.sum(axis), paired=True,
        confidence_level=0.9, n_resamples=4_000, method="BCa", rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip

    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_many_cases_are_drawn_in_blocks_as_few_are_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept between metrics is a matter of memory, not of the figures."""
    values = skewed(40, 7)
    kept = mean_interval(values, range(40), resamples=500)
    monkeypatch.setattr("evals.stats._KEPT_CELLS", 0)
    monkeypatch.setattr("evals.stats._BLOCK_CELLS", 130)
    blocks = mean_interval(values, range(40), resamples=500)

    assert kept is not None
    assert blocks is not None
    assert (kept.low, kept.high) == pytest.approx((blocks.low, blocks.high), abs=1e-12)


@given(st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=3, max_size=40))
@settings(max_examples=50)
def test_the_t_test_is_scipys(differences: list[float]) -> None:
    """p and bounds, wherever there is any spread."""
    if len(set(differences)) == 1:
        return
    paired = Paired(differences, range(len(differences)), resamples=0)
    theirs = stats.ttest_1samp(differences, 0, alternative="less")
    bounds = stats.ttest_1samp(differences, 0).confidence_interval(0.9)

    assert paired.p == pytest.approx(theirs.pvalue, abs=1e-9)
    assert paired.interval(0.05) == pytest.approx((bounds.low, bounds.high), abs=1e-9)


def test_the_error_of_clusters_is_that_of_a_regression_on_nothing() -> None:
    """Cluster-robust standard errors as statsmodels has them; so the detectable loss and the bounds are."""
    values, chance = skewed(80, 5), random.Random(6)
    clusters = [chance.randrange(20) for _ in values]
    groups = len(set(clusters))

    fit = OLS(values, np.ones(80)).fit(cov_type="cluster", cov_kwds={"groups": np.array(clusters)})
    low, high = Paired(values, clusters, resamples=0).interval(0.05)

    half = float(fit.bse[0]) * float(stats.t.ppf(0.95, groups - 1))
    assert (low, high) == pytest.approx((fit.params[0] - half, fit.params[0] + half), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 7, 24, 60])
def test_mcnemar_is_the_binomials_tail(n: int) -> None:
    """Half the chance of what was seen, and all of what is worse; the plain exact p of statsmodels lies above it."""
    for lost in range(n + 1):
        tail = stats.binom.sf(lost, n, 0.5) + stats.binom.pmf(lost, n, 0.5) / 2
        assert mcnemar(n - lost, lost) == pytest.approx(tail, abs=1e-12)
        exact = reference_mcnemar([[5, lost], [n - lost, 5]], exact=True).pvalue
        two_sided = 2 * min(mcnemar(n - lost, lost), mcnemar(lost, n - lost))
        assert two_sided + stats.binom.pmf(lost, n, 0.5) == pytest.approx(exact, abs=1e-9) or exact == 1


P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@pytest.mark.parametrize(
    "p_values",
    [[0.04], [0.01, 0.02, 0.03, 0.04], [0.5, 0.001, 0.2, 0.03, 0.001], [0.0, 1.0, 1.0, 0.3], [0.05] * 6],
)
def test_adjusted_p_values_are_those_of_statsmodels(p_values: list[float]) -> None:
    """Holm and Benjamini-Hochberg, ties included."""
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-9)
    assert benjamini_hochberg(p_values) == pytest.approx(
        multipletests(p_values, method="fdr_bh")[1], abs=1e-9
    )


@given(P_VALUES, st.floats(0.001, 0.2))
def test_holms_steps_and_adjusted_p_values_say_the_same(p_values: list[float], alpha: float) -> None:
    """A step that finds a difference, after steps that did, is an adjusted p below alpha."""
    found: set[int] = set()
    for position, level in holm_levels(p_values, alpha):
        if p_values[position] >= level * (1 - 1e-9):
            break
        found.add(position)

    adjusted = holm(p_values)

    assert all(adjusted[position] < alpha for position in found)
    assert all(adjusted[position] >= alpha * (1 - 1e-6) for position in set(range(len(p_values))) - found)


def test_nothing_to_adjust_is_nothing() -> None:
    """No gating metric can be tested."""
    assert holm([]) == benjamini_hochberg([]) == []


@given(st.integers(1, 60), st.integers(1, 60), st.data())
@settings(max_examples=60)
def test_fisher_is_scipys(n_a: int, n_b: int, data: st.DataObject) -> None:
    """Every table of this size."""
    a, b = data.draw(st.integers(0, n_a)), data.draw(st.integers(0, n_b))

    assert fisher(a, n_a, b, n_b) == pytest.approx(
        stats.fisher_exact([[a, b], [n_a - a, n_b - b]]).pvalue, abs=1e-9
    )


def test_fisher_copes_with_many_scores() -> None:
    """Three repeats of 20,000 cases, 2 % of them failed."""
    theirs = stats.fisher_exact([[1_200, 1_150], [58_800, 58_850]]).pvalue

    assert fisher(1_200, 60_000, 1_150, 60_000) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("looks", [1, 2, 3, 4, 5])
def test_pococks_levels_keep_five_percent_over_all_looks(looks: int) -> None:
    """Walks that only chance moves, looked at after each step, one-sided."""
    steps = np.random.default_rng(looks).standard_normal((200_000, looks)).cumsum(axis=1)
    statistic = steps / np.sqrt(np.arange(1, looks + 1))

    share = float((stats.norm.sf(statistic) < POCOCK[looks - 1]).any(axis=1).mean())

    assert 0.04 < share < 0.052


@pytest.mark.parametrize(("cases", "blocks"), [(2, False), (3, False), (4, True)])
def test_a_loss_without_any_spread_needs_four_cases(cases: int, blocks: bool) -> None:
    """Where all lose alike there is no spread to measure by; as for passes and fails, three of three are p = .06."""
    paired = Paired([-0.3] * cases, range(cases))
    low, high = paired.interval(0.05)

    assert paired.p == 0.5 ** (cases + 1)
    assert (high < 0) is blocks
    assert (low, paired.delta) == (pytest.approx(-0.3), pytest.approx(-0.3))
    assert Paired([0.3] * cases, range(cases)).interval(0.05)[0] == pytest.approx(0.3 if blocks else 0.0)


def test_rounding_is_no_spread() -> None:
    """0.9 - 0.8 and 0.4 - 0.3 differ in the last bit."""
    assert Paired([0.8 - 0.9, 0.3 - 0.4, 0.6 - 0.7], range(3)).p == 0.5**4


def test_weights_move_the_mean_and_nothing_else_where_all_are_alike() -> None:
    """A case that counts three times as much moves it three times as far; a common factor drops out."""
    differences = [-1.0, 0.0, 0.0, 0.5]

    heavy = Paired(differences, range(4), weights=[3, 1, 1, 1])
    doubled = Paired(differences, range(4), weights=[2, 2, 2, 2])

    assert heavy.delta == pytest.approx((-3 + 0.5) / 6)
    assert doubled.interval(0.05) == pytest.approx(Paired(differences, range(4)).interval(0.05), abs=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(bad: float) -> None:
    """As a difference and as a weight: no figure comes of it."""
    with pytest.raises(ValueError, match="finite"):
        Paired([0.0, bad], range(2))
    with pytest.raises(ValueError, match="finite"):
        Paired([0.0, 1.0], range(2), weights=[1.0, bad])


@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(-1e100, 1e100), st.sampled_from([-1.0, 0.0, 1.0, 1e-300])),
            st.integers(0, 4),
            st.one_of(st.floats(1e-6, 1e9), st.just(1.0)),
        ),
        min_size=2,
        max_size=12,
    )
)
@settings(max_examples=150)
def test_no_difference_weight_or_cluster_makes_a_figure_that_is_no_number(
    cases: list[tuple[float, int, float]],
) -> None:
    """One cluster alone has no interval; everything else has finite bounds, the lower below the upper, and a p."""
    differences, clusters, weights = zip(*cases, strict=True)
    paired = Paired(differences, clusters, weights=weights, resamples=50)
    if paired.groups < 2:
        return
    low, high = paired.interval(0.05)

    assert np.isfinite([low, high, paired.delta, paired.detectable(0.05)]).all()
    assert low <= high
    assert 0 <= paired.p <= 1


@pytest.mark.parametrize(
    "differences",
    [
        [0.0] * 5,
        [1.0] * 5,
        [-1e99, 1e99, 5e98],
        [-1e-300, 2e-300, 0.0],
        [0.1] * 4 + [0.1 + 1e-15],
        [0.0] * 99 + [-1.0],
    ],
)
def test_extreme_differences_give_finite_figures(differences: Sequence[float]) -> None:
    """Constant, huge, tiny, all but constant, one among many."""
    for options in ({}, {"resamples": 0}, {"weights": [1e-3 + place for place in range(len(differences))]}):
        paired = Paired(differences, range(len(differences)), **options)  # type: ignore[arg-type]
        assert np.isfinite([*paired.interval(0.05), paired.p, paired.detectable(0.05), paired.delta]).all()
