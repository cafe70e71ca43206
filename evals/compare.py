"""Two runs side by side: which cases are the same, how the runs differ otherwise, which cases flipped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evals.errors import ComparisonError
from evals.types import BaselineRef, Cause, Flip, Run, Status

MIN_OVERLAP = 0.8
"""Share of the larger run's cases that must be identical in both."""
PASSING = 0.5
"""A case passes a metric when its mean over the repeats is at least this."""

Key = tuple[str, str]
"""Id and hash of a case: a case whose content changed is another case."""


@dataclass(frozen=True, slots=True)
class Column:
    """One scorer's results in one run, over some cases."""

    means: Mapping[Key, float]
    """Mean over the scored repeats, for cases with at least one."""
    total: int
    """Scores, with or without a value."""
    failed: int
    """Scores without a value because the target or the scorer failed."""
    unscored: int
    """All scores without a value."""


def keys(run: Run) -> list[Key]:
    """The run's cases, in its order."""
    return list(dict.fromkeys((item.id, item.sha256) for item in run.items))


def common(baseline: Run, run: Run) -> list[Key]:
    """The cases that are identical in both, in order. Raises ComparisonError when they are too few."""
    return overlap(keys(baseline), keys(run))


def overlap(before: Sequence[Key], after: Sequence[Key]) -> list[Key]:
    """What two lists of cases share, in the second's order. Raises ComparisonError when it is too little."""
    shared = set(before) & set(after)
    larger = max(len(before), len(after), 1)
    if len(shared) / larger < MIN_OVERLAP:
        what = f"only {len(shared)} of {larger} cases are as in the baseline ({MIN_OVERLAP:.0%} are needed)"
        fix = "run the baseline's prompt on this golden set, and `guardhouse eval accept` that run"
        raise ComparisonError(what, fix=fix)
    return [key for key in after if key in shared]


def column(run: Run, metric: str, only: set[Key] | None = None) -> Column:
    """A scorer's results; only over some cases where `only` is given."""
    values: dict[Key, list[float]] = {}
    total = failed = unscored = 0
    for item in run.items:
        score = item.scores.get(metric)
        key = (item.id, item.sha256)
        if score is None or (only is not None and key not in only):
            continue
        total += 1
        if score.status is Status.SCORED and score.value is not None:
            values.setdefault(key, []).append(score.value)
        else:
            unscored += 1
            failed += score.cause is not Cause.EMPTY
    means = {key: math.fsum(found) / len(found) for key, found in values.items()}
    return Column(means, total, failed, unscored)


def differences(baseline: Run, run: Run) -> list[str]:
    """How the runs differ besides their outputs, one sentence each."""
    pairs = [
        ("suite", baseline.suite, run.suite),
        ("golden set", _golden(baseline), _golden(run)),
        ("prompt", _prompt(baseline), _prompt(run)),
        ("model", baseline.target.model, run.target.model),
        (
            "answering models",
            ", ".join(baseline.target.answered_models),
            ", ".join(run.target.answered_models),
        ),
        ("target", baseline.target.kind, run.target.kind),
        ("retrieval index", baseline.target.index or "none", run.target.index or "none"),
        ("repeats", str(baseline.repeats), str(run.repeats)),
    ]
    told = [f"{name}: {before} -> {after}" for name, before, after in pairs if before != after]
    old, new = ({scorer.name: scorer.version for scorer in side.scorers} for side in (baseline, run))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            told.append(f"scorer {name}: {old.get(name, 'absent')} -> {new.get(name, 'absent')}")
    return told


def flips(baseline: Run, run: Run, metrics: list[str], shared: list[Key]) -> list[Flip]:
    """Cases that pass a metric in one run and fail it in the other: losses first, then by metric and id."""
    texts = [
        {(item.id, item.sha256): item.output.text for item in reversed(side.items)}
        for side in (baseline, run)
    ]
    found = []
    for metric in metrics:
        before, after = (column(side, metric, set(shared)).means for side in (baseline, run))
        for key in shared:
            if key in before and key in after and (before[key] >= PASSING) != (after[key] >= PASSING):
                old, new = texts[0].get(key, ""), texts[1].get(key, "")
                found.append(Flip(key[0], metric, before[key], after[key], old, new))
    return sorted(found, key=lambda flip: (not flip.lost, flip.metric, flip.id))


def flaky(run: Run) -> list[tuple[str, str]]:
    """Case and metric that pass in one repeat and fail in another of the same run."""
    metrics = graded(run)
    seen: dict[tuple[str, str], set[bool]] = {}
    for item in run.items:
        for metric, score in item.scores.items():
            if score.value is not None and metric in metrics:
                seen.setdefault((item.id, metric), set()).add(score.value >= PASSING)
    return sorted(key for key, outcomes in seen.items() if len(outcomes) == 2)


def graded(run: Run) -> set[str]:
    """The scorers whose values are shares of one, where larger is better: those with a pass mark."""
    best = {name: summary.mean for name, summary in run.summary.items()}
    return {s.name for s in run.scorers if s.higher_is_better and (best.get(s.name) or 0.0) <= 1.0}


def baseline_ref(baseline: Run, run: Run, shared: list[Key]) -> BaselineRef:
    """What a run keeps of the baseline it was compared with."""
    metrics = sorted(graded(run) & graded(baseline))
    return BaselineRef(
        id=baseline.id,
        created_at=baseline.created_at,
        golden=baseline.golden,
        prompt=baseline.prompt,
        target=baseline.target,
        repeats=baseline.repeats,
        compared=len(shared),
        only_baseline=len(keys(baseline)) - len(shared),
        only_candidate=len(keys(run)) - len(shared),
        differences=tuple(differences(baseline, run)),
        flips=tuple(flips(baseline, run, metrics, shared)),
        means={name: summary.mean for name, summary in baseline.summary.items() if summary.mean is not None},
    )


def _golden(run: Run) -> str:
    return f"{run.golden.name} {run.golden.version} ({run.golden.content_sha256[:12]})"


def _prompt(run: Run) -> str:
    return f"{run.prompt.name} {run.prompt.version} ({run.prompt.sha256[:12]})"
