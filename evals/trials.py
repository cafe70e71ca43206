"""What the gate judges by: one metric's values in two runs, in pairs, or the reason why they cannot be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from evals import compare
from evals.compare import Column, Key
from evals.errors import ComparisonError
from evals.run import Gating, Run
from evals.stats import Paired, fisher, weighted_mean

POINT_REPEATS = 3
"""How often each case is to be asked, in both runs, for a point estimate to say something."""
MAX_MISSING = 0.02
"""A larger share of failed scores makes a run invalid."""
DIFFERENT = 0.05
"""Below this p the runs' shares of missing scores differ."""
REPORT_RESAMPLES = 2_000
"""Bootstrap resamples for metrics that are only reported."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The two runs and what they share."""

    run: Run
    baseline: Run | None
    shared: tuple[Key, ...]
    level: float
    """One-sided level of this look."""
    after: Mapping[str, Column]
    before: Mapping[str, Column]
    """Every metric's column in the candidate and in the baseline, over what they share."""
    weights: Mapping[Key, float]
    left_out: bool = False
    """Whether adaptive repeats of another comparison were left out of the runs."""

    @property
    def alike(self) -> bool:
        """Whether both asked each case equally often, and often enough for a point estimate to say something."""
        before = self.baseline
        return (
            before is not None
            and not self.left_out
            and (self.run.repeats, self.run.screen) == (before.repeats, before.screen)
            and self.run.repeats >= POINT_REPEATS
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """One metric on its way to a verdict."""

    rule: Gating
    sign: int
    """1 where larger values are better, else -1."""
    candidate: Column
    baseline: Column | None
    mean: float | None = None
    """The candidate's weighted mean over all its cases."""
    means: tuple[float | None, float | None] = (None, None)
    """Weighted means of baseline and candidate over the cases that both have a value for."""
    paired: Paired | None = None
    worst: float | None = None
    refused: str = ""
    """Why the metric cannot be judged; empty when it can."""
    empty: bool = False
    """Whether it is refused for want of anything to measure rather than for failures."""
    lopsided: str = ""
    """How the runs differ in answers without anything to measure, where that is beyond chance; else empty."""

    @property
    def testable(self) -> bool:
        """Whether there is more than one case, or cluster of cases, to compare."""
        return self.paired is not None and self.paired.groups > 1


def matched(run: Run, baseline: Run | None, level: float) -> Sides:
    """What the two runs share, read once. Raises ComparisonError when it is too little."""
    left_out = False
    if baseline:
        _same_directions(baseline, run)
        kept = compare.evenly(baseline, run)
        left_out = kept != (baseline, run)
        baseline, run = kept
    shared = tuple(compare.common(baseline, run) if baseline else compare.keys(run))
    names = list(dict.fromkeys(s.name for s in run.scorers)) + [rule.metric for rule in run.gating]
    after = compare.columns(run, names, set(shared))
    before = compare.columns(baseline, names, set(shared)) if baseline else {}
    return Sides(run, baseline, shared, level, after, before, compare.weights(run), left_out)


def reported_trials(sides: Sides) -> list[Trial]:
    """The metrics that do not gate: scorers that both runs have, in order of name, then what answers took and cost."""
    run, baseline = sides.run, sides.baseline
    names = {scorer.name for scorer in run.scorers} - {rule.metric for rule in run.gating}
    if baseline:
        names &= {scorer.name for scorer in baseline.scorers}
    found = [tried(sides, Gating(name), REPORT_RESAMPLES) for name in sorted(names)]
    if baseline is None:
        return found
    scored = {scorer.name for side in (run, baseline) for scorer in side.scorers}
    before, after = (compare.measures(side, set(sides.shared)) for side in (baseline, run))
    for name, column in after.items():
        if name in before and name not in scored:
            trial = Trial(Gating(name, margin=0.0), -1, column, before[name])
            unsound = _unsound(column, before[name])
            found.append(
                replace(trial, refused=unsound) if unsound else _matched(trial, sides, REPORT_RESAMPLES)
            )
    return found


def tried(sides: Sides, rule: Gating, resamples: int) -> Trial:
    """One metric, with its pairs where there is a baseline, or with the reason why it cannot be judged."""
    better = {scorer.name: scorer.higher_is_better for scorer in sides.run.scorers}
    candidate = sides.after[rule.metric]
    before = sides.before[rule.metric] if sides.baseline else None
    trial = Trial(rule, 1 if better.get(rule.metric, True) else -1, candidate, before)
    unfit = (
        _misruled(rule)
        or _advised(sides, rule.metric)
        or _unlike(sides, rule.metric)
        or _unsound(candidate, before)
    )
    if unfit:
        return replace(trial, refused=unfit)
    weights = sides.weights
    trial = replace(trial, mean=_mean(candidate.means, weights))
    if before is not None and candidate.means and before.means:
        trial = replace(trial, worst=compare.worst(before, candidate, trial.sign, weights))
    missing = _missing(candidate, before)
    if missing:
        failed = candidate.failed + (before.failed if before else 0)
        return replace(trial, refused=missing, empty=candidate.total > 0 and not failed)
    return _matched(trial, sides, resamples)


def _matched(trial: Trial, sides: Sides, resamples: int) -> Trial:
    """The trial with the cases that both runs have a value for, in pairs. As it is without a baseline."""
    candidate, before, baseline = trial.candidate, trial.baseline, sides.baseline
    if before is None or baseline is None:
        return trial
    weights, clusters = sides.weights, compare.clusters(sides.run)
    both = sorted(
        key
        for key in sides.shared
        if key in candidate.means and key in before.means and weights.get(key, 1.0) > 0
    )
    if not both:
        return replace(trial, refused="no case is scored in both runs", empty=True)
    if fisher(candidate.unscored, candidate.total, before.unscored, before.total) < DIFFERENT:
        rates = f"{before.unscored} of {before.total} before, {candidate.unscored} of {candidate.total} now"
        trial = replace(trial, lopsided=f"answers with nothing to measure: {rates}")
    values = [(before.means[key], candidate.means[key]) for key in both]
    single = sides.run.repeats == baseline.repeats == 1
    heavy = compare.weights_of(both, weights)
    old, new = (weighted_mean(side, heavy) for side in zip(*values, strict=True))
    paired = Paired(
        [trial.sign * (after - earlier) for earlier, after in values],
        [clusters.get(key, ("case", key[0])) for key in both],
        weights=heavy,
        binary=single and all(value in (0.0, 1.0) for pair in values for value in pair),
        resamples=resamples,
    )
    return replace(trial, paired=paired, means=(old, new))


def _misruled(rule: Gating) -> str:
    """What is wrong with a rule; empty when nothing is."""
    for name, value in (("margin", rule.margin), ("min_effect", rule.min_effect)):
        if not 0 <= value < math.inf:
            return f"its {name} is {value:g}: it is a number from 0 on"
    if rule.min is not None and not math.isfinite(rule.min):
        return f"its min is {rule.min:g}, which is no number"
    return ""


def _advised(sides: Sides, metric: str) -> str:
    """Why the metric may not gate; empty when it may, or is only reported.

    The baseline's values may be older than the calibration of the judge that gave them: what counts is whether that
    same judge is fit now.
    """
    if all(rule.metric != metric for rule in sides.run.gating):
        return ""
    if reason := compare.advisories(sides.run).get(metric, ""):
        return f"it is advisory: {reason}"
    if sides.baseline is None:
        return ""
    old, new = (
        {scorer.name: scorer.judge for scorer in side.scorers} for side in (sides.baseline, sides.run)
    )
    if old.get(metric) and old.get(metric) == new.get(metric):
        return ""
    reason = compare.advisories(sides.baseline).get(metric, "")
    return f"the baseline's values are advisory: {reason}" if reason else ""


def _unlike(sides: Sides, metric: str) -> str:
    """Why values of the two runs mean different things; empty when they do not."""
    if sides.baseline is None:
        return ""
    old, new = (
        {scorer.name: scorer.version for scorer in run.scorers} for run in (sides.baseline, sides.run)
    )
    if metric not in new:
        return "this run has no score for it"
    if metric not in old:
        return "the baseline has no score for it"
    if old[metric] != new[metric]:
        return f"scored by version {old[metric]} before and {new[metric]} now; run the baseline again"
    return ""


def _unsound(candidate: Column, before: Column | None) -> str:
    """Why the values cannot be reckoned with; empty when they can."""
    for name, column in (("this run", candidate), ("the baseline", before)):
        if column is not None and not column.sound:
            return f"{name} holds a value that is too large, or no number"
    return ""


def _missing(candidate: Column, before: Column | None) -> str:
    """Why too little was measured to judge by; empty when enough was."""
    for name, column in (("this run", candidate), ("the baseline", before)):
        if column is None:
            continue
        if not column.means:
            return f"{name} has no score for it"
        for failed, total in (column.early, (column.failed, column.total)):
            if failed > MAX_MISSING * total:
                return f"{failed} of {total} scores failed in {name} (more than {MAX_MISSING:.0%})"
    if before and fisher(candidate.failed, candidate.total, before.failed, before.total) < DIFFERENT:
        rates = f"{before.failed} of {before.total} before, {candidate.failed} of {candidate.total} now"
        return f"the shares of failed scores differ ({rates})"
    return ""


def _same_directions(baseline: Run, run: Run) -> None:
    old = {scorer.name: scorer.higher_is_better for scorer in baseline.scorers}
    for scorer in run.scorers:
        if old.get(scorer.name, scorer.higher_is_better) != scorer.higher_is_better:
            what = f"scorer {scorer.name} is better when higher in one run and when lower in the other"
            raise ComparisonError(what, fix="run the baseline again with this scorer")


def _mean(means: Mapping[Key, float], weights: Mapping[Key, float]) -> float | None:
    """The weighted mean; None where nothing has weight."""
    kept = [key for key in means if weights.get(key, 1.0) > 0]
    return weighted_mean([means[key] for key in kept], compare.weights_of(kept, weights)) if kept else None
