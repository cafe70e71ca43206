"""What the gate tells besides its verdict: tokens, time and cost, flaky cases, slices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.gate import judge
from evals.run import Flaky, GateVerdict, Ledger, Run, ScorerRef
from evals.types import Usage
from tests.evals.conftest import make_run
from tests.evals.test_gate import EXACT, repeated, values


def tokens(run: Run, **used: int) -> Run:
    """The run with what each answer used, and took."""
    items = tuple(
        replace(
            item,
            output=replace(item.output, usage=Usage(used[item.id], 10), latency_ms=float(used[item.id])),
        )
        for item in run.items
    )
    return replace(run, items=items)


def test_what_answers_cost_and_took_is_compared_and_never_blocks() -> None:
    """Tokens, time and money, each with its interval; money where both runs know the prices."""
    before = tokens(make_run({"exact": repeated({"a": 1, "b": 1, "c": 1})}), a=100, b=110, c=120)
    after = tokens(make_run({"exact": repeated({"a": 1, "b": 1, "c": 1})}, gating=EXACT), a=200, b=230, c=250)
    priced = [replace(run, ledger=Ledger(prices=(2.0, 8.0))) for run in (before, after)]

    told = {metric.metric: metric for metric in judge(priced[1], priced[0]).gate.metrics}

    assert list(told) == ["exact", "latency", "tokens", "usd"]
    assert told["tokens"].delta == pytest.approx(350 / 3)
    assert told["usd"].delta == pytest.approx(350 / 3 * 2 / 1_000_000)
    for name in ("latency", "tokens", "usd"):
        metric = told[name]
        assert metric.low is not None
        assert metric.delta is not None
        assert metric.high is not None
        assert metric.low < metric.delta < metric.high
        assert (metric.gating, metric.verdict) == (False, GateVerdict.NONE)
    assert "usd" not in {metric.metric for metric in judge(after, before).gate.metrics}


def test_flaky_cases_are_told_of_every_run() -> None:
    """With or without a baseline, whatever the verdict."""
    run = make_run({"exact": {"a": [1.0, 0.0], "b": [1.0, 1.0]}}, errors=["b"])

    assert judge(run).flaky == (Flaky("a", "exact", 1, 1),)


def test_slices_are_told_of_what_gates_and_what_is_graded() -> None:
    """Not of a metric that could not be judged."""
    before = make_run({"exact": values(90), "f1": values(90)})
    after = make_run({"exact": values(80), "f1": values(90)}, gating=EXACT)
    cases = tuple(replace(case, tags=("card",) if case.id < "c090" else ()) for case in after.cases)
    after = replace(after, cases=cases)
    rescored = replace(before, scorers=(ScorerRef("exact", "0"), ScorerRef("f1", "1")))

    found = judge(after, before).gate.slices

    assert [(part.tag, part.metric, part.n) for part in found] == [("card", "exact", 90), ("card", "f1", 90)]
    assert found[0].delta == pytest.approx(-1 / 9)
    assert [part.metric for part in judge(after, rescored).gate.slices] == ["f1"]
