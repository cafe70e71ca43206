"""Agreement is computed as its authors define it, and stays what it is whatever the order of items."""

from __future__ import annotations

import random
from dataclasses import replace
from math import sqrt

import krippendorff
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import cohens_kappa

from evals.errors import JudgeError
from evals.judging.agreement import (
    Figures,
    Judged,
    cohen_kappa,
    confusion,
    consistency,
    corrected,
    kappa_interval,
    krippendorff_alpha,
    measure,
)

VALUES = {"good": 1.0, "half": 0.5, "bad": 0.0}
VERDICT = st.sampled_from(list(VALUES))
RULINGS = st.lists(st.sampled_from([*VALUES, ""]), min_size=3, max_size=3).map(tuple)
ITEMS = st.lists(
    st.builds(
        Judged,
        id=st.just("x"),
        label=VERDICT,
        rulings=RULINGS,
        cluster=st.sampled_from(["", "", "p", "q"]),
        tags=st.lists(st.sampled_from(["short", "long"]), unique=True).map(tuple),
        ratings=st.one_of(st.just(()), st.tuples(VERDICT, VERDICT)),
    ),
    max_size=25,
).map(lambda items: [replace(item, id=f"i{place}") for place, item in enumerate(items)])


def judged(pairs: list[tuple[str, str]], repeats: int = 3) -> list[Judged]:
    """One item a pair, on which the judge never changes its mind."""
    return [Judged(f"i{n}", label, (ruling,) * repeats) for n, (label, ruling) in enumerate(pairs)]


KNOWN = [("good", "good")] * 20 + [("good", "bad")] * 5 + [("bad", "good")] * 10 + [("bad", "bad")] * 15


def test_figures_of_a_known_table() -> None:
    """20 both good, 5 and 10 apart, 15 both bad: accuracy 0.7, kappa 0.4, TPR 0.8, TNR 0.6."""
    told = measure(judged(KNOWN), VALUES)

    assert (told.n, told.rulings, told.unreadable, told.repeats, told.positives) == (50, 150, 0, 3, 25)
    assert told.accuracy == pytest.approx(0.7, abs=1e-12)
    assert told.kappa == pytest.approx(0.4, abs=1e-12)
    assert (told.tpr, told.tnr) == (pytest.approx(0.8), pytest.approx(0.6))
    assert (told.base_rate, told.constant_accuracy) == (0.5, 0.5)
    assert told.self_consistency == told.alpha == 1
    assert told.confusion["good"] == {"good": 60, "half": 0, "bad": 15}
    assert (told.human_kappa, told.human_pairs) == (None, 0)


def test_a_verdict_worth_half_is_positive() -> None:
    """As a case passes a metric."""
    told = measure(judged([("half", "good"), ("good", "half"), ("bad", "half"), ("bad", "bad")]), VALUES)

    assert (told.tpr, told.tnr, told.accuracy) == (1.0, 0.5, 0.25)


def test_verdicts_of_one_value_are_one_class() -> None:
    """Which of two zeros a judge gives changes no score, and so no figure."""
    values = {"supported": 1.0, "contradicted": 0.0, "unsupported": 0.0}
    items = [
        Judged("a", "supported", ("supported", "supported"), ratings=("supported", "supported")),
        Judged("b", "contradicted", ("unsupported", "contradicted"), ratings=("contradicted", "unsupported")),
    ]

    told = measure(items, values)

    assert (told.kappa, told.accuracy, told.self_consistency, told.human_kappa) == (1, 1, 1, 1)
    assert told.confusion["contradicted/unsupported"] == {"supported": 0, "contradicted/unsupported": 2}


@given(st.lists(st.tuples(VERDICT, VERDICT), min_size=1, max_size=40))
def test_kappa_is_that_of_statsmodels(pairs: list[tuple[str, str]]) -> None:
    """On any table, to 1e-9."""
    ours = cohen_kappa(pairs)

    if ours is None:
        assert len({verdict for pair in pairs for verdict in pair}) == 1
    else:
        table = [[confusion(pairs, list(VALUES))[one][two] for two in VALUES] for one in VALUES]
        assert ours == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-9)


@given(st.lists(st.lists(st.sampled_from("abc."), min_size=4, max_size=4), min_size=1, max_size=20))
def test_alpha_is_that_of_the_reference(units: list[list[str]]) -> None:
    """On any table of four repeats, some of which gave no verdict, to 1e-9."""
    ours = krippendorff_alpha([[said for said in unit if said != "."] for unit in units])
    counts = [[unit.count(verdict) for verdict in "abc"] for unit in units]
    compared = [row for row in counts if sum(row) > 1]

    if ours is None:
        assert sum(any(row[place] for row in compared) for place in range(3)) < 2
    else:
        theirs = krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")
        assert ours == pytest.approx(theirs, abs=1e-9)


