"""How long the target took."""

from __future__ import annotations

from evals.scorer import Measure, Scorer
from evals.types import Score


def latency() -> Scorer:
    """Milliseconds from asking to the whole reply, of the try that was answered.

    Needs nothing.
    """
    return Measure("latency", "1", lambda case: True, lambda case, output: Score.of(output.latency_ms), False)
