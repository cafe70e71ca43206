"""A ruling becomes a score, or the reason why there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.errors import JudgeError
from evals.judging import scoring
from evals.judging.types import Ruling
from evals.scorer import ref
from evals.types import Cause, Expected, Hit, Output, Status, Usage
from tests.evals.judging.told import REFUSED, Told, case, output, ruled

MATERIAL = {"question": "?", "expected": "a", "answer": "b"}


def test_a_scorer_tells_its_judge() -> None:
    """In the run: identity, version, and why it is advisory."""
    scorer = scoring.Judged("mine", Told(lambda rubric, told: REFUSED), "answer")

    told = ref(scorer)  # type: ignore[arg-type]

    assert told.judge == f"{'answer':x<64}"
    assert (told.version, told.advisory) == ("1+answerxxxxxx", "answer is only told")
    assert scorer.most_rulings(case()) == 1


async def test_more_than_a_judge_is_shown_is_not_cut() -> None:
    """It is unscored: a part would pass for the whole."""
    judge = Told(lambda rubric, told: ruled("correct"))
    scorer = scoring.Judged("mine", judge, "answer")

    ruling = await scorer.ruled(MATERIAL | {"answer": "x" * scoring.MOST_CHARS}, output())

    assert "more than the 200,000 that a judge is shown" in ruling.reason
    assert judge.asked == []


async def test_a_judge_that_cannot_be_asked_is_a_reason() -> None:
    """Not an exception."""

    def fails(rubric: object, told: object) -> Ruling:
        raise JudgeError("the key is refused", fix="give another")

    ruling = await scoring.Judged("mine", Told(fails), "answer").ruled(MATERIAL, output())

    assert (ruling.verdict, ruling.reason) == ("", "the key is refused: give another")


@pytest.mark.parametrize("meets", [True, False])
async def test_a_reply_of_the_model_under_test_is_told_to_the_judge(meets: bool) -> None:
    """Which says whether that may be."""
    met = []

    class Meeting(Told):
        def meet(self, model: str) -> None:
            met.append(model)
            raise JudgeError("that is me")

    scorer = scoring.Judged("mine", Meeting(lambda rubric, told: ruled("correct")), "answer")

    ruling = await scorer.ruled(MATERIAL, replace(output(), answered_model="j" if meets else "t"))

    assert met == (["j"] if meets else [])
    assert ruling.reason == ("that is me" if meets else "")


def test_a_ruling_without_verdict_is_unscored_with_its_reply() -> None:
    """The scorer's fault, and never a number."""
    score = scoring.unscored(REFUSED)

    assert (score.status, score.value, score.cause) == (Status.UNSCORED, None, Cause.SCORER)
    assert (score.reason, score.reply, score.usage) == ("the judge refused", "No.", Usage(10, 1))


def test_tokens_are_added_up_or_not_told() -> None:
    """A part would pass for the whole."""
    assert scoring.usage([ruled("a"), ruled("b")]) == Usage(20, 2)
    assert scoring.usage([ruled("a"), Ruling("b")]) is None
    assert scoring.usage([]) is None


def test_expected_answers_and_passages_are_texts() -> None:
    """Other wordings are listed; hits are numbered in their order, cut at k."""
    hits = (Hit("b", 0.5, "two", 2), Hit("a", 0.9, "one", 1), Hit("c", 0.1, "three", 3))

    assert scoring.golds(case()) == "Blue."
    assert scoring.golds(replace(case(), expected=Expected("a", ("b", "a")))) == "- a\n- b"
    assert scoring.passages(scoring.first(Output(hits=hits), 2)) == "[1] one\n\n[2] two"
    assert scoring.first(Output(hits=None), 2) == []
