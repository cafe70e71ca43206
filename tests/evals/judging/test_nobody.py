"""Scorers are known by name before there is a judge."""

from __future__ import annotations

import pytest

from evals.errors import JudgeError, ScorerError
from evals.judging import rubrics
from evals.judging.nobody import NOBODY, judged
from evals.scorer import BUILT_IN, build, ref


def test_those_that_ask_are_told_from_the_others() -> None:
    """In their order, as they were named."""
    names = ["exact", "context_recall@3", "recall", "answer_judged"]

    assert judged(names) == ["context_recall@3", "answer_judged"]
    assert set(judged(list(BUILT_IN))) >= {
        "answer_judged", "context_precision", "context_recall", "groundedness_judged",
    }  # fmt: skip


def test_a_name_that_is_none_is_still_refused() -> None:
    """By the same message as ever."""
    with pytest.raises(ScorerError, match="no scorer 'answer_jugded'"):
        judged(["answer_jugded"])


async def test_nobody_has_no_identity_and_gives_no_ruling() -> None:
    """A scorer that was built with it is good for its name alone."""
    assert ref(build("answer_judged", judge=NOBODY)).judge == ""
    assert NOBODY.advisory(rubrics.load("answer")) == ""
    with pytest.raises(JudgeError, match="there is no judge"):
        await NOBODY.rule(rubrics.load("answer"), {})
