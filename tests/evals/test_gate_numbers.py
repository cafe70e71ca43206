"""The gate on what is no number, too little, or nothing: never a figure that means nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from evals.errors import ComparisonError
from evals.gate import judge
from evals.run import GateVerdict, Gating
from evals.types import Cause, Score
from tests.evals.conftest import make_run, missing
from tests.evals.test_gate import EXACT, run_of, values, weighted


def no_number(value: float) -> Score:
    """A score that its own check would not let through."""
    score = Score.of(0.0)
    object.__setattr__(score, "value", value)
    return score


BAD = [math.nan, math.inf, -math.inf, 1e200]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("side", [0, 1])
def test_a_value_that_is_no_number_is_never_reckoned_with(bad: float, side: int) -> None:
    """The metric is invalid, in whichever run it stands, and has no figures; as a reported one it has none either."""
    spoilt: dict[str, list[float | Score]] = {**values(90), "c000": [no_number(bad)]}
    runs = [values(90), values(90)]
    runs[side] = spoilt  # type: ignore[assignment]

    gating = judge(make_run({"exact": runs[1]}, gating=EXACT), make_run({"exact": runs[0]}))
    reported = judge(make_run({"exact": runs[1]}), make_run({"exact": runs[0]}))

    assert gating.gate.verdict is GateVerdict.INVALID
    assert "no number" in gating.gate.reason
    for metric in (gating.gate.metrics[0], reported.gate.metrics[0]):
        assert [metric.baseline, metric.candidate, metric.delta, metric.low, metric.p, metric.worst] == [
            None
        ] * 6
    assert gating.gate.slices == ()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, 1e10])
def test_a_weight_that_is_none_makes_the_run_invalid(bad: float) -> None:
    """And says which case."""
    judged = judge(weighted(run_of(90), c007=bad), run_of(90))

    assert judged.gate.verdict is GateVerdict.INVALID
    assert "'c007'" in judged.gate.reason


@pytest.mark.parametrize(
    "rule",
    [
        Gating("exact", margin=math.nan),
        Gating("exact", margin=-0.1),
        Gating("exact", min=math.nan),
        Gating("exact", min_effect=math.nan),
        Gating("exact", min_effect=math.inf),
    ],
)
def test_a_rule_that_is_no_number_is_invalid(rule: Gating) -> None:
    """With a baseline and without."""
    for baseline in (run_of(90), None):
        judged = judge(run_of(90, gating=[rule]), baseline)
        assert judged.gate.verdict is GateVerdict.INVALID


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        ({"a": [1.0]}, {"a": [0.0]}, "inconclusive"),
        ({"a": [1.0]}, {"a": [1.0]}, "inconclusive"),
        ({"a": [0.0], "b": [0.0]}, {"a": [0.0], "b": [0.0]}, "pass"),
        ({"a": [1.0], "b": [1.0]}, {"a": [0.0], "b": [0.0]}, "inconclusive"),
        ({n: [1.0] for n in "abcd"}, {n: [0.0] for n in "abcd"}, "block"),
        ({n: [0.6] * 3 for n in "abcdef"}, {n: [0.4] * 3 for n in "abcdef"}, "block"),
        ({n: [0.6] for n in "ab"}, {n: [0.9] for n in "ab"}, "pass"),
        ({n: [1e99] for n in "abcdef"}, {n: [-1e99] for n in "abcdef"}, "block"),
        ({n: [1e-300] for n in "abcdef"}, {n: [0.0] for n in "abcdef"}, "pass"),
        ({"a": [missing()], "b": [missing()]}, {"a": [1.0], "b": [1.0]}, "invalid"),
        ({"a": [1.0], "b": [1.0]}, {"a": [missing()], "b": [missing()]}, "invalid"),
        ({"a": [1.0], "b": [missing(Cause.EMPTY)]}, {"a": [missing(Cause.EMPTY)], "b": [1.0]}, "invalid"),
    ],
)
def test_small_and_degenerate_runs_have_a_verdict_and_finite_figures(
    before: dict[str, list[float | Score]], after: dict[str, list[float | Score]], verdict: str
) -> None:
    """One case, all equal, no spread, huge, tiny, all unscored, nothing in common that is scored."""
    judged = judge(make_run({"exact": after}, gating=EXACT), make_run({"exact": before}))

    assert judged.gate.verdict.value == verdict
    metric = judged.gate.metrics[0]
    for value in (metric.delta, metric.low, metric.high, metric.p, metric.detectable, metric.worst):
        assert value is None or math.isfinite(value)


def test_an_empty_run_is_no_pass() -> None:
    """Nothing was asked."""
    empty = replace(run_of(90), items=(), cases=())

    assert judge(empty).gate.verdict is GateVerdict.INVALID
    with pytest.raises(ComparisonError, match="only 0 of 100"):
        judge(empty, run_of(90))
