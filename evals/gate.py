"""May this run ship? Paired with its baseline where there is one, else against fixed thresholds.

The reasoning is in docs/concepts/regression-gate.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from evals import compare
from evals.errors import ComparisonError
from evals.flaky import flaky
from evals.run import GateMetric, GateResult, GateVerdict, Run
from evals.slices import slices
from evals.stats import POCOCK, RESAMPLES, benjamini_hochberg, holm, holm_levels
from evals.trials import MAX_MISSING, Sides, Trial, matched, reported_trials, tried

ALPHA = 0.05
"""Chance that a run without any loss is blocked, over all gating metrics together."""
POINT_P = 0.2
"""A loss beyond the margin blocks already at this p (after Holm), where cases were asked often enough."""

_NOISE = 1e-12
"""Size of a difference that is rounding."""

UNDECIDED = (GateVerdict.BLOCK, GateVerdict.INCONCLUSIVE)
"""Verdicts on a metric after which a reader wants to see the cases."""
CANARIES = "canaries"
"""Name under which the canaries stand among the metrics."""


def judge(run: Run, baseline: Run | None = None, resamples: int = RESAMPLES, looks: int = 1) -> Run:
    """The run with its verdict, its flaky cases, and what it was compared with.

    Args:
        run: the candidate, with its gating rules and canaries.
        baseline: an accepted run of the same golden set.
        resamples: bootstrap resamples for each gating metric.
        looks: how many times in all the comparison is made while cases are still being asked; each look then has a
            stricter level (Pocock). One look at the end is the rule, with adaptive repeats too.

    Raises ComparisonError when the runs are not about the same thing.
    """
    if not 1 <= looks <= len(POCOCK):
        raise ComparisonError(f"{looks} looks are not planned for", fix=f"look 1 to {len(POCOCK)} times")
    try:
        return _judged(run, baseline, resamples, POCOCK[looks - 1])
    except OverflowError:
        what = "the runs hold values that are too large to compare"
        raise ComparisonError(what, fix="look at the scorers' values") from None


def _judged(run: Run, baseline: Run | None, resamples: int, level: float) -> Run:
    told = replace(run, flaky=flaky(run.items, compare.graded(run)), baseline=None)
    canaries = _canaries(run)
    held = (canaries,) if canaries else ()
    stopped = _unfit(run, baseline)
    if stopped:
        leak = canaries is not None and canaries.verdict is GateVerdict.BLOCK
        verdict, reason = (GateVerdict.BLOCK, _why(held)) if leak else (GateVerdict.INVALID, stopped)
        ref = compare.uncompared(baseline, run) if baseline else None
        return replace(told, gate=GateResult(verdict, reason, held), baseline=ref)
    sides = matched(run, baseline, level)
    trials, others = [tried(sides, rule, resamples) for rule in run.gating], reported_trials(sides)
    metrics = _decide(trials, sides)
    verdict, reason = _overall(run, trials, metrics, canaries)
    every = (*held, *metrics, *_reported(others, sides))
    sliced = [trial for trial in (*trials, *others) if _sliced(trial, sides)]
    after = {trial.rule.metric: trial.candidate for trial in sliced}
    before = {trial.rule.metric: trial.baseline for trial in sliced if trial.baseline is not None}
    parts = slices(run, sides.shared, after, before if baseline else None)
    undecided = [metric.metric for metric in metrics if metric.verdict in UNDECIDED]
    ref = compare.baseline_ref(baseline, run, list(sides.shared), undecided) if baseline else None
    return replace(told, gate=GateResult(verdict, reason, every, parts), baseline=ref)


def _unfit(run: Run, baseline: Run | None) -> str:
    """Why nothing can be compared at all; empty when something can."""
    if run.unfinished:
        return f"not every case was asked: {run.unfinished}"
    if baseline and baseline.unfinished:
        return f"the baseline is unfinished ({baseline.unfinished}): finish it, or accept another run"
    revisions = compare.policies(run)
    if len({each.partition("@")[0] for each in revisions}) < len(revisions):
        told = ", ".join(revisions)
        return f"the proxy's policy changed between its answers ({told}): ask again with another --out and no --cache"
    for case in run.cases:
        if not 0 <= case.weight <= compare.HEAVIEST:
            return (
                f"case {case.id!r} weighs {case.weight:g}: a weight lies between 0 and {compare.HEAVIEST:g}"
            )
    return ""


def _decide(trials: Sequence[Trial], sides: Sides) -> list[GateMetric]:
    """A verdict per trial: Holm's steps decide which losses count."""
    testable = [position for position, trial in enumerate(trials) if trial.testable]
    p_values = [trial.paired.p for trial in trials if trial.paired and trial.testable]
    adjusted = dict(zip(testable, holm(p_values), strict=True))
    levels = {testable[place]: level for place, level in holm_levels(p_values, sides.level)}
    decided: dict[int, GateMetric] = {}
    still = True
    for position, level in levels.items():
        metric = replace(_numbers(trials[position], level, sides.level), adjusted_p=adjusted[position])
        verdict, reason = _verdict(trials[position], metric, sides, may_block=still)
        decided[position] = replace(metric, verdict=verdict, reason=reason)
        still = still and _lost(metric, trials[position].sign)
    return [decided.get(position) or _untested(trial) for position, trial in enumerate(trials)]


