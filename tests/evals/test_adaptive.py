"""Adaptive repeats: who is asked again, and that both arms are treated alike."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from evals.adaptive import again, disagreeing
from evals.run import RunItem
from evals.types import Score
from tests.evals.conftest import make_run, missing


def items(**values: list[float | Score]) -> list[RunItem]:
    """One arm, of one metric."""
    return list(make_run({"exact": values}).items)


def test_a_case_is_asked_again_where_the_arms_disagree() -> None:
    """Both pass, both fail: settled. One of each: not."""
    before = items(c=[0.0], a=[1.0], b=[1.0])
    after = items(a=[1.0], b=[0.0], c=[1.0])

    assert disagreeing(before, after, ["exact"]) == ["b", "c"]
    assert disagreeing(before, after, []) == []


def test_any_of_the_metrics_is_enough() -> None:
    """Each case once, in order."""
    before = make_run({"exact": {"a": [1.0], "b": [1.0]}, "f1": {"a": [0.5], "b": [0.5]}}).items
    after = make_run({"exact": {"a": [1.0], "b": [0.0]}, "f1": {"a": [0.4], "b": [0.4]}}).items

    assert disagreeing(before, after, ["exact"]) == ["b"]
    assert disagreeing(before, after, ["exact", "f1"]) == ["a", "b"]


def test_means_over_the_repeats_are_what_is_compared() -> None:
    """One of two is one of two, in whichever repeat."""
    assert disagreeing(items(a=[1.0, 0.0]), items(a=[0.0, 1.0]), ["exact"]) == []


def test_a_case_that_one_arm_could_not_be_scored_on_is_asked_again() -> None:
    """It may be had at the second try; without a value in either arm there is nothing to settle."""
    before = items(a=[1.0], b=[missing()], c=[missing()])
    after = items(a=[missing()], b=[0.0], c=[missing()])

    assert disagreeing(before, after, ["exact"]) == ["a", "b"]


def test_a_case_that_is_not_the_same_in_both_arms_is_left_alone() -> None:
    """Other content, or not asked in one of them."""
    before = items(a=[1.0], b=[1.0])
    after = [replace(item, sha256="new") for item in items(a=[0.0])]

    assert disagreeing(before, after, ["exact"]) == []


def test_what_is_asked_again_is_decided_by_the_screen_alone() -> None:
    """A run that broke off after some of the repeats asks for the same ones when it goes on."""
    before, after = items(a=[1.0], b=[1.0]), items(a=[1.0], b=[0.0])
    half_done = [*before, *(replace(item, repeat=1) for item in items(a=[0.0], b=[0.0]))]

    wanted = [("b", 1), ("b", 2), ("b", 3), ("b", 4)]
    assert again(before, after, ["exact"], screen=1, repeats=5) == wanted
    assert again(half_done, after, ["exact"], screen=1, repeats=5) == wanted
    assert again(before, after, ["exact"], screen=1, repeats=1) == []


ARM = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=2, max_size=2),
    min_size=1,
)


@given(ARM, ARM, st.randoms(use_true_random=False))
def test_swapping_the_arms_or_the_order_of_calls_changes_nothing(
    one: dict[str, list[float]], other: dict[str, list[float]], chance: random.Random
) -> None:
    """What makes the rule fair: under an unchanged prompt the arms are exchangeable."""
    before, after = items(**one), items(**other)  # type: ignore[arg-type]
    found = disagreeing(before, after, ["exact"])

    assert disagreeing(after, before, ["exact"]) == found
    assert (
        disagreeing(chance.sample(before, len(before)), chance.sample(after, len(after)), ["exact"]) == found
    )
    assert found == sorted(found)
