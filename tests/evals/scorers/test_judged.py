"""An answer is judged beside the expected one."""

from __future__ import annotations

import pytest

from evals.scorer import build
from evals.types import Cause, Status, Usage
from tests.evals.judging.told import REFUSED, Told, case, output, ruled


@pytest.mark.parametrize(("verdict", "value"), [("correct", 1.0), ("partly", 0.5), ("wrong", 0.0)])
async def test_each_verdict_has_its_value(verdict: str, value: float) -> None:
    """With the explanation, the tokens, and what was looked at."""
    judge = Told(lambda rubric, told: ruled(verdict, explanation="So it is."))

    score = await build("answer_judged", judge=judge)(case(aliases=("Azure.",)), output("It is blue. [d1]"))

    assert (score.value, score.reason, score.usage) == (value, f"{verdict}: So it is.", Usage(10, 1))
    assert score.looked_at == "the answer beside the expected one"
    assert judge.asked == [
        ("answer", {"question": "Which colour?", "expected": "- Blue.\n- Azure.", "answer": "It is blue."})
    ]


async def test_no_verdict_is_no_value() -> None:
    """With what the judge said."""
    score = await build("answer_judged", judge=Told(lambda rubric, told: REFUSED))(case(), output())

    assert (score.status, score.cause, score.reply) == (Status.UNSCORED, Cause.SCORER, "No.")


async def test_an_empty_answer_is_wrong_and_nobody_is_asked() -> None:
    """Guardrails that blocked it leave one too."""
    judge = Told(lambda rubric, told: ruled("correct"))

    score = await build("answer_judged", judge=judge)(case(), output("  "))

    assert (score.value, judge.asked) == (0.0, [])


def test_it_applies_where_an_answer_is_expected() -> None:
    """And nowhere else."""
    scorer = build("answer_judged", judge=Told(lambda rubric, told: REFUSED))

    assert scorer.applies(case())
    assert not scorer.applies(case(None))
