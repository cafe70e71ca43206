"""Is what the answer claims supported by what was retrieved: the guardrail's own measure, used as a scorer."""

from __future__ import annotations

import asyncio

from evals.scorer import Scorer
from evals.types import Case, Cause, Output, Score, ScoreSpan


def groundedness() -> Scorer:
    """How well the hits support the answer, 0 to 1, and the spans that they do not. Local; needs no model or key."""
    return _Groundedness()


class _Groundedness:
    name, version, higher_is_better = "groundedness", "1", True

    def applies(self, case: Case) -> bool:
        """Every case that asks a question with relevant passages; others are not about retrieved text."""
        return case.question is not None and bool(case.relevant)

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer; the measure runs in a thread. No hits or no checkable claim is unscored."""
        if output.hits is None:
            return Score.unscored("the target searched nothing", Cause.TARGET)
        if not output.hits:
            return Score.unscored("the search found nothing to compare with", Cause.EMPTY)
        return await asyncio.to_thread(
            _measure, case.question or "", [hit.text for hit in output.hits], output.text
        )


def _measure(question: str, context: list[str], answer: str) -> Score:
    from guardrails.checks.grounding import score

    found = score(question, context, answer)
    if found.value is None:
        return Score.unscored(found.reason or "the answer makes no checkable claim", Cause.EMPTY)
    spans = tuple(ScoreSpan(start, end, kind, evidence or "") for start, end, kind, evidence in found.spans)
    return Score.of(found.value, found.reason or "", spans)