def test_the_interval_comes_close_to_the_asymptotic_one() -> None:
    """With many items of their own, statsmodels' large-sample interval and the bootstrap's agree."""
    pairs = KNOWN * 20
    theirs = cohens_kappa([[400, 100], [200, 300]])

    ours = kappa_interval([[pair] for pair in pairs])

    assert ours is not None
    assert ours.value == pytest.approx(theirs.kappa, abs=1e-9)
    assert (ours.low, ours.high) == (
        pytest.approx(theirs.kappa_low, abs=0.006),
        pytest.approx(theirs.kappa_upp, abs=0.006),
    )


def test_clusters_widen_the_interval() -> None:
    """Ten items that move together tell as much as one: its width grows by about the root of ten."""
    shuffled = random.Random(1).sample(KNOWN * 2, 100)
    alone = kappa_interval([[pair] for pair in shuffled for _ in range(10)])
    together = kappa_interval([[pair] * 10 for pair in shuffled])

    assert alone is not None and together is not None
    assert alone.value == together.value
    ratio = (together.high - together.low) / (alone.high - alone.low)
    assert ratio == pytest.approx(sqrt(10), rel=0.15)


def test_repeats_do_not_feign_more_items() -> None:
    """Asking the same thing nine times leaves the interval as wide as asking once."""
    once, often = measure(judged(KNOWN, 1), VALUES), measure(judged(KNOWN, 9), VALUES)

    assert (once.kappa, once.kappa_low, once.kappa_high) == (often.kappa, often.kappa_low, often.kappa_high)
    assert once.self_consistency is None and often.self_consistency == 1


@settings(deadline=None, max_examples=60)
@given(ITEMS, st.randoms(use_true_random=False))
def test_figures_stay_within_bounds_in_any_order(items: list[Judged], order: random.Random) -> None:
    """Shares lie in 0..1, kappa within its interval, and the order of items changes nothing."""
    told = measure(items, VALUES, resamples=99)
    mixed = order.sample(items, len(items))

    for share in (told.accuracy, told.base_rate, told.constant_accuracy, told.tpr, told.tnr):
        assert share is None or 0 <= share <= 1
    assert told.self_consistency is None or 0 <= told.self_consistency <= 1
    if told.kappa is not None:
        assert told.kappa_low is not None and told.kappa_high is not None
        assert -1 <= told.kappa_low <= told.kappa <= told.kappa_high <= 1
    heard = {item.label for item in items if any(item.rulings)}
    assert (told.kappa is None) == (len(heard) < 2)
    assert sum(sum(row.values()) for row in told.confusion.values()) == told.rulings - told.unreadable
    assert measure(mixed, VALUES, resamples=99) == told


@settings(deadline=None, max_examples=30)
@given(st.lists(VERDICT, min_size=2, max_size=30))
def test_a_perfect_judge_and_a_constant_one(labels: list[str]) -> None:
    """Kappa 1 and no less for the one, 0 for the other, whatever accuracy the constant one has."""
    right = measure(judged([(label, label) for label in labels]), VALUES, resamples=99)
    same = measure(judged([(label, "good") for label in labels]), VALUES, resamples=99)

    if len(set(labels)) == 1:
        assert right.kappa is None and same.kappa is None
        return
    assert (right.accuracy, right.kappa, right.kappa_high, right.self_consistency) == (1, 1, 1, 1)
    assert (same.kappa, same.kappa_low, same.kappa_high) == (0, 0, 0)
    assert same.accuracy == labels.count("good") / len(labels)


def test_a_rare_verdict_does_not_show_agreement() -> None:
    """One bad answer in a hundred, found: kappa is 1, yet draws without it show nothing, and the bound says so."""
    told = measure(judged([("good", "good")] * 99 + [("bad", "bad")]), VALUES)

    assert told.kappa == 1
    assert told.kappa_low is not None and told.kappa_low < 0.4


def test_what_was_not_read_counts_apart() -> None:
    """An item without any verdict is no item; a repeat without one is left out of pairs."""
    items = [
        Judged("a", "good", ("good", "", "bad")),
        Judged("b", "bad", ("bad", "bad", "bad")),
        Judged("c", "bad", ("", "", "")),
    ]

    told = measure(items, VALUES)

    assert (told.n, told.rulings, told.unreadable) == (2, 9, 4)
    assert told.self_consistency == pytest.approx(3 / 4)
    assert told.accuracy == pytest.approx(4 / 5)


