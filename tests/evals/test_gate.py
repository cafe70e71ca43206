"""The gate: blocks what got worse, lets through what did not, and says so when it cannot tell."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from evals.errors import ComparisonError
from evals.gate import judge
from evals.types import Canaries, Cause, GateVerdict, Gating, Run, Score, ScorerRef
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


def sampled(chances: Sequence[float], rng: random.Random, repeats: int) -> dict[str, list[float]]:
    """One run of items that pass with these chances."""
    return {f"c{n:03}": [float(rng.random() < p) for _ in range(repeats)] for n, p in enumerate(chances)}


def rate_of_blocks(broken: int, replays: int, seed: int) -> float:
    """Share of replays that block, at 100 items and 3 repeats, where so many items are broken."""
    rng = random.Random(seed)
    chances = [0.98] * 70 + [0.70] * 20 + [0.15] * 10
    changed = [0.05] * broken + chances[broken:]
    blocked = 0
    for _ in range(replays):
        before = make_run({"exact": sampled(chances, rng, 3)})
        after = make_run({"exact": sampled(changed, rng, 3)}, gating=EXACT)
        blocked += judge(after, before, resamples=300).gate.verdict is GateVerdict.BLOCK
    return blocked / replays


def test_an_unchanged_prompt_is_rarely_blocked() -> None:
    """A/A replays at n = 100, k = 3: the false-block rate is near the 5 % it is built for."""
    assert rate_of_blocks(0, replays=150, seed=1) <= 0.09


def test_a_true_loss_of_ten_points_is_nearly_always_blocked() -> None:
    """A/B replays at n = 100, k = 3, with ten items broken."""
    assert rate_of_blocks(11, replays=40, seed=2) >= 0.9
