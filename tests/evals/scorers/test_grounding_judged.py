"""The local measure decides where it is sure, the judge where it is not."""

from __future__ import annotations

import json

import pytest

from evals.scorer import build, ref
from evals.scorers import grounding_judged
from evals.scorers.grounding_judged import ABOVE, BELOW
from evals.types import Cause, Output, Status, Usage
from guardrails.checks.grounding import OTHER_LANGUAGE, Grounding
from tests.evals.judging.told import REFUSED, Told, case, output, ruled

ANSWER = "Paris has two million people. It lies on the Seine."
FOUND = ("Paris lies on the Seine.", "It is large.")


def measured(monkeypatch: pytest.MonkeyPatch, value: float | None, reason: str = "") -> None:
    """The local measure says this of everything."""
    monkeypatch.setattr(
        grounding_judged, "_local", lambda *told: Grounding(value, reason=reason, threshold=0.5, version="w")
    )


@pytest.mark.parametrize("value", [0.0, 0.5 - BELOW - 0.01, 0.5 + ABOVE, 1.0])
async def test_a_sure_measure_stands_alone(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Nobody is asked, and the score says so."""
    measured(monkeypatch, value)
    judge = Told(lambda rubric, told: REFUSED)

    score = await build("groundedness_judged", judge=judge)(case(), output(ANSWER, *FOUND))

    assert (score.value, score.looked_at, score.coverage) == (
        value,
        "2 hits; the local measure was sure",
        1.0,
    )
    assert judge.asked == []


@pytest.mark.parametrize("value", [0.5 - BELOW + 0.001, 0.5, 0.5 + ABOVE - 0.001])
async def test_within_the_band_the_judge_decides(monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """By claim: what it does not find supported is marked in the answer."""
    measured(monkeypatch, value)
    judge = Told(lambda rubric, told: ruled("contradicted", "contradicted", "supported"))

    score = await build("groundedness_judged", judge=judge)(case(), output(ANSWER, *FOUND))

    assert score.value == 0.0
    [span] = score.spans
    assert (ANSWER[span.start : span.end], span.kind) == ("Paris has two million people.", "conflict")
    assert (
        score.looked_at
        == f"2 claims against 2 hits; the local measure was unsure ({value}), the judge decided"
    )
    assert (score.usage, score.coverage) == (Usage(10, 1), 1.0)
    [(name, told)] = judge.asked
    assert name == "groundedness"
    assert json.loads(told["claims"]) == ["Paris has two million people.", "It lies on the Seine."]


async def test_all_supported_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mark."""
    measured(monkeypatch, 0.5)
    judge = Told(lambda rubric, told: ruled("supported", "supported", "supported"))

    score = await build("groundedness_judged", judge=judge)(case(), output(ANSWER, *FOUND))

    assert (score.value, score.spans) == (1.0, ())


async def test_hits_in_another_language_are_for_the_judge() -> None:
    """The local measure says so itself; a judge reads both."""
    judge = Told(lambda rubric, told: ruled("supported", "supported"))
    german = (
        "Der Hafen ist an allen Tagen der Woche geöffnet, und die Gäste zahlen für die Nacht an der Kasse."
    )
    english = "The harbor is open on all days of the week, and guests pay for the night at the desk."

    assert grounding_judged._local("", [german], english).reason == OTHER_LANGUAGE
    score = await build("groundedness_judged", judge=judge)(case(), output(english, german))

    assert (score.value, len(judge.asked)) == (1.0, 1)
    assert "compares no two languages, the judge decided" in score.looked_at


async def test_what_the_measure_cannot_read_the_judge_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another script, or an answer without words to look for."""
    measured(monkeypatch, None, "unsupported_script")
    judge = Told(lambda rubric, told: ruled("unsupported", "unsupported"))

    score = await build("groundedness_judged", judge=judge)(case(), output("Он стоит на Сене.", *FOUND))

    assert score.value == 0.0
    assert "does not read its script, the judge decided" in score.looked_at
    assert [(span.start, span.end, span.kind) for span in score.spans] == [(0, 17, "baseless")]


async def test_a_judge_that_says_nothing_leaves_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unsure value of the local measure does not stand in for it."""
    measured(monkeypatch, 0.5)

    score = await build("groundedness_judged", judge=Told(lambda rubric, told: REFUSED))(
        case(), output(ANSWER, *FOUND)
    )

    assert (score.status, score.cause, score.reply) == (Status.UNSCORED, Cause.SCORER, "No.")


async def test_nothing_to_compare_is_unscored() -> None:
    """By the real measure: no search, no hits, no claim."""
    judge = Told(lambda rubric, told: REFUSED)
    scorer = build("groundedness_judged", judge=judge)

    told = [
        await scorer(case(), Output(text=ANSWER, hits=None)),
        await scorer(case(), output(ANSWER)),
        await scorer(case(), output("Hello!", *FOUND)),
    ]

    assert [score.cause for score in told] == [Cause.TARGET, Cause.EMPTY, Cause.EMPTY]
    assert judge.asked == []


def test_its_version_is_known_from_the_start() -> None:
    """Of the judge and of the local measure's weights."""
    told = ref(build("groundedness_judged", judge=Told(lambda rubric, told: REFUSED)))

    one, judge, weights = told.version.split("+")
    assert (one, judge) == ("1", "groundedness")
    assert weights
