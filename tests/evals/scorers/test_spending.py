"""Tokens and their price: what is not told is not nought."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.ledger import Prices, ledger
from evals.run import RunItem
from evals.scorer import build
from evals.types import Case, Cause, Output, Usage

CASE = Case("c", "h", question="q")
PRICES = Prices(0.15, 0.60)


@pytest.mark.parametrize(
    ("name", "value"), [("prompt_tokens", 1200), ("completion_tokens", 7), ("cost", 0.0001842)]
)
async def test_what_an_answer_took(name: str, value: float) -> None:
    """Every case has it, and less is better."""
    scorer = build(name, prices=PRICES)
    score = await scorer(CASE, Output(usage=Usage(1200, 7)))

    assert scorer.applies(CASE)
    assert not scorer.higher_is_better
    assert score.value == value


@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens", "cost"])
async def test_tokens_that_nobody_told_are_not_nought(name: str) -> None:
    """The target said nothing."""
    score = await build(name, prices=PRICES)(CASE, Output())

    assert (score.value, score.cause, score.reason) == (None, Cause.TARGET, "the target does not tell tokens")


async def test_without_a_price_there_is_no_cost() -> None:
    """Nobody failed: there is nothing to reckon with."""
    score = await build("cost")(CASE, Output(usage=Usage(1, 1)))

    assert (score.value, score.cause, score.reason) == (None, Cause.EMPTY, "no price was given")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20))
async def test_costs_add_up_to_what_the_run_cost(used: list[tuple[int, int]]) -> None:
    """The ledger's sum, as far as it has digits; no token is rounded away."""
    scorer = build("cost", prices=PRICES)
    items = [RunItem("c", "h", at, Output(usage=Usage(*each)), {}) for at, each in enumerate(used)]
    scores = [await scorer(CASE, item.output) for item in items]

    assert sum(score.value or 0.0 for score in scores) == pytest.approx(ledger(items, PRICES).usd, abs=6e-7)
    assert (await scorer(CASE, Output(usage=Usage(1, 0)))).value == 0.15e-6
