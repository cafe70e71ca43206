"""Latency is a score like any other, but smaller is better."""

from __future__ import annotations

from evals.scorer import build
from evals.types import Case, Output


async def test_latency_is_in_milliseconds_and_lower_is_better() -> None:
    """It applies to every case."""
    scorer, case = build("latency"), Case("c", "h", question="q")

    assert scorer.applies(case)
    assert not scorer.higher_is_better
    assert (await scorer(case, Output(latency_ms=12.5))).value == 12.5
