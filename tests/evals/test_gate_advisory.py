"""What a judge that is not fit says neither passes nor blocks, and where it would have to, the run is invalid."""

from __future__ import annotations

import itertools

import pytest

from evals.gate import CANARIES, judge
from evals.run import GateVerdict
from tests.evals.advised import BAD, CANARY, GOOD, WHY, advised

TABLE = list(
    itertools.product(
        ["", WHY],
        [(), ("exact",), ("judged",), ("exact", "judged")],
        [(), ("exact",), ("judged",), ("exact", "judged")],
        [None, "", WHY],
    )
)


@pytest.mark.parametrize(("why", "gating", "canaries", "before"), TABLE)
def test_an_unfit_judge_decides_nothing(
    why: str, gating: tuple[str, ...], canaries: tuple[str, ...], before: str | None
) -> None:
    """Of two equal, perfect runs: invalid where it would gate or watch a canary; else as without it.

    The baseline's own standing does not matter, since it was scored by the same judge.
    """
    baseline = None if before is None else advised(why=before)
    told = judge(advised(why=why, gating=gating, canaries=canaries), baseline).gate

    if why and "judged" in (*gating, *canaries):
        assert (told.verdict, told.verdict.exit_code) == (GateVerdict.INVALID, 2)
        assert WHY in told.reason
    elif canaries or (gating and baseline):
        assert told.verdict is GateVerdict.PASS
    else:
        assert told.verdict is GateVerdict.NONE
    for metric in told.metrics:
        involved = metric.metric == "judged" or (metric.metric == CANARIES and "judged" in canaries)
        if why and involved:
            assert metric.verdict is (GateVerdict.INVALID if metric.gating else GateVerdict.NONE)
            assert WHY in metric.reason


@pytest.mark.parametrize("minimum", [0.5, 1.5])
def test_a_fixed_threshold_is_no_way_around(minimum: float) -> None:
    """Neither kept nor missed."""
    from dataclasses import replace

    from evals.run import Gating

    run = replace(advised(), gating=(Gating("judged", min=minimum),))

    assert judge(run).gate.verdict is GateVerdict.INVALID


def test_its_bad_news_blocks_nothing_either() -> None:
    """A collapse on an advisory metric is invalid where it gates, and only reported where it does not."""
    gated = judge(advised(judged=BAD, gating=("judged",)), advised())
    reported = judge(advised(judged=BAD, gating=("exact",)), advised())

    assert gated.gate.verdict is GateVerdict.INVALID
    assert reported.gate.verdict is GateVerdict.PASS
    metric = next(metric for metric in reported.gate.metrics if metric.metric == "judged")
    assert (metric.verdict, metric.gating, metric.delta) == (GateVerdict.NONE, False, -1.0)


def test_a_canary_that_others_saw_fail_blocks() -> None:
    """The unfit judge hides nothing; what it alone saw fail is no failure, and no hold."""
    seen = judge(advised({**GOOD, **CANARY}, canaries=("exact", "judged")))
    alone = judge(advised(judged={**GOOD, **CANARY}, canaries=("judged",)))

    assert seen.gate.verdict is GateVerdict.BLOCK
    assert alone.gate.verdict is GateVerdict.INVALID
    assert "judged is advisory" in alone.gate.reason


def test_another_judges_unfit_baseline_is_no_measure() -> None:
    """Where it was not the judge that is fit now."""
    told = judge(advised(why="", gating=("judged",)), advised(judge="k" * 64)).gate

    assert told.verdict is GateVerdict.INVALID
    assert "the baseline's values are advisory" in told.reason


def test_an_unfit_judge_does_not_hide_a_block() -> None:
    """A run that gates only by what is fit is blocked as before."""
    told = judge(advised(exact=BAD, gating=("exact",)), advised()).gate

    assert told.verdict is GateVerdict.BLOCK
