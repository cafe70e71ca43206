"""Is what the answer claims supported by what was retrieved: the guardrail's measure, used as a scorer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from evals.scorer import Scorer
from evals.types import Case, Cause, Evidence, Output, Score, ScoreSpan

if TYPE_CHECKING:
    from guardrails.checks.grounding import Grounding, Unsupported


def groundedness() -> Scorer:
    """How well the hits support the answer, 0 to 1, and the spans they do not. Local, no model, no key."""
    return _Groundedness("groundedness", "T0")


def groundedness_t1() -> Scorer:
    """The same with distances of the local encoder that ships: slower, so far no better. No key, no network."""
    return _Groundedness("groundedness_t1", "T1")


class _Groundedness:
    higher_is_better = True

    def __init__(self, name: str, tier: str) -> None:
        self.name, self._tier = name, tier
        self._weights = ""

    @property
    def version(self) -> str:
        """Names the measure's weights by their hash once an answer has been measured."""
        return f"1+{self._weights}" if self._weights else "1"

    def applies(self, case: Case) -> bool:
        """Every case that asks a question, but those that only test guardrails."""
        return case.question is not None and case.expected.guardrail is None

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer; the measure runs in a thread. No hits or no checkable claim is unscored."""
        if output.hits is None:
            return Score.unscored("the target searched nothing", Cause.TARGET)
        if not output.hits:
            return Score.unscored("the search found nothing to compare with", Cause.EMPTY)
        context = [hit.text for hit in output.hits]
        found, claimed = await asyncio.to_thread(
            _measure, self._tier, case.question or "", context, output.text
        )
        self._weights = found.version
        if found.value is None:
            return Score.unscored(_EMPTY.get(found.reason, found.reason), Cause.EMPTY)
        return Score.of(
            found.value,
            spans=tuple(_span(span) for span in found.spans),
            looked_at=f"{_counted(claimed, 'claim')} against {_counted(len(context), 'hit')}",
            coverage=found.coverage,
        )


_EMPTY = {
    "no_claim": "the answer makes no checkable claim",
    "no_context": "the hits hold no text",
    "unsupported_script": "unsupported_script: the answer is mostly in a script that is not read",
    "no_evidence_words": "no_evidence_words: the answer has no word or number to look for",
    "other_language": "other_language: the answer is in another language than the hits",
}


def _measure(tier: str, question: str, context: list[str], answer: str) -> tuple[Grounding, int]:
    """The measure, and how many claims the answer makes."""
    from guardrails.checks import grounding
    from guardrails.checks.grounding_text import claims

    counted = len(claims(answer))
    if tier == "T0":
        return grounding.score(question, context, answer), counted
    from guardrails.checks import grounding_t1

    return grounding_t1.score(question, context, answer), counted


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _span(span: Unsupported) -> ScoreSpan:
    place = span.evidence
    evidence = None if place is None else Evidence(place.context, place.start, place.end)
    return ScoreSpan(span.start, span.end, span.cls, evidence)
