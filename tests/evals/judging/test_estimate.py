"""What judging may cost is told before."""

from __future__ import annotations

import pytest

from evals.judging.estimate import Estimate, estimate
from evals.judging.nobody import NOBODY
from evals.judging.spec import JudgeSpec
from evals.scorer import build_all
from tests.evals.judging.told import case

SPEC = JudgeSpec("http://h/v1", "m", price=(1.0, 2.0))


def test_rulings_are_counted_by_scorer_case_and_repeat() -> None:
    """One a hit where each is judged, none where a scorer does not apply."""
    scorers = build_all(["answer_judged", "context_precision@3", "context_recall@3"], 3, NOBODY)

    told = estimate(scorers, [case(), case(), case(None)], 4, SPEC, 3)

    assert told.rulings == 2 * 4 * (1 + 3 + 1)
    assert told.completion_tokens == 150 * told.rulings
    assert told.usd == pytest.approx(SPEC.prices.usd(told.prompt_tokens, told.completion_tokens))  # type: ignore[union-attr]


def test_longer_questions_and_more_passages_cost_more() -> None:
    """Each ruling is shown what its rubric names."""
    answer, recall = build_all(["answer_judged", "context_recall@9"], 9, NOBODY)

    shorter = estimate([answer], [case()], 1, SPEC, 9).prompt_tokens
    longer = estimate([answer], [case("Blue. " * 1000)], 1, SPEC, 9).prompt_tokens

    assert longer - shorter == pytest.approx(1500, abs=10)
    assert estimate([recall], [case()], 1, SPEC, 9).prompt_tokens > shorter


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "about 0.05 USD; no limit is set"),
        ({"price": None}, "no price is known; no limit is set"),
        ({"limit_calls": 200}, "limit 200 calls"),
        ({"limit_calls": 40}, "limit 40 calls: about 60 rulings would stay unscored"),
        ({"limit_usd": 0.01}, "limit 0.01 USD: about 80 rulings would stay unscored"),
        (
            {"limit_usd": 0.04, "limit_calls": 50},
            "limit 50 calls and 0.04 USD: about 50 rulings would stay unscored",
        ),
    ],
)
def test_the_sentence_says_what_a_limit_leaves_out(told: dict[str, object], words: str) -> None:
    """In dollars only where a price is known."""
    spec = JudgeSpec("http://h/v1", "m", **{"price": (1.0, 2.0), **told})  # type: ignore[arg-type]
    usd = 0.05 if spec.price else None

    said = Estimate(100, 20_000, 15_000, usd).sentence(spec)

    assert said.startswith("m judges at http://h/v1: at most 100 rulings, about 20,000 tokens to read")
    assert said.endswith(words)
