"""Is the answer as right as the expected one: asked of a judge."""

from __future__ import annotations

from dataclasses import replace

from evals.judging.scoring import Judged, golds, unscored
from evals.judging.types import Judge
from evals.scorer import Scorer
from evals.scorers.text import without_citations
from evals.types import Case, Output, Score


def answer_judged(judge: Judge) -> Scorer:
    """1 when a judge finds the answer as right as the expected one, 0.5 when something is missing; else 0."""
    return _Answer("answer_judged", judge, "answer")


class _Answer(Judged):
    def applies(self, case: Case) -> bool:
        """As in Scorer."""
        return case.expected.answer is not None

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer. An empty answer is wrong, and nobody is asked."""
        answer = without_citations(output.text)
        if not answer.strip():
            return Score.of(0.0, "the answer is empty", looked_at="an empty answer")
        material = {"question": _asked(case), "expected": golds(case), "answer": answer}
        ruling = await self.ruled(material, output)
        if not ruling.verdict:
            return unscored(ruling)
        told = f"{ruling.verdict}: {ruling.explanation}" if ruling.explanation else ruling.verdict
        value = self.rubric.verdicts[ruling.verdict]
        score = Score.of(value, told, looked_at="the answer beside the expected one")
        return replace(score, usage=ruling.usage)


def _asked(case: Case) -> str:
    """What the user said."""
    if case.question is not None:
        return case.question
    said = [message.get("content") for message in case.messages if message.get("role") == "user"]
    return "\n".join([*(text for text in said if isinstance(text, str)), *case.turns])
