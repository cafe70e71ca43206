"""A judge that is never asked: with it a scorer can be built to know its name, before there is a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.errors import JudgeError, ScorerError
from evals.judging.types import Rubric, Ruling
from evals.scorer import build


class Nobody:
    """Stands where a judge would. It has no identity and gives no ruling."""

    def identity(self, rubric: Rubric) -> str:
        """As in Judge."""
        return ""

    def advisory(self, rubric: Rubric) -> str:
        """As in Judge."""
        return ""

    async def rule(self, rubric: Rubric, material: Mapping[str, str], repeat: int = 0) -> Ruling:
        """Raises JudgeError."""
        raise JudgeError("there is no judge", fix="give --judge-url and --judge-model")


NOBODY = Nobody()


def judged(specs: Sequence[str], k: int = 5) -> list[str]:
    """The scorers among some that cannot be built without a judge. Raises ScorerError for one that is none."""
    return [spec for spec in specs if _asks(spec, k)]


def _asks(spec: str, k: int) -> bool:
    try:
        build(spec, k)
    except ScorerError:
        build(spec, k, NOBODY)
        return True
    return False
