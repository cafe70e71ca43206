"""May this run ship? Paired with its baseline where there is one, else against fixed thresholds.

The reasoning is in docs/concepts/regression-gate.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evals import compare
from evals.compare import Column, Key
from evals.errors import ComparisonError
from evals.stats import RESAMPLES, Paired, fisher, holm_levels
from evals.types import GateMetric, GateResult, GateVerdict, Gating, Run

ALPHA = 0.05
"""Chance that a run without any loss is blocked, over all gating metrics together."""
MAX_MISSING = 0.02
"""A larger share of failed scores makes a run invalid."""
REPORT_RESAMPLES = 2_000
"""Bootstrap resamples for metrics that are only reported."""

CANARIES = "canaries"
"""Name under which the canaries stand among the metrics."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """One metric on its way to a verdict."""

    rule: Gating
    sign: int
    """1 where larger values are better, else -1."""
    candidate: Column
    baseline: Column | None
    paired: Paired | None
    refused: str = ""
    """Why the metric cannot be judged; empty when it can."""
    empty: bool = False
    """Whether it is refused for want of anything to measure rather than for failures."""
    lopsided: str = ""
    """How the runs differ in answers without anything to measure, where that is beyond chance; else empty."""


def judge(run: Run, baseline: Run | None = None, resamples: int = RESAMPLES) -> Run:
    """The run with its verdict, and what it was compared with. Raises ComparisonError."""
    try:
        return _judged(run, baseline, resamples)
    except OverflowError:
        what = "the runs hold values that are too large to compare"
        raise ComparisonError(what, fix="look at the scorers' values") from None


def _judged(run: Run, baseline: Run | None, resamples: int) -> Run:
    if baseline:
        _same_directions(baseline, run)
    shared = compare.common(baseline, run) if baseline else None
    trials = [_trial(run, baseline, rule, shared, resamples) for rule in run.gating]
    metrics = _decide(trials)
    canaries = _canaries(run)
    verdict, reason = _overall(run, trials, metrics, canaries)
    reported = _reported(run, baseline, shared) if baseline else []
    result = GateResult(verdict, reason, (*([canaries] if canaries else []), *metrics, *reported))
    ref = compare.baseline_ref(baseline, run, shared or []) if baseline else None
    return replace(run, gate=result, baseline=ref)


def _same_directions(baseline: Run, run: Run) -> None:
    old = {scorer.name: scorer.higher_is_better for scorer in baseline.scorers}
    for scorer in run.scorers:
        if old.get(scorer.name, scorer.higher_is_better) != scorer.higher_is_better:
            what = f"scorer {scorer.name} is better when higher in one run and when lower in the other"
            raise ComparisonError(what, fix="run the baseline again with this scorer")


def _trial(run: Run, baseline: Run | None, rule: Gating, shared: list[Key] | None, resamples: int) -> _Trial:
    better = {scorer.name: scorer.higher_is_better for scorer in run.scorers}
    sign = 1 if better.get(rule.metric, True) else -1
    only = None if shared is None else set(shared)
    candidate = compare.column(run, rule.metric, only)
    before = compare.column(baseline, rule.metric, only) if baseline else None
    trial = _Trial(rule, sign, candidate, before, None)
    refused = _refused(run, baseline, rule.metric, candidate, before)
    if refused:
        failed = candidate.failed + (before.failed if before else 0)
        return replace(trial, refused=refused, empty=candidate.total > 0 and not failed)
    if before is None or shared is None or baseline is None:
        return trial
    both = [key for key in shared if key in candidate.means and key in before.means]
    if not both:
        return replace(trial, refused="no case is scored in both runs", empty=True)
    if fisher(candidate.failed, candidate.total, before.failed, before.total) < ALPHA:
        rates = f"{before.failed} of {before.total} before, {candidate.failed} of {candidate.total} now"
        return replace(trial, refused=f"the shares of failed scores differ ({rates})")
    if fisher(candidate.unscored, candidate.total, before.unscored, before.total) < ALPHA:
        rates = f"{before.unscored} of {before.total} before, {candidate.unscored} of {candidate.total} now"
        trial = replace(trial, lopsided=f"answers with nothing to measure: {rates}")
    values = [(before.means[key], candidate.means[key]) for key in both]
    single = run.repeats == baseline.repeats == 1
    binary = single and all(value in (0.0, 1.0) for pair in values for value in pair)
    clusters = _clusters(run)
    gains = [sign * (after - old) for old, after in values]
    groups = [clusters.get(key[0]) or key[0] for key in both]
    return replace(trial, paired=Paired(gains, groups, binary=binary, resamples=resamples))


def _refused(run: Run, baseline: Run | None, metric: str, candidate: Column, before: Column | None) -> str:
    """Why a metric cannot be judged at all; empty when it can."""
    for name, column in (("this run", candidate), ("the baseline", before)):
        if column is None:
            continue
        if not column.means:
            return f"{name} has no score for it"
        if column.failed / column.total > MAX_MISSING:
            return f"{column.failed} of {column.total} scores failed in {name} (more than {MAX_MISSING:.0%})"
    if baseline is None:
        return ""
    old, new = ({scorer.name: scorer.version for scorer in side.scorers} for side in (baseline, run))
    if old.get(metric) != new.get(metric):
        return f"scored by version {old.get(metric)} before and {new.get(metric)} now; run the baseline again"
    return ""


def _decide(trials: Sequence[_Trial]) -> list[GateMetric]:
    """A verdict per trial: Holm's steps decide which losses count."""
    testable = [position for position, trial in enumerate(trials) if trial.paired is not None]
    p_values = [trials[position].paired.p for position in testable]  # type: ignore[union-attr]
    decided: dict[int, GateMetric] = {}
    still = True
    for place, alpha in holm_levels(p_values, ALPHA):
        position = testable[place]
        metric = _compared(trials[position], alpha, may_block=still)
        still = still and metric.high is not None and _lost(metric, trials[position].sign)
        decided[position] = metric
    return [decided.get(position) or _uncompared(trial) for position, trial in enumerate(trials)]


