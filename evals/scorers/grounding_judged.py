"""Groundedness in two steps: the local measure where it is sure, a judge where it is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from evals.judging.scoring import Judged, passages, unscored
from evals.judging.types import Judge, Ruling
from evals.scorer import Scorer
from evals.types import Case, Cause, Evidence, Hit, Output, Score, ScoreSpan

if TYPE_CHECKING:
    from guardrails.checks.grounding import Grounding, Unsupported

BELOW, ABOVE = 0.10, 0.20
"""The uncertain band: from so much below the local measure's threshold to so much above it.

On human-labelled answers 28 % fall into it; the local measure is wrong about 39 % of those and 15 % of the others.
"""
_UNDECIDED = {
    "unsupported_script": "the local measure does not read its script",
    "other_language": "the local measure compares no two languages",
    "no_evidence_words": "the local measure finds no word in it to look for",
}
"""What the local measure gives no value for and a judge can."""
_EMPTY = {"no_claim": "the answer makes no checkable claim", "no_context": "the hits hold no text"}
_KINDS = {"contradicted": "conflict", "unsupported": "baseless"}


def groundedness_judged(judge: Judge) -> Scorer:
    """How well the hits support the answer, 0 to 1: measured locally, asked of a judge where that is unsure."""
    return _Grounded("groundedness_judged", judge, "groundedness")


@dataclass(frozen=True, slots=True)
class _Claim:
    start: int
    end: int
    text: str


class _Grounded(Judged):
    @property
    def version(self) -> str:
        """Names the judge's identity and the local measure's weights."""
        return f"{super().version}+{_weights()}"

    def applies(self, case: Case) -> bool:
        """Every case that asks a question, but those that only test guardrails."""
        return case.question is not None and case.expected.guardrail is None

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer. No hits or no checkable claim is unscored, and nobody is asked."""
        if output.hits is None:
            return Score.unscored("the target searched nothing", Cause.TARGET)
        if not output.hits:
            return Score.unscored("the search found nothing to compare with", Cause.EMPTY)
        hits = sorted(output.hits, key=lambda hit: hit.rank)
        context = [hit.text for hit in hits]
        found = await asyncio.to_thread(_local, case.question or "", context, output.text)
        if found.value is None and found.reason not in _UNDECIDED:
            return Score.unscored(_EMPTY.get(found.reason, found.reason), Cause.EMPTY)
        if found.value is not None and not uncertain(found.value, found.threshold):
            spans = tuple(map(_span, found.spans))
            looked_at = f"{len(hits)} hits; the local measure was sure"
            return Score.of(found.value, spans=spans, looked_at=looked_at, coverage=found.coverage)
        return await self._asked(case, output, hits, found)

    async def _asked(self, case: Case, output: Output, hits: Sequence[Hit], found: Grounding) -> Score:
        claims = _claims(output.text)
        material = {
            "question": case.question or "",
            "context": passages(hits),
            "claims": json.dumps([claim.text for claim in claims]),
        }
        ruling = await self.ruled(material, output)
        if not ruling.verdict:
            return unscored(ruling)
        why = _UNDECIDED.get(found.reason, f"the local measure was unsure ({found.value})")
        score = Score.of(
            self.rubric.verdicts[ruling.verdict],
            ruling.explanation,
            spans=_spans(claims, ruling, found),
            looked_at=f"{len(claims)} claims against {len(hits)} hits; {why}, the judge decided",
            coverage=1.0,
        )
        return replace(score, usage=ruling.usage)


def uncertain(value: float, threshold: float) -> bool:
    """Whether the local measure's value is too close to its threshold to stand alone."""
    return threshold - BELOW <= value < threshold + ABOVE


def _local(question: str, context: list[str], answer: str) -> Grounding:
    """The local measure: tier T0, since T1 ranks no better."""
    from guardrails.checks import grounding

    return grounding.score(question, context, answer)


@cache
def _weights() -> str:
    """The local measure's version, which is known once it has measured something."""
    return _local("", ["Water boils."], "Water boils.").version


def _claims(answer: str) -> list[_Claim]:
    """The answer's sentences that claim something; all of it, where none is told apart."""
    from guardrails.checks.grounding_text import claims

    found = [_Claim(piece.start, piece.end, answer[piece.start : piece.end]) for piece in claims(answer)]
    return found or [_Claim(0, len(answer), answer)]


def _spans(claims: Sequence[_Claim], ruling: Ruling, found: Grounding) -> tuple[ScoreSpan, ...]:
    """The claims that the judge does not find supported, with the place that the local measure found for each."""
    nearest = {(span.start, span.end): _span(span).evidence for span in found.spans}
    return tuple(
        ScoreSpan(claim.start, claim.end, _KINDS[verdict], nearest.get((claim.start, claim.end)))
        for claim, verdict in zip(claims, ruling.verdicts, strict=True)
        if verdict in _KINDS
    )


def _span(span: Unsupported) -> ScoreSpan:
    place = span.evidence
    evidence = None if place is None else Evidence(place.context, place.start, place.end)
    return ScoreSpan(span.start, span.end, span.cls, evidence)
