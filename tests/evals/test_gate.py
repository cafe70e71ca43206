"""The gate: blocks what got worse, lets through what did not, and says so when it cannot tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.errors import ComparisonError
from evals.gate import judge
from evals.run import Canaries, GateVerdict, Gating, Run, ScorerRef
from evals.types import Cause, Score
from tests.evals.conftest import make_run, missing

EXACT = [Gating("exact", margin=0.05)]


def values(passes: int, n: int = 100, repeats: int = 1) -> dict[str, list[float]]:
    """The first cases pass, the rest fail."""
    return {f"c{place:03}": [float(place < passes)] * repeats for place in range(n)}


def run_of(passes: int, *, gating: Sequence[Gating] = EXACT, repeats: int = 1) -> Run:
    """A run with so many passes out of 100."""
    return make_run({"exact": values(passes, repeats=repeats)}, gating=gating)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(90, 90, "pass"), (90, 95, "pass"), (90, 80, "block"), (90, 86, "block"), (90, 87, "inconclusive")],
)
def test_a_loss_blocks_when_it_is_beyond_chance(before: int, after: int, verdict: str) -> None:
    """Four losses against none are p = .03; three are .06 and do not rule out five points either."""
    judged = judge(run_of(after), run_of(before))

    assert judged.gate.verdict.value == verdict
    assert judged.gate.metrics[0].delta == pytest.approx((after - before) / 100)


def test_an_inconclusive_verdict_says_what_could_have_been_seen() -> None:
    """The detectable loss is in the reason and in the record."""
    metric = judge(run_of(87), run_of(90)).gate.metrics[0]

    assert metric.detectable == pytest.approx(0.043, abs=0.004)
    assert f"{metric.detectable:.3g} would show" in metric.reason


def test_a_loss_under_the_minimum_effect_does_not_block() -> None:
    """However certain: thirty repeats of a tenth of a point."""
    small = {f"c{n:03}": [0.8] for n in range(100)}
    smaller = {f"c{n:03}": [0.795 - 0.001 * (n % 2)] for n in range(100)}

    judged = judge(make_run({"exact": smaller}, gating=EXACT), make_run({"exact": small}))

    assert judged.gate.metrics[0].high is not None
    assert judged.gate.metrics[0].high < 0
    assert judged.gate.verdict is GateVerdict.PASS


def test_where_lower_is_better_a_rise_blocks() -> None:
    """Latency; delta keeps the metric's own sign."""
    slow = {f"c{n}": [200.0 + n] for n in range(20)}
    fast = {f"c{n}": [100.0 + n % 3] for n in range(20)}
    gating = [Gating("latency", margin=20.0)]

    worse = judge(make_run({"latency": slow}, gating=gating), make_run({"latency": fast}))
    better = judge(make_run({"latency": fast}, gating=gating), make_run({"latency": slow}))

    assert (worse.gate.verdict, better.gate.verdict) == (GateVerdict.BLOCK, GateVerdict.PASS)
    metric = worse.gate.metrics[0]
    assert metric.low is not None
    assert metric.delta is not None
    assert 0 < metric.low < metric.delta


def test_several_metrics_share_one_chance_of_a_false_block() -> None:
    """Holm: p = .03 blocks alone, but not as the smallest of four."""
    four = [Gating(name, margin=0.5) for name in ("exact", "b", "c", "d")]
    same = {name: values(90) for name in ("b", "c", "d")}

    alone = judge(run_of(86), run_of(90))
    among = judge(
        make_run({"exact": values(86), **same}, gating=four), make_run({"exact": values(90), **same})
    )

    assert alone.gate.verdict is GateVerdict.BLOCK
    assert among.gate.verdict is GateVerdict.PASS


def test_missing_scores_make_a_run_invalid_not_bad() -> None:
    """More than 2 % failed in one run, even where the rest is worse."""
    broken: dict[str, list[float | Score]] = {**values(80)}
    broken |= {f"c{place:03}": [missing()] for place in range(3)}

    judged = judge(make_run({"exact": broken}, gating=EXACT), run_of(90))

    assert judged.gate.verdict is GateVerdict.INVALID
    assert "3 of 100 scores failed" in judged.gate.reason