def _lost(metric: GateMetric, sign: int) -> bool:
    bound = metric.high if sign > 0 else metric.low
    return bound is not None and sign * bound < 0


def _compared(trial: _Trial, alpha: float, *, may_block: bool) -> GateMetric:
    rule, paired = trial.rule, trial.paired
    assert paired is not None
    metric = _uncompared(trial)
    if paired.groups < 2:
        reason = "one case, or one cluster of cases, is too few to compare"
        return (
            metric
            if metric.verdict is GateVerdict.BLOCK
            else replace(
                metric,
                verdict=GateVerdict.INCONCLUSIVE,
                reason=reason,
                n=paired.n,
                delta=trial.sign * paired.delta,
            )
        )
    low, high = paired.interval(alpha)
    floor, _ = paired.interval(ALPHA)
    seen = paired.detectable(alpha)
    bounds = (low, high) if trial.sign > 0 else (0.0 - high, 0.0 - low)
    metric = replace(
        metric,
        n=paired.n,
        baseline=_mean(trial.baseline, trial.candidate),
        candidate=_mean(trial.candidate, trial.baseline),
        delta=trial.sign * paired.delta + 0.0,
        low=bounds[0],
        high=bounds[1],
        p=paired.p,
        method=paired.method,
        detectable=seen,
    )
    if metric.verdict is GateVerdict.BLOCK:
        return metric
    if may_block and high < 0 and -paired.delta >= rule.min_effect:
        return replace(metric, verdict=GateVerdict.BLOCK, reason="it got worse, beyond chance")
    if trial.lopsided:
        return replace(metric, verdict=GateVerdict.INCONCLUSIVE, reason=trial.lopsided)
    if floor > -rule.margin or (floor == 0.0 and paired.delta == 0.0):
        return replace(
            metric, verdict=GateVerdict.PASS, reason=f"no loss beyond the margin of {rule.margin:g}"
        )
    reason = f"a loss beyond the margin of {rule.margin:g} is not ruled out (a loss of {seen:.3g} would show)"
    return replace(metric, verdict=GateVerdict.INCONCLUSIVE, reason=reason)


