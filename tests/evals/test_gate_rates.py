"""The gate in the long run: how often it blocks what did not get worse, and adaptive repeats."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from evals.adaptive import disagreeing
from evals.gate import judge
from evals.run import GateVerdict, Run
from evals.types import Score
from tests.bench.bench_gate import ADAPTIVE, Arm, Design, tally
from tests.evals.conftest import make_run, missing
from tests.evals.test_gate import EXACT, run_of, values


def test_the_same_runs_always_get_the_same_verdict() -> None:
    """In whatever order the items stand."""
    run, baseline = run_of(86), run_of(90)
    mixed = replace(run, items=tuple(random.Random(1).sample(run.items, len(run.items))))

    assert judge(run, baseline).gate == judge(run, baseline).gate == judge(mixed, baseline).gate


@pytest.mark.parametrize(
    ("design", "loss", "replays", "low", "high"),
    [
        (Design(), 0.0, 120, 0.01, 0.1),
        (ADAPTIVE, 0.0, 60, 0.0, 0.1),
        (Design(repeats=1), 0.0, 60, 0.0, 0.1),
        (Design(together=4, shared=0.6), 0.0, 60, 0.0, 0.1),
        (Design(metrics=3), 0.0, 40, 0.0, 0.1),
        (Design(), 0.10, 30, 0.9, 1.0),
        (ADAPTIVE, 0.10, 30, 0.9, 1.0),
    ],
)
def test_replays_are_blocked_as_often_as_they_should_be(
    design: Design, loss: float, replays: int, low: float, high: float
) -> None:
    """A small version of tests/bench/bench_gate.py, with its seed: unchanged prompts, and true losses of ten points.

    With a tenth of the resamples, which decides next to nothing: see the test below.
    """
    found = tally(replace(design, resamples=1_000), loss, replays)

    assert low <= found.blocked <= high
    assert found.calls <= (2.0 if design.screen else design.repeats)


def compared(loss: float, random: np.random.Generator) -> Run:
    """An unchanged prompt's run out of its adaptive comparison with one that loses so much."""
    arms = [Arm(ADAPTIVE, 0.0, random), Arm(ADAPTIVE, loss, random)]
    for arm in arms:
        arm.ask(range(1))
    differing = disagreeing(arms[0].items, arms[1].items, ["m0"])
    for arm in arms:
        arm.ask(range(1, 5), differing)
    return arms[0].run(5)


def test_the_same_prompt_out_of_two_comparisons_is_blocked_no_more_often() -> None:
    """Beside a bad partner its lucky answers are asked again: by all repeats it were blocked in every eighth replay."""
    random = np.random.default_rng(3)
    found = [judge(compared(0.4, random), compared(0.0, random), 300) for _ in range(150)]

    assert sum(run.gate.verdict is GateVerdict.BLOCK for run in found) / 150 <= 0.08
    assert all(
        run.baseline and "adaptive repeats of another comparison are left out" in run.baseline.differences
        for run in found
    )


@pytest.mark.parametrize(("failed", "verdict"), [(2, "pass"), (3, "invalid")])
def test_adaptive_repeats_do_not_dilute_what_failed(failed: int, verdict: str) -> None:
    """Three of a hundred failed in the screen; that they were asked four times more makes them no fewer."""
    scores: dict[str, list[float | Score]] = {**values(100, repeats=5)}
    scores |= {f"c{place:03}": [missing(), 1.0, 1.0, 1.0, 1.0] for place in range(failed)}
    asked_again = {f"c{place:03}" for place in range(20)}

    def adaptive(run: Run) -> Run:
        kept = tuple(item for item in run.items if item.repeat == 0 or item.id in asked_again)
        return replace(run, items=kept, screen=1)

    candidate = adaptive(make_run({"exact": scores}, gating=EXACT))
    baseline = adaptive(make_run({"exact": values(100, repeats=5)}, gating=EXACT))

    assert (judge(candidate, baseline).gate.verdict.value, len(candidate.items)) == (verdict, 180)
    if failed == 3:
        assert "3 of 100 scores failed in this run" in judge(candidate, baseline).gate.reason


def test_adaptive_repeats_do_not_dilute_calls_that_failed() -> None:
    """Whatever they were scored."""
    run = make_run({"exact": values(100, repeats=5)}, gating=EXACT, screen=1)
    items = tuple(
        replace(item, output=replace(item.output, error="down"))
        if item.id < "c003" and not item.repeat
        else item
        for item in run.items
    )

    gate = judge(replace(run, items=items), run).gate

    assert (gate.verdict, gate.reason) == (GateVerdict.INVALID, "3 of 100 calls failed (more than 2%)")


def test_fewer_resamples_give_the_same_verdicts() -> None:
    """The bootstrap widens an interval now and then; how finely it is drawn decides next to nothing."""
    chance = np.random.default_rng(5)
    pairs = [(Arm(Design(), 0.0, chance), Arm(Design(), 0.04, chance)) for _ in range(12)]
    agree = 0
    for before, after in pairs:
        for arm in (before, after):
            arm.ask(range(3))
        old, new = before.run(3), after.run(3)
        agree += judge(new, old).gate.verdict is judge(new, old, resamples=1_000).gate.verdict

    assert agree == 12