def test_two_missing_scores_in_a_hundred_are_borne() -> None:
    """The pair is compared where both are scored."""
    broken: dict[str, list[float | Score]] = {**values(90)}
    broken |= {f"c{place:03}": [missing()] for place in range(2)}

    judged = judge(make_run({"exact": broken}, gating=EXACT), run_of(90))

    assert (judged.gate.verdict, judged.gate.metrics[0].n) == (GateVerdict.PASS, 98)


@pytest.mark.parametrize(("passes", "verdict"), [(90, "inconclusive"), (70, "block")])
def test_empty_answers_that_pile_up_prove_no_absence_of_loss(passes: int, verdict: str) -> None:
    """Answers without a claim are not failures; ten against none can hide a loss, but not disprove one."""
    empty: dict[str, list[float | Score]] = {**values(passes)}
    empty |= {f"c{place:03}": [missing(Cause.EMPTY)] for place in range(10)}

    judged = judge(make_run({"exact": empty}, gating=EXACT), run_of(90))

    assert judged.gate.verdict.value == verdict
    assert judged.gate.metrics[0].n == 90


def test_a_metric_with_nothing_to_measure_does_not_hide_a_block() -> None:
    """No answer of the candidate makes a claim: that metric is invalid, and the other one still blocks."""
    nothing = {name: [missing(Cause.EMPTY)] for name in values(90)}
    gating = [*EXACT, Gating("groundedness")]
    before = make_run({"exact": values(90), "groundedness": values(90)})

    quiet = judge(make_run({"exact": values(90), "groundedness": nothing}, gating=gating), before)
    worse = judge(make_run({"exact": values(70), "groundedness": nothing}, gating=gating), before)

    assert (quiet.gate.verdict, worse.gate.verdict) == (GateVerdict.INVALID, GateVerdict.BLOCK)


def test_failures_in_one_run_only_are_invalid_even_under_two_percent() -> None:
    """Fifteen failed calls of 1,000 against none are no chance."""
    ids = values(900, n=1000)
    broken: dict[str, list[float | Score]] = {**ids}
    broken |= {name: [missing()] for name in list(ids)[:15]}

    judged = judge(make_run({"exact": broken}, gating=EXACT), make_run({"exact": ids}))

    assert judged.gate.verdict is GateVerdict.INVALID
    assert "0 of 1000 before, 15 of 1000 now" in judged.gate.reason


def test_failed_calls_make_a_run_invalid_without_any_gate() -> None:
    """A run that measured nothing does not pass for lack of rules."""
    run = make_run({"exact": values(90)}, errors=["c001", "c002", "c003"])
    nothing = make_run({"exact": {"a": [missing(Cause.EMPTY)]}})

    assert "3 of 100 calls failed" in judge(run).gate.reason
    assert judge(nothing).gate.reason == "nothing was scored"
    assert judge(run).gate.verdict is judge(nothing).gate.verdict is GateVerdict.INVALID


@pytest.mark.parametrize(
    ("guardrail", "verdict"),
    [
        ({"k": [1.0, 1.0], "x": [0.0, 0.0]}, "pass"),
        ({"k": [1.0, 0.0], "x": [1.0, 1.0]}, "block"),
        ({"k": [missing(), 1.0], "x": [1.0, 1.0]}, "invalid"),
        ({"x": [1.0, 1.0]}, "invalid"),
    ],
)
def test_a_canary_must_hold_in_every_repeat(guardrail: dict[str, list[float | Score]], verdict: str) -> None:
    """One failure blocks, without statistics or baseline; an unmeasured canary is no pass; others do not count."""
    run = make_run({"guardrail": guardrail}, canaries=Canaries(("k",), ("guardrail",)))

    assert judge(run).gate.verdict.value == verdict


def test_a_failing_canary_outweighs_an_invalid_run() -> None:
    """A leak is proven however many other calls failed."""
    run = make_run(
        {"guardrail": {"k": [0.0], "x": [missing()]}}, canaries=Canaries(("k",), ("guardrail",)), errors=["x"]
    )

    assert judge(run).gate.verdict is GateVerdict.BLOCK


@pytest.mark.parametrize(("minimum", "verdict"), [(0.85, "pass"), (0.95, "block"), (None, "none")])
def test_without_baseline_the_threshold_decides(minimum: float | None, verdict: str) -> None:
    """And without either there is no gate."""
    assert judge(run_of(90, gating=[Gating("exact", min=minimum)])).gate.verdict.value == verdict