def _uncompared(trial: _Trial) -> GateMetric:
    """The verdict that needs no baseline: refused, below the fixed threshold, above it, or none."""
    rule = trial.rule
    mean = _mean(trial.candidate, None)
    base = GateMetric(
        rule.metric, GateVerdict.NONE, "no baseline and no threshold", rule.margin, candidate=mean
    )
    base = replace(base, n=len(trial.candidate.means))
    if trial.refused:
        return replace(base, verdict=GateVerdict.INVALID, reason=trial.refused)
    if rule.min is None or mean is None:
        return base
    if trial.sign * mean < trial.sign * rule.min:
        return replace(
            base, verdict=GateVerdict.BLOCK, reason=f"the mean {mean:.4g} is worse than {rule.min:g}"
        )
    return replace(
        base, verdict=GateVerdict.PASS, reason=f"the mean {mean:.4g} is no worse than {rule.min:g}"
    )


def _reported(run: Run, baseline: Run, shared: list[Key] | None) -> list[GateMetric]:
    """The other metrics that both runs have: compared at the plain level, never blocking."""
    gating = {rule.metric for rule in run.gating}
    both = {scorer.name for scorer in run.scorers} & {scorer.name for scorer in baseline.scorers}
    found = []
    for name in sorted(both - gating):
        trial = _trial(run, baseline, Gating(name), shared, REPORT_RESAMPLES)
        if trial.paired is None:
            metric = replace(_uncompared(trial), reason=trial.refused)
        else:
            metric = replace(_compared(trial, ALPHA, may_block=False), reason=trial.lopsided)
        found.append(replace(metric, verdict=GateVerdict.NONE, gating=False))
    return found


def _canaries(run: Run) -> GateMetric | None:
    """The verdict on the cases that must never fail; None when there are none."""
    ids = set(run.canaries.ids)
    if not ids:
        return None
    measured: set[str] = set()
    failed: set[str] = set()
    broken: set[str] = set()
    for item in run.items:
        for name in run.canaries.scorers:
            score = item.scores.get(name)
            if item.id not in ids or score is None:
                continue
            measured.add(item.id)
            if score.value is None:
                broken.add(item.id)
            elif score.value < 1:
                failed.add(item.id)
    metric = GateMetric(CANARIES, GateVerdict.PASS, f"all {len(ids)} hold", 0.0, n=len(ids))
    if failed:
        return replace(metric, verdict=GateVerdict.BLOCK, reason=f"must not fail, and did: {_listed(failed)}")
    if broken | (ids - measured):
        reason = f"could not be measured: {_listed(broken | (ids - measured))}"
        return replace(metric, verdict=GateVerdict.INVALID, reason=reason)
    return metric


def _overall(
    run: Run, trials: Sequence[_Trial], metrics: Sequence[GateMetric], canaries: GateMetric | None
) -> tuple[GateVerdict, str]:
    """The strictest verdict: a canary's failure outweighs failed calls, and those outweigh statistics."""
    if canaries and canaries.verdict is GateVerdict.BLOCK:
        return GateVerdict.BLOCK, f"canaries: {canaries.reason}"
    lost = sum(bool(item.output.error) for item in run.items)
    if run.items and lost / len(run.items) > MAX_MISSING:
        return GateVerdict.INVALID, f"{lost} of {len(run.items)} calls failed (more than {MAX_MISSING:.0%})"
    if not any(score.value is not None for item in run.items for score in item.scores.values()):
        return GateVerdict.INVALID, "nothing was scored"
    broken = [trial.rule.metric for trial in trials if trial.refused and not trial.empty]
    every = [*([canaries] if canaries else []), *metrics]
    ranked = (GateVerdict.BLOCK, GateVerdict.INVALID, GateVerdict.INCONCLUSIVE, GateVerdict.PASS)
    for verdict in (GateVerdict.INVALID, *ranked) if broken else ranked:
        hit = [metric for metric in every if metric.verdict is verdict]
        if hit and verdict is GateVerdict.PASS:
            return verdict, f"{', '.join(metric.metric for metric in hit)} hold"
        if hit:
            return verdict, "; ".join(f"{metric.metric}: {metric.reason}" for metric in hit)
    return GateVerdict.NONE, "no metric gates" if not run.gating else "no baseline and no threshold"


def _mean(column: Column | None, other: Column | None) -> float | None:
    """The mean over the cases that the other column has too."""
    if column is None:
        return None
    values = [value for key, value in column.means.items() if other is None or key in other.means]
    return math.fsum(values) / len(values) if values else None


def _clusters(run: Run) -> dict[str, str]:
    return {case.id: case.cluster for case in run.cases}


def _listed(ids: set[str]) -> str:
    names = sorted(ids)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