def _lost(metric: GateMetric, sign: int) -> bool:
    """Whether the whole interval lies on the side of a loss."""
    bound = metric.high if sign > 0 else metric.low
    return bound is not None and sign * bound < 0


def _numbers(trial: Trial, level: float, plain: float) -> GateMetric:
    """What was measured on the pairs; no verdict yet.

    The better bound is at `level`, that of Holm's step, by which a loss blocks. The worse one is at the `plain` level:
    every metric has to pass, so that none needs a stricter one.
    """
    rule, paired = trial.rule, trial.paired
    assert paired is not None
    before, after = trial.means
    told = GateMetric(rule.metric, GateVerdict.NONE, "", rule.margin, n=paired.n, worst=trial.worst)
    told = replace(told, baseline=before, candidate=after, delta=trial.sign * paired.delta + 0.0)
    if not trial.testable:
        return replace(told, reason="one case, or one cluster of cases, is too few to compare")
    low, high = paired.interval(plain)[0], paired.interval(level)[1]
    low, high = (low, high) if trial.sign > 0 else (0.0 - high, 0.0 - low)
    told = replace(told, low=low, high=high, p=paired.p, method=paired.method)
    return replace(told, detectable=paired.detectable(level) or None)


def _verdict(trial: Trial, metric: GateMetric, sides: Sides, *, may_block: bool) -> tuple[GateVerdict, str]:
    """What the numbers mean. `may_block` says whether Holm's steps have come as far as this metric."""
    rule, paired = trial.rule, trial.paired
    assert paired is not None
    fixed = _thresholded(trial)
    if fixed and fixed[0] is GateVerdict.BLOCK:
        return fixed
    loss = -paired.delta
    counts = loss >= rule.min_effect - _NOISE
    if may_block and counts and _lost(metric, trial.sign):
        return GateVerdict.BLOCK, "it got worse, beyond chance"
    likely = metric.adjusted_p is not None and metric.adjusted_p < POINT_P * sides.level / ALPHA
    if sides.alike and counts and likely and loss > rule.margin + _NOISE:
        reason = f"it got worse by more than the margin of {rule.margin:g}, likely not by chance"
        return GateVerdict.BLOCK, f"{reason} (p = {metric.adjusted_p:.2g})"
    if trial.lopsided:
        return GateVerdict.INCONCLUSIVE, trial.lopsided
    floor, _ = paired.interval(sides.level)
    if floor > -rule.margin or (floor == 0.0 and loss == 0.0):
        return GateVerdict.PASS, f"no loss beyond the margin of {rule.margin:g}"
    seen = f" (a loss of {metric.detectable:.3g} would show)" if metric.detectable else ""
    return GateVerdict.INCONCLUSIVE, f"a loss beyond the margin of {rule.margin:g} is not ruled out{seen}"


def _untested(trial: Trial) -> GateMetric:
    """The verdict that needs no test: refused, too few, below the fixed threshold, above it, or none."""
    rule = trial.rule
    if trial.paired is not None:
        metric = _numbers(trial, ALPHA, ALPHA)
        metric = replace(metric, verdict=GateVerdict.INCONCLUSIVE)
    else:
        reason = "no baseline and no threshold"
        metric = GateMetric(rule.metric, GateVerdict.NONE, reason, rule.margin, n=len(trial.candidate.means))
        metric = replace(metric, candidate=trial.mean, worst=trial.worst)
    if trial.refused:
        return replace(metric, verdict=GateVerdict.INVALID, reason=trial.refused)
    fixed = _thresholded(trial)
    if fixed and (trial.paired is None or fixed[0] is GateVerdict.BLOCK):
        return replace(metric, verdict=fixed[0], reason=fixed[1])
    return metric