def test_a_threshold_also_holds_beside_a_baseline() -> None:
    """No loss, but still not good enough."""
    judged = judge(run_of(90, gating=[Gating("exact", min=0.95)]), run_of(90))

    assert judged.gate.verdict is GateVerdict.BLOCK


def test_values_of_different_scorer_versions_are_not_compared() -> None:
    """The metric is invalid, with what to do."""
    old = make_run({"exact": values(90)}, scorers=(ScorerRef("exact", "0"),))

    judged = judge(run_of(90), old)

    assert judged.gate.verdict is GateVerdict.INVALID
    assert "version 0 before and 1 now" in judged.gate.reason


def test_a_baseline_of_other_data_is_refused() -> None:
    """Before any delta."""
    other = make_run({"exact": {f"z{n}": [1.0] for n in range(100)}})

    with pytest.raises(ComparisonError, match="only 0 of 100"):
        judge(run_of(90), other)


def test_one_cluster_is_too_few_to_tell() -> None:
    """All cases from one document: no interval, so no verdict."""
    clusters = {f"c{place:03}": "same" for place in range(100)}
    run = make_run({"exact": values(80)}, gating=EXACT, clusters=clusters)

    judged = judge(run, run_of(90))

    assert judged.gate.verdict is GateVerdict.INCONCLUSIVE
    assert judged.gate.metrics[0].low is None


def test_other_metrics_are_reported_and_never_block() -> None:
    """A collapse of a metric that does not gate is shown."""
    before = make_run({"exact": values(90), "f1": values(90)})
    after = make_run({"exact": values(90), "f1": values(10)}, gating=EXACT)

    judged = judge(after, before)

    assert judged.gate.verdict is GateVerdict.PASS
    assert [(metric.metric, metric.verdict.value) for metric in judged.gate.metrics] == [
        ("exact", "pass"),
        ("f1", "none"),
    ]
    assert judged.gate.metrics[1].delta == pytest.approx(-0.8)


def repeated(values: Mapping[str, float], repeats: int = 3) -> dict[str, list[float]]:
    """Each value in every repeat."""
    return {name: [value] * repeats for name, value in values.items()}


def spread(losses: int, gains: int, n: int = 40) -> tuple[dict[str, float], dict[str, float]]:
    """Two arms of so many cases, of which some are lost and some are won."""
    names = [f"c{place:03}" for place in range(n)]
    before = {name: float(not losses <= place < losses + gains) for place, name in enumerate(names)}
    after = {name: float(place >= losses) for place, name in enumerate(names)}
    return before, after


def thrice(before_repeats: int = 3, after_repeats: int = 3, margin: float = 0.05, **fields: Any) -> Run:
    """A loss of 7.5 points of 40 cases, p = .13."""
    before, after = spread(5, 2)
    run = make_run(
        {"exact": repeated(after, after_repeats)}, gating=[Gating("exact", margin=margin)], **fields
    )
    return judge(run, make_run({"exact": repeated(before, before_repeats)}))


def test_a_loss_beyond_the_margin_blocks_sooner_where_cases_were_asked_thrice() -> None:
    """At p < .2; asked once, or in arms that were asked differently, the same loss is inconclusive."""
    metric = thrice().gate.metrics[0]

    assert metric.delta == pytest.approx(-0.075)
    assert metric.p is not None
    assert 0.05 < metric.p < 0.2
    assert metric.verdict is GateVerdict.BLOCK
    assert "more than the margin of 0.05" in metric.reason
    assert thrice(1, 1).gate.verdict is GateVerdict.INCONCLUSIVE
    assert thrice(2, 2).gate.verdict is GateVerdict.INCONCLUSIVE


def test_the_sooner_block_needs_the_same_repeats_in_both_runs() -> None:
    """The difference is listed."""
    uneven, screened = thrice(5, 3), thrice(screen=1)

    assert uneven.gate.verdict is screened.gate.verdict is GateVerdict.INCONCLUSIVE
    assert uneven.baseline is not None
    assert uneven.baseline.differences == ("repeats: 5 -> 3",)
    assert screened.baseline is not None
    assert screened.baseline.differences == ("screen of adaptive repeats: none -> 1",)


