"""Groundedness: the guardrail's measure, with "could not measure" kept apart from numbers."""

from __future__ import annotations

import pytest

from evals.scorer import build
from evals.scorers.grounding import _EMPTY
from evals.types import Case, Cause, Expected, ExpectedVerdict, Hit, Output
from guardrails.checks import grounding as measure

CONTEXT = "The Quayside shop opens at 9 and closes at 18:30 on weekdays. Tools are returned before closing."
CASE = Case("c", "h", question="When does Quayside close on weekdays?")


def hits(*texts: str) -> tuple[Hit, ...]:
    """Hits with these texts."""
    return tuple(Hit(f"d{rank}", 1.0, text, rank) for rank, text in enumerate(texts, start=1))


async def test_a_supported_answer_scores_above_an_invented_one() -> None:
    """And the invented one is pointed at, with offsets in the answer."""
    scorer = build("groundedness")
    invented = "Quayside closes at 23:45 and serves champagne to every dragon in Atlantis."

    good = await scorer(CASE, Output(text="Quayside closes at 18:30 on weekdays.", hits=hits(CONTEXT)))
    bad = await scorer(CASE, Output(text=invented, hits=hits(CONTEXT)))

    assert good.value is not None
    assert bad.value is not None
    assert good.value > bad.value
    assert bad.spans
    assert all(0 <= span.start < span.end <= len(invented) for span in bad.spans)
    assert scorer.version.startswith("1+")


@pytest.mark.parametrize(
    ("found", "text", "cause"),
    [
        (None, "It closes at 9.", Cause.TARGET),
        ((), "It closes at 9.", Cause.EMPTY),
        (hits(CONTEXT), "I do not know.", Cause.EMPTY),
        (hits(CONTEXT), "商店九点开门。", Cause.EMPTY),
        (hits(CONTEXT), "xxxx…", Cause.EMPTY),
        (hits(" "), "It closes at 9.", Cause.EMPTY),
    ],
)
async def test_what_cannot_be_measured_is_unscored(
    found: tuple[Hit, ...] | None, text: str, cause: Cause
) -> None:
    """No hits, no text in them, no claim: a reason instead of 0, 1 or NaN."""
    score = await build("groundedness")(CASE, Output(text=text, hits=found))

    assert (score.value, score.cause) == (None, cause)
    assert score.reason


GERMAN = "Das Geschäft in Quayside schließt an Werktagen um halb sieben und ist am Sonntag nicht geöffnet."


async def test_every_reason_is_told_in_words() -> None:
    """The measure's own word for it comes first, where it says more than the sentence does."""
    score = await build("groundedness")(CASE, Output(text=GERMAN, hits=hits(CONTEXT)))
    reasons = {
        value
        for name, value in vars(measure).items()
        if name.isupper() and isinstance(value, str) and value.replace("_", "").isalpha()
    }

    assert score.reason == "other_language: the answer is in another language than the hits"
    assert len(reasons) >= 5
    assert reasons <= set(_EMPTY)


def test_it_applies_to_questions_but_not_to_guardrail_cases() -> None:
    """A chat about tools has no context to be grounded in."""
    scorer = build("groundedness")
    guarded = Case("c", "h", question="q", expected=Expected(guardrail=ExpectedVerdict("allow")))

    assert scorer.applies(CASE)
    assert not scorer.applies(guarded)
    assert not scorer.applies(Case("c", "h", messages=({"role": "user"},)))


@pytest.mark.parametrize("name", ["groundedness", "groundedness_t1"])
async def test_a_score_tells_what_it_looked_at(name: str) -> None:
    """Claims and hits are counted, and all of the context was read; an invention scores lower in both tiers."""
    scorer = build(name)
    good = await scorer(CASE, Output(text="Quayside closes at 18:30 on weekdays.", hits=hits(CONTEXT)))
    bad = await scorer(
        CASE, Output(text="Quayside closes at 23:45. Dragons dine there.", hits=hits(CONTEXT, "x"))
    )

    assert (good.looked_at, good.coverage) == ("1 claim against 1 hit", 1.0)
    assert (bad.looked_at, bad.coverage) == ("2 claims against 2 hits", 1.0)
    assert good.value is not None and bad.value is not None and bad.value < good.value
    assert scorer.name == name and scorer.version.startswith("1+")
