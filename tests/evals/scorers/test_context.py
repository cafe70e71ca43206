"""What the search found is judged by its use for the expected answer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorer import build
from evals.scorers.context import claims_of, ranked_precision
from evals.types import Cause, Output, Status, Usage
from tests.evals.judging.told import REFUSED, Told, case, output, ruled

FOUND = ("blue one", "red", "blue two", "green")


def useful(rubric: object, told: dict[str, str]) -> object:
    """Whether the passage is blue."""
    return ruled("useful" if "blue" in told["passage"] else "useless")


async def test_early_useful_hits_count_more() -> None:
    """(1/1 + 2/3) / 2 for the first and the third of the first three."""
    judge = Told(useful)  # type: ignore[arg-type]

    score = await build("context_precision@3", judge=judge)(case(), output("x", *FOUND))

    assert score.value == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert (score.reason, score.looked_at) == ("2 of 3 hits are useful", "3 hits, one by one")
    assert score.usage == Usage(30, 3)
    assert [told["passage"] for _, told in judge.asked] == list(FOUND[:3])


@given(st.lists(st.booleans(), max_size=12))
def test_precision_by_rank_is_the_mean_over_useful_places(places: list[bool]) -> None:
    """By its definition; 1 exactly when every useful hit comes first, 0 without any."""
    at = [sum(places[: place + 1]) / (place + 1) for place, one in enumerate(places) if one]

    value = ranked_precision(places)

    assert value == pytest.approx(sum(at) / len(at) if at else 0.0)
    assert (value == 1.0) == (any(places) and places == sorted(places, reverse=True))


async def test_one_hit_without_a_verdict_leaves_no_value() -> None:
    """A mean over the others would pass for all."""
    judge = Told(lambda rubric, told: REFUSED if told["passage"] == "red" else ruled("useful"))

    score = await build("context_precision@4", judge=judge)(case(), output("x", *FOUND))

    assert (score.status, score.reason, score.reply) == (Status.UNSCORED, "the judge refused", "No.")
    assert score.usage == Usage(40, 4)


async def test_recall_is_the_share_of_statements_that_are_found() -> None:
    """One ruling for all, against the first k."""
    judge = Told(lambda rubric, told: ruled("missing", "found", "missing", explanation="Half."))

    score = await build("context_recall@2", judge=judge)(
        case("The sky is blue. Grass is green."), output("x", *FOUND)
    )

    assert (score.value, score.reason, score.looked_at) == (0.5, "Half.", "2 statements against 2 hits")
    [(_, told)] = judge.asked
    assert json.loads(told["statements"]) == ["The sky is blue.", "Grass is green."]
    assert told["context"] == "[1] blue one\n\n[2] red"


@pytest.mark.parametrize("name", ["context_precision@2", "context_recall@2"])
async def test_nothing_found_is_zero_and_nothing_searched_is_unscored(name: str) -> None:
    """And nobody is asked."""
    judge = Told(lambda rubric, told: REFUSED)
    scorer = build(name, judge=judge)

    nothing, unsearched = await scorer(case(), output("x")), await scorer(case(), Output(hits=None))

    assert nothing.value == 0.0
    assert (unsearched.status, unsearched.cause) == (Status.UNSCORED, Cause.TARGET)
    assert judge.asked == []
    assert scorer.applies(case()) and not scorer.applies(case(None))


async def test_an_expected_answer_that_states_nothing_has_no_recall() -> None:
    """Nothing to look for is not a failure."""
    judge = Told(lambda rubric, told: REFUSED)

    score = await build("context_recall", judge=judge)(case("  "), output("x", *FOUND))

    assert (score.status, score.cause) == (Status.UNSCORED, Cause.EMPTY)


def test_a_phrase_is_one_statement() -> None:
    """However short; sentences are told apart."""
    assert claims_of("14 days") == ["14 days"]
    assert claims_of("yes") == ["yes"]
    assert claims_of("") == []