@pytest.mark.parametrize("margin", [0.075, 0.1])
def test_a_loss_within_the_margin_does_not_block_sooner(margin: float) -> None:
    """Not even one that is just as large."""
    assert thrice(margin=margin).gate.verdict is GateVerdict.INCONCLUSIVE


def test_among_several_metrics_the_sooner_block_is_rarer_too() -> None:
    """Holm: p = .13 alone is below .2, and four times that is not."""
    before, after = spread(5, 2)
    names = ["exact", "a", "b", "c"]
    same = {name: repeated(before) for name in names[1:]}
    gating = [Gating(name, margin=0.05) for name in names]

    judged = judge(
        make_run({"exact": repeated(after), **same}, gating=gating),
        make_run({"exact": repeated(before), **same}),
    )

    assert judged.gate.metrics[0].adjusted_p == pytest.approx(4 * (judged.gate.metrics[0].p or 0))
    assert judged.gate.verdict is GateVerdict.INCONCLUSIVE


def test_looking_several_times_takes_more_to_block() -> None:
    """Four losses are p = .03: beyond chance in one look, and not in the first of three."""
    assert judge(run_of(86), run_of(90)).gate.verdict is GateVerdict.BLOCK
    assert judge(run_of(86), run_of(90), looks=3).gate.verdict is not GateVerdict.BLOCK
    with pytest.raises(ComparisonError, match="look 1 to 5 times"):
        judge(run_of(86), run_of(90), looks=6)


def test_reported_metrics_carry_a_p_that_is_adjusted_among_them() -> None:
    """Benjamini-Hochberg, apart from the gating ones."""
    before = make_run({"exact": values(90), "f1": values(90), "hit": values(90)})
    after = make_run({"exact": values(90), "f1": values(84), "hit": values(90)}, gating=EXACT)

    exact, f1, hit = judge(after, before).gate.metrics

    assert exact.adjusted_p == exact.p
    assert f1.adjusted_p == pytest.approx(2 * (f1.p or 0))
    assert hit.adjusted_p == 1.0


def test_the_worst_case_of_what_is_missing_is_told() -> None:
    """Failed scores go against the candidate: two of its hundred as failures, one of the baseline's as a pass."""
    after: dict[str, list[float | Score]] = {**values(90)}
    after |= {"c000": [missing()], "c001": [missing()]}
    before: dict[str, list[float | Score]] = {**values(90)}
    before |= {"c099": [missing()]}

    metric = judge(make_run({"exact": after}, gating=EXACT), make_run({"exact": before})).gate.metrics[0]

    assert metric.verdict is GateVerdict.PASS
    assert (metric.n, metric.delta) == (97, 0.0)
    assert metric.worst == pytest.approx(-0.03)


def test_the_worst_case_is_told_of_an_invalid_run_too() -> None:
    """Beside the reason; there is no difference to mislead."""
    broken: dict[str, list[float | Score]] = {**values(90)}
    broken |= {f"c{place:03}": [missing()] for place in range(10)}

    metric = judge(make_run({"exact": broken}, gating=EXACT), run_of(90)).gate.metrics[0]

    assert metric.verdict is GateVerdict.INVALID
    assert metric.delta is metric.low is metric.p is None
    assert metric.worst == pytest.approx(-0.1)


def test_where_lower_is_better_the_worst_is_the_slowest() -> None:
    """Outside 0 to 1 the extremes that were seen stand in."""
    fast: dict[str, list[float | Score]] = {f"c{n:03}": [100.0] for n in range(99)} | {"c099": [300.0]}
    gone: dict[str, list[float | Score]] = {**fast, "c000": [missing()]}

    metric = judge(
        make_run({"latency": gone}, gating=[Gating("latency", margin=50)]), make_run({"latency": fast})
    ).gate.metrics[0]

    assert metric.worst == pytest.approx((300 - 100) / 100)


def weighted(run: Run, **weights: float) -> Run:
    """The run with other weights for some of its cases."""
    cases = tuple(replace(case, weight=weights.get(case.id, case.weight)) for case in run.cases)
    return replace(run, cases=cases)


