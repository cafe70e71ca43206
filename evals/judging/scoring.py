"""What scorers that ask a judge have in common: one identity, one way to put a ruling into a score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evals.errors import JudgeError
from evals.judging import rubrics
from evals.judging.types import Judge, Ruling
from evals.types import Case, Cause, Hit, Output, Score, Usage

MOST_CHARS = 200_000
"""Characters of material that a judge is shown; more is unscored, since a part would pass for the whole."""


class Judged:
    """The base of a scorer that asks a judge by one rubric."""

    higher_is_better = True

    def __init__(self, name: str, judge: Judge, rubric: str) -> None:
        self.name, self._judge, self.rubric = name, judge, rubrics.load(rubric)

    @property
    def judge_identity(self) -> str:
        """Hash of what its verdicts depend on."""
        return self._judge.identity(self.rubric)

    @property
    def version(self) -> str:
        """Names the judge's identity: values of different judges are never compared."""
        return f"1+{self.judge_identity[:12]}" if self.judge_identity else "1"

    @property
    def advisory(self) -> str:
        """Why it may not gate; empty when it may."""
        return self._judge.advisory(self.rubric)

    def most_rulings(self, case: Case) -> int:
        """How many rulings one output of a case takes at most."""
        return 1

    async def ruled(self, material: Mapping[str, str], output: Output) -> Ruling:
        """The ruling on some material. A judge that cannot be asked, or is the model under test, gives none."""
        long = sum(map(len, material.values()))
        if long > MOST_CHARS:
            return Ruling(
                "", reason=f"{long:,} characters are more than the {MOST_CHARS:,} that a judge is shown"
            )
        try:
            ruling = await self._judge.rule(self.rubric, material)
            if ruling.answered_model and ruling.answered_model == output.answered_model:
                meet = getattr(self._judge, "meet", None)
                if meet is not None:
                    meet(ruling.answered_model)
        except JudgeError as error:
            return Ruling("", reason=str(error))
        return ruling


def unscored(ruling: Ruling, rulings: Sequence[Ruling] = ()) -> Score:
    """No value, because a ruling has no verdict."""
    score = Score.unscored(ruling.reason, Cause.SCORER)
    return replace(score, reply=ruling.reply, usage=usage(rulings or [ruling]))


def usage(rulings: Sequence[Ruling]) -> Usage | None:
    """Tokens of some rulings together; None where one was not counted, or there is none."""
    known = [ruling.usage for ruling in rulings if ruling.usage is not None]
    if not known or len(known) < len(rulings):
        return None
    return Usage(sum(one.prompt_tokens for one in known), sum(one.completion_tokens for one in known))


def golds(case: Case) -> str:
    """The expected answer, with other wordings that are as good."""
    told = dict.fromkeys([case.expected.answer or "", *case.expected.aliases])
    return "\n".join(f"- {text}" for text in told) if len(told) > 1 else next(iter(told))


def first(output: Output, k: int) -> list[Hit]:
    """The first k hits, in their order."""
    return sorted(output.hits or (), key=lambda hit: hit.rank)[:k]


def passages(hits: Sequence[Hit]) -> str:
    """Hits as one numbered text."""
    return "\n\n".join(f"[{place}] {hit.text}" for place, hit in enumerate(hits, start=1))