def _thresholded(trial: Trial) -> tuple[GateVerdict, str] | None:
    """What the fixed threshold says of the candidate's mean; None without one."""
    rule, mean = trial.rule, trial.mean
    if rule.min is None or mean is None:
        return None
    if trial.sign * mean < trial.sign * rule.min - _NOISE:
        return GateVerdict.BLOCK, f"the mean {mean:.4g} is worse than {rule.min:g}"
    return GateVerdict.PASS, f"the mean {mean:.4g} is no worse than {rule.min:g}"


def _reported(others: Sequence[Trial], sides: Sides) -> list[GateMetric]:
    """The metrics that do not gate: compared at the plain level, never blocking. Nothing without a baseline."""
    if sides.baseline is None:
        return []
    p_values = [trial.paired.p for trial in others if trial.paired and trial.testable]
    adjusted = iter(benjamini_hochberg(p_values))
    advisory = compare.advisories(sides.run)
    found = []
    for trial in others:
        metric = _numbers(trial, ALPHA, ALPHA) if trial.paired else _untested(trial)
        reasons = (advisory.get(metric.metric, ""), trial.refused or trial.lopsided or metric.reason)
        metric = replace(metric, reason="; ".join(filter(None, reasons)))
        p = next(adjusted) if trial.testable else None
        found.append(replace(metric, verdict=GateVerdict.NONE, gating=False, adjusted_p=p))
    return found


def _sliced(trial: Trial, sides: Sides) -> bool:
    """Whether the metric's slices are told: it gates or is graded, and could be judged."""
    shown = {rule.metric for rule in sides.run.gating} | compare.graded(sides.run)
    judged = trial.paired is not None or sides.baseline is None
    return trial.rule.metric in shown and judged and not trial.refused


def _canaries(run: Run) -> GateMetric | None:
    """The verdict on the cases that must never fail; None when there are none."""
    ids = set(run.canaries.ids)
    if not ids:
        return None
    measured: set[str] = set()
    failed: set[str] = set()
    broken: set[str] = set()
    advisory, advised = compare.advisories(run), set()
    for item in run.items:
        for name in run.canaries.scorers:
            score = item.scores.get(name)
            if item.id not in ids or score is None:
                continue
            if name in advisory:
                advised.add(name)
                continue
            measured.add(item.id)
            if score.value is None or math.isnan(score.value):
                broken.add(item.id)
            elif score.value < 1:
                failed.add(item.id)
    metric = GateMetric(CANARIES, GateVerdict.PASS, f"all {len(ids)} hold", 0.0, n=len(ids))
    if failed:
        return replace(metric, verdict=GateVerdict.BLOCK, reason=f"must not fail, and did: {_listed(failed)}")
    if advised:
        reason = "; ".join(f"{name} is advisory: {advisory[name]}" for name in sorted(advised))
        return replace(metric, verdict=GateVerdict.INVALID, reason=reason)
    if broken | (ids - measured):
        reason = f"could not be measured: {_listed(broken | (ids - measured))}"
        return replace(metric, verdict=GateVerdict.INVALID, reason=reason)
    return metric


def _overall(
    run: Run, trials: Sequence[Trial], metrics: Sequence[GateMetric], canaries: GateMetric | None
) -> tuple[GateVerdict, str]:
    """The strictest verdict: a canary's failure outweighs failed calls, and those outweigh statistics."""
    if canaries and canaries.verdict is GateVerdict.BLOCK:
        return GateVerdict.BLOCK, _why([canaries])
    for calls in ([item for item in run.items if item.repeat < run.screen], run.items):
        lost = sum(bool(item.output.error) for item in calls)
        if lost > MAX_MISSING * len(calls):
            return GateVerdict.INVALID, f"{lost} of {len(calls)} calls failed (more than {MAX_MISSING:.0%})"
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
            return verdict, _why(hit)
    return GateVerdict.NONE, "no metric gates" if not run.gating else "no baseline and no threshold"


def _why(metrics: Sequence[GateMetric]) -> str:
    return "; ".join(f"{metric.metric}: {metric.reason}" for metric in metrics)


def _listed(ids: set[str]) -> str:
    names = sorted(ids)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