def test_weights_count_in_means_differences_and_thresholds() -> None:
    """A case of weight 9 among ten is half of the mean."""
    before = make_run({"exact": {f"c{n}": [1.0] for n in range(10)}})
    after = make_run(
        {"exact": {f"c{n}": [float(n > 0)] for n in range(10)}}, gating=[Gating("exact", min=0.6)]
    )

    judged = judge(weighted(after, c0=9.0), before)
    metric = judged.gate.metrics[0]

    assert (metric.baseline, metric.candidate, metric.delta) == (1.0, 0.5, -0.5)
    assert metric.reason == "the mean 0.5 is worse than 0.6"
    assert judged.baseline is not None
    assert judged.baseline.differences == (
        "weights: 1 cases weigh more or less than before; those of this run count",
    )
    assert judge(weighted(after, c0=0.0), before).gate.metrics[0].delta == 0.0


def test_a_case_is_not_of_the_cluster_that_bears_its_name() -> None:
    """A case without a cluster is its own."""
    before = make_run({"exact": {"a": [1.0], "b": [1.0]}})
    after = make_run({"exact": {"a": [0.0], "b": [1.0]}}, gating=EXACT, clusters={"b": "a"})

    assert judge(after, before).gate.metrics[0].low is not None


@pytest.mark.parametrize("side", ["candidate", "baseline"])
def test_an_unfinished_run_is_invalid(side: str) -> None:
    """Whichever of the two it is; nothing is compared, whatever they have in common."""
    cut = make_run({"exact": values(3, n=5)}, gating=EXACT, unfinished="interrupted after 5 of 100 calls")
    run, baseline = (cut, run_of(90)) if side == "candidate" else (run_of(90), cut)

    judged = judge(run, baseline)

    assert judged.gate.verdict is GateVerdict.INVALID
    assert "interrupted after 5 of 100 calls" in judged.gate.reason
    assert judged.gate.metrics == ()
    assert judged.baseline
    assert (judged.baseline.compared, judged.baseline.flips) == (0, ())


def test_each_bound_is_the_one_that_decides() -> None:
    """The worse one at the plain level, by which a metric passes; the better one at Holm's, by which it blocks."""
    noisy = {f"c{n}": [0.5 + (0.1 if n % 2 else -0.1)] for n in range(40)}
    flat = {name: [0.5] for name in noisy}
    metrics = [f"m{n}" for n in range(4)]
    gating = [Gating(name, margin=0.05) for name in metrics]

    alone = judge(make_run({"m0": noisy}, gating=gating[:1]), make_run({"m0": flat})).gate.metrics[0]
    among = judge(
        make_run(dict.fromkeys(metrics, noisy), gating=gating), make_run(dict.fromkeys(metrics, flat))
    ).gate.metrics[0]

    assert alone.low is not None and alone.high is not None and among.high is not None
    assert (among.low, among.high > alone.high) == (alone.low, True)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=4, max_size=30),
    st.sampled_from((0.02, 0.05, 0.2)),
)
@settings(max_examples=25, deadline=None)
def test_a_metric_passes_where_its_worse_bound_is_within_the_margin(
    pairs: list[tuple[int, int]], margin: float
) -> None:
    """What is shown explains the verdict, with several metrics too."""
    before = {f"c{n}": [old / 4] for n, (old, _) in enumerate(pairs)}
    after = {f"c{n}": [new / 4] for n, (_, new) in enumerate(pairs)}
    gating = [Gating("exact", margin), Gating("f1", margin), Gating("rouge", margin)]
    base = make_run({"exact": before, "f1": before, "rouge": after})
    run = judge(make_run({"exact": after, "f1": before, "rouge": after}, gating=gating), base, resamples=200)

    for metric in run.gate.metrics:
        if metric.gating and metric.low is not None and metric.high is not None:
            if metric.verdict is GateVerdict.PASS:
                assert metric.low > -margin
            elif metric.verdict is GateVerdict.INCONCLUSIVE:
                assert metric.low <= -margin


def test_a_canary_that_failed_before_the_run_broke_off_still_blocks() -> None:
    """The leak is proven."""
    run = make_run(
        {"guardrail": {"k": [0.0]}}, canaries=Canaries(("k",), ("guardrail",)), unfinished="interrupted"
    )

    assert judge(run).gate.verdict is GateVerdict.BLOCK
