"""Is what the search found of use: asked of a judge, for questions whose relevant passages nobody has listed.

Not trec_eval's precision and recall, which count labelled documents (evals.scorers.retrieval), and so named otherwise.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace

from evals.judging.scoring import Judged, first, golds, passages, unscored, usage
from evals.judging.types import Judge
from evals.scorer import Scorer
from evals.types import Case, Cause, Hit, Output, Score


def context_precision(judge: Judge, k: int = 5) -> Scorer:
    """Mean, over the useful ones of the first k hits, of the share of useful hits down to each; 0 without any."""
    return _Precision(f"context_precision@{k}", judge, "context_precision", k)


def context_recall(judge: Judge, k: int = 5) -> Scorer:
    """Share of the statements of the expected answer that the first k hits hold."""
    return _Recall(f"context_recall@{k}", judge, "context_recall", k)


class _Context(Judged, ABC):
    def __init__(self, name: str, judge: Judge, rubric: str, k: int) -> None:
        super().__init__(name, judge, rubric)
        self.k = k

    def applies(self, case: Case) -> bool:
        """As in Scorer: a question with an expected answer."""
        return case.question is not None and case.expected.answer is not None

    async def __call__(self, case: Case, output: Output, /) -> Score:
        """As in Scorer. A search that found nothing scores 0, a target that searched nothing is unscored."""
        if output.hits is None:
            return Score.unscored("the target searched nothing", Cause.TARGET)
        hits = first(output, self.k)
        if not hits:
            return Score.of(0.0, "the search found nothing", looked_at="0 hits")
        return await self.measured(case, output, hits)

    @abstractmethod
    async def measured(self, case: Case, output: Output, hits: Sequence[Hit]) -> Score:
        """The score of some hits."""


class _Precision(_Context):
    def most_rulings(self, case: Case) -> int:
        """One a hit."""
        return self.k

    async def measured(self, case: Case, output: Output, hits: Sequence[Hit]) -> Score:
        """As in _Context. One hit without a verdict leaves all without a value."""
        common = {"question": case.question or "", "expected": golds(case)}
        rulings = await asyncio.gather(*(self.ruled({**common, "passage": hit.text}, output) for hit in hits))
        for ruling in rulings:
            if not ruling.verdict:
                return unscored(ruling, rulings)
        useful = [self.rubric.verdicts[ruling.verdict] > 0 for ruling in rulings]
        said = f"{sum(useful)} of {len(useful)} hits are useful"
        score = Score.of(ranked_precision(useful), said, looked_at=f"{len(hits)} hits, one by one")
        return replace(score, usage=usage(rulings))


class _Recall(_Context):
    async def measured(self, case: Case, output: Output, hits: Sequence[Hit]) -> Score:
        """As in _Context. An expected answer that states nothing is unscored."""
        statements = claims_of(case.expected.answer or "")
        if not statements:
            return Score.unscored("the expected answer states nothing", Cause.EMPTY)
        material = {
            "question": case.question or "",
            "context": passages(hits),
            "statements": json.dumps(statements),
        }
        ruling = await self.ruled(material, output)
        if not ruling.verdict:
            return unscored(ruling)
        values = [self.rubric.verdicts[verdict] for verdict in ruling.verdicts]
        looked_at = f"{len(statements)} statements against {len(hits)} hits"
        score = Score.of(sum(values) / len(values), ruling.explanation, looked_at=looked_at)
        return replace(score, usage=ruling.usage)


def ranked_precision(useful: Sequence[bool]) -> float:
    """Mean of precision@i over the places i that are useful; 0 without any. Early useful hits count more."""
    ranks = [place for place, one in enumerate(useful, start=1) if one]
    return sum(found / rank for found, rank in enumerate(ranks, start=1)) / len(ranks) if ranks else 0.0


def claims_of(text: str) -> list[str]:
    """The sentences of a text that claim something; a text that is one short phrase is one claim."""
    from guardrails.checks.grounding_text import claims

    found = [text[piece.start : piece.end] for piece in claims(text)]
    return found or ([text.strip()] if text.strip() else [])
