"""Scorers that do not work."""

from __future__ import annotations

from evals.scorer import Measure
from evals.types import Case, Output, Score


def raises() -> Measure:
    """One that raises for every case."""

    def score(case: Case, output: Output) -> Score:
        raise RuntimeError("no")

    return Measure("raises", "1", lambda case: True, score)


def nan() -> Measure:
    """One whose values are not numbers."""
    return Measure("nan", "1", lambda case: True, lambda case, output: Score.of(float("nan")))
