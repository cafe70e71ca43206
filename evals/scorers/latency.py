"""How long the target took."""

from __future__ import annotations

from evals.scorer import Measure, Scorer
from evals.types import Score


def latency() -> Scorer:
    """Milliseconds from asking to the whole reply, the client's retries included. Lower is better."""
    return Measure("latency", "1", lambda case: True, lambda case, output: Score.of(output.latency_ms), False)
