"""Runs of which a judge that is not fit to gate scored something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evals.run import Canaries, Gating, Grading, JudgeRef, Run, ScorerRef
from tests.evals.conftest import make_run

WHY = "the judge is not fit to gate: 12 labelled items are fewer than 100"
GOOD = {f"c{place:02}": [1.0] for place in range(60)}
BAD = {name: [0.0] for name in GOOD}
CANARY = {"c00": [0.0]}


def advised(
    exact: dict[str, list[float]] = GOOD,
    judged: dict[str, list[float]] = GOOD,
    *,
    why: str = WHY,
    gating: Sequence[str] = (),
    canaries: Sequence[str] = (),
    judge: str = "j" * 64,
) -> Run:
    """A run with a plain metric and a judged one; `canaries` are the scorers that say whether c00 holds."""
    told = Canaries(("c00",), tuple(canaries)) if canaries else Canaries()
    run = make_run(
        {"exact": exact, "judged": judged}, gating=[Gating(name) for name in gating], canaries=told
    )
    return replace(
        run,
        scorers=(ScorerRef("exact", "1"), ScorerRef("judged", f"1+{judge[:3]}", advisory=why, judge=judge)),
        judge=JudgeRef("http://judge/v1", "judge-model", ("judge-model-1",), {"judged": judge}),
        grading=Grading(61, 2, 1, 6_100, 610, 0, 0.0123),
    )
