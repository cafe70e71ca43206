"""Agreement is computed as its authors define it."""

from __future__ import annotations

import krippendorff
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from proxy.agreement import cohen_kappa, krippendorff_alpha, pairwise, wilson

LABELS = st.sampled_from("abc")


def test_wilson_is_the_published_interval() -> None:
    """Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (successes, trials), expected in published.items():
        assert wilson(successes, trials) == pytest.approx(expected, abs=5e-5)
    assert wilson(0, 0) is None


def test_kappa_of_a_known_table() -> None:
    """20 both yes, 5 and 10 apart, 15 both no: 0.4."""
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohen_kappa(pairs) == pytest.approx(0.4)
    assert cohen_kappa([]) is None and cohen_kappa([("y", "y")]) is None


def test_alpha_of_krippendorffs_own_example() -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), part C: four observers, nominal, 0.743."""
    rows = (
        "1 2 3 3 2 1 4 1 2 . . .",
        "1 2 3 3 2 2 4 1 2 5 . 3",
        ". 3 3 3 2 3 4 2 2 5 1 .",
        "1 2 3 3 2 4 4 1 2 5 1 .",
    )
    units = [
        [each for each in column if each != "."]
        for column in zip(*(row.split() for row in rows), strict=True)
    ]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha([["a"]]) is None and krippendorff_alpha([["a", "a"]]) is None


@given(st.lists(st.lists(LABELS, min_size=2, max_size=4), min_size=1, max_size=12))
def test_all_alike_is_one(units: list[list[str]]) -> None:
    """Where everybody agrees, and labels differ between units, each measure is 1; never more."""
    alike = [[labels[0]] * len(labels) for labels in units]
    assert pairwise(alike) == 1
    if len({labels[0] for labels in units}) > 1:
        assert krippendorff_alpha(alike) == pytest.approx(1)
        assert cohen_kappa([(labels[0], labels[0]) for labels in units]) == pytest.approx(1)
    found = krippendorff_alpha(units)
    assert found is None or found <= 1 + 1e-12


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_kappa_is_that_of_statsmodels(pairs: list[tuple[str, str]]) -> None:
    """On any table of two raters, to 1e-9."""
    ours = cohen_kappa(pairs)
    if ours is not None:
        table = [[pairs.count((one, two)) for two in "abc"] for one in "abc"]
        assert ours == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-9)
    else:
        assert len({label for pair in pairs for label in pair}) == 1


@given(st.lists(st.lists(st.sampled_from("abc."), min_size=4, max_size=4), min_size=1, max_size=20))
def test_alpha_is_that_of_the_reference(units: list[list[str]]) -> None:
    """On any table of four raters, some of whom say nothing of some units, to 1e-9."""
    ours = krippendorff_alpha([[label for label in unit if label != "."] for unit in units])
    compared = [unit for unit in units if sum(label != "." for label in unit) > 1]
    if ours is None:
        assert len({label for unit in compared for label in unit} - {"."}) < 2
        return
    numbers = {"a": 0.0, "b": 1.0, "c": 2.0, ".": float("nan")}
    table = [[numbers[unit[rater]] for unit in units] for rater in range(4)]
    theirs = krippendorff.alpha(reliability_data=table, level_of_measurement="nominal")
    assert ours == pytest.approx(theirs, abs=1e-9)
