"""What judging may take, told before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.judging import rubrics
from evals.judging.purse import REPLY_TOKENS, tokens
from evals.judging.scoring import Judged, golds
from evals.judging.spec import JudgeSpec
from evals.scorer import Scorer
from evals.types import Case

PASSAGE_CHARS = 1200
"""Characters that a passage is taken for."""
ANSWER_CHARS = 600
"""Characters that an answer is taken for."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """At most so many rulings, and about so many tokens for them."""

    rulings: int
    prompt_tokens: int
    completion_tokens: int
    usd: float | None = None
    """None without prices."""

    def sentence(self, spec: JudgeSpec) -> str:
        """What a reader is told: how much it may be, the limits, and what they leave out."""
        cost = "no price is known" if self.usd is None else f"about {self.usd:.3g} USD"
        told = (
            f"{spec.model} judges at {spec.base_url}: at most {self.rulings:,} rulings, about "
            f"{self.prompt_tokens:,} tokens to read and {self.completion_tokens:,} to write, {cost}"
        )
        limits = []
        if spec.limit_calls is not None:
            limits.append(f"{spec.limit_calls:,} calls")
        if spec.limit_usd is not None:
            limits.append(f"{spec.limit_usd:g} USD")
        told += f"; limit {' and '.join(limits)}" if limits else "; no limit is set"
        left = self.rulings - self._afforded(spec)
        return f"{told}: about {left:,} rulings would stay unscored" if left > 0 else told

    def _afforded(self, spec: JudgeSpec) -> int:
        most = self.rulings
        if spec.limit_calls is not None:
            most = min(most, spec.limit_calls)
        if spec.limit_usd is not None and self.usd:
            most = min(most, int(self.rulings * spec.limit_usd / self.usd))
        return most


def estimate(
    scorers: Sequence[Scorer], cases: Sequence[Case], times: int, spec: JudgeSpec, k: int
) -> Estimate:
    """What the rulings of some scorers may take when each case is answered so many times, all arms together.

    Repairs and tries that fail come on top, rulings that are known already off.
    """
    rulings = chars = 0
    for scorer in scorers:
        for case in (case for case in cases if scorer.applies(case)):
            each = scorer.most_rulings(case) if isinstance(scorer, Judged) else 1
            rulings += each * times
            chars += each * times * _chars(scorer, case, k)
    read, written = tokens(chars), rulings * REPLY_TOKENS
    usd = None if spec.prices is None else spec.prices.usd(read, written)
    return Estimate(rulings, read, written, usd)


def _chars(scorer: Scorer, case: Case, k: int) -> int:
    """Characters of one ruling's request."""
    length = len(case.question or "") + len(golds(case)) + ANSWER_CHARS
    if not isinstance(scorer, Judged):
        return length + k * PASSAGE_CHARS
    rubric = scorer.rubric
    length += len(rubric.system) + len(rubric.user) + len(rubrics.FENCED) + len(rubrics.MANY)
    passages = k if "context" in rubric.fields else 1 if "passage" in rubric.fields else 0
    return length + passages * PASSAGE_CHARS