def test_nothing_gives_no_figures() -> None:
    """Nothing is 0 where nothing was measured."""
    told = measure([], VALUES)

    assert (told.n, told.accuracy, told.kappa, told.tpr, told.self_consistency) == (0, None, None, None, None)
    assert consistency([["a"]]) is None and krippendorff_alpha([["a"]]) is None and cohen_kappa([]) is None


def test_slices_and_people() -> None:
    """Kappa by tag, None where a tag has one verdict only; people's kappa over their ratings."""
    items = [
        Judged("a", "good", ("good",), tags=("short",), ratings=("good", "good")),
        Judged("b", "bad", ("bad",), tags=("short", "long"), ratings=("bad", "bad")),
        Judged("c", "bad", ("good",), tags=("long",), ratings=("bad", "good")),
    ]

    told = measure(items, VALUES)

    assert [(part.tag, part.n, part.kappa) for part in told.slices] == [("long", 2, None), ("short", 2, 1.0)]
    assert told.human_kappa == cohen_kappa([("good", "good"), ("bad", "bad"), ("bad", "good")])
    assert told.human_pairs == 3


def figures(tpr: float | None, tnr: float | None, yes: int = 50, no: int = 50) -> Figures:
    """Figures with these rates."""
    return replace(measure([], VALUES), n=yes + no, positives=yes, tpr=tpr, tnr=tnr)


def test_a_corrected_rate_is_rogan_and_gladens() -> None:
    """With TPR 0.8 and TNR 0.9, 45 % positive means 50 %."""
    assert corrected(0.45, 200, figures(0.8, 0.9)).value == pytest.approx(0.5, abs=1e-9)


def test_the_interval_is_lang_and_reiczigels() -> None:
    """The published formula, computed step by step: 23 of 150 positive, TPR 48 of 50, TNR 178 of 200."""
    z2 = 3.841458820694124
    seen, sense, spec = (23 + z2 / 2) / (150 + z2), 49 / 52, 179 / 202
    middle = (seen + spec - 1) / (sense + spec - 1)
    spread = (
        seen * (1 - seen) / (150 + z2)
        + sense * (1 - sense) / 52 * middle**2
        + spec * (1 - spec) / 202 * (1 - middle) ** 2
    ) ** 0.5 / (sense + spec - 1)
    shift = 2 * z2 * (middle * sense * (1 - sense) / 52 - (1 - middle) * spec * (1 - spec) / 202)

    told = corrected(23 / 150, 150, figures(48 / 50, 178 / 200, 50, 200))

    assert told.value == pytest.approx((23 / 150 + 0.89 - 1) / (0.96 + 0.89 - 1), abs=1e-9)
    assert told.low == pytest.approx(max(0.0, middle + shift - z2**0.5 * spread), abs=1e-9)
    assert told.high == pytest.approx(middle + shift + z2**0.5 * spread, abs=1e-9)


def test_the_corrected_interval_holds_the_truth() -> None:
    """In at least 93 % of 2,000 simulated judges of 120 labels and 300 answers, 40 % of them positive."""
    chance = random.Random(7)

    def share(n: int, p: float) -> float:
        return sum(chance.random() < p for _ in range(n)) / n

    held = 0
    for _ in range(2_000):
        seen = share(300, 0.4 * 0.85 + 0.6 * 0.2)
        told = corrected(seen, 300, figures(share(60, 0.85), share(60, 0.8), 60, 60))
        held += told.low <= 0.4 <= told.high

    assert held >= 0.93 * 2_000


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_rate_is_corrected_or_refused(rate: float, tpr: float, tnr: float) -> None:
    """A judge no better than chance corrects nothing; any other gives shares in order."""
    if tpr + tnr <= 1:
        with pytest.raises(JudgeError, match="no better than chance"):
            corrected(rate, 100, figures(tpr, tnr))
        return
    assume(tpr + tnr > 1.001)
    told = corrected(rate, 100, figures(tpr, tnr))
    assert 0 <= told.low <= told.value <= told.high <= 1


def test_a_rate_without_both_kinds_is_refused() -> None:
    """TPR alone corrects nothing, nor do rates of hardly any items."""
    with pytest.raises(JudgeError, match="is not known"):
        corrected(0.5, 100, figures(0.9, None))
    with pytest.raises(JudgeError, match="too few"):
        corrected(0.5, 100, figures(1.0, 0.1, 1, 100))
