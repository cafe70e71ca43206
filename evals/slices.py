"""Where a change happened: each metric over the cases with one tag, and over each part of a split set."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from evals import compare
from evals.compare import Column, Key
from evals.run import Run, RunCase, Slice
from evals.stats import Paired, weighted_mean

ALPHA = 0.025
"""Level of each bound: 95 % between the two."""


Columns = Mapping[str, Column]
"""Columns by metric."""


def slices(run: Run, shared: Sequence[Key], after: Columns, before: Columns | None) -> tuple[Slice, ...]:
    """Each metric in each slice that has a value of it, by tag and then in the order of the columns.

    Bounds are cluster-robust t intervals, of the difference where there is a baseline and of the mean where there is
    none; None for a single case or cluster. They end where a share or a difference of shares does. They are not
    corrected for their number: a slice shows where to look.

    Args:
        run: the candidate, for what its cases are.
        shared: the cases to look at.
        after: the candidate's columns.
        before: the baseline's, of the same metrics; None tells means alone.
    """
    clusters, weights, shares = compare.clusters(run), compare.weights(run), compare.graded(run)
    found = []
    for tag, keys in sorted(_members(run.cases, set(shared)).items()):
        for metric, column in after.items():
            new, old = column.means, before[metric].means if before is not None else None
            known = [key for key in keys if key in new and (old is None or key in old)]
            if known:
                part = _Part(
                    [new[key] for key in known],
                    [old[key] for key in known] if old is not None else None,
                    [clusters[key] for key in known],
                    compare.weights_of(known, weights),
                )
                told = part.slice(tag, metric)
                found.append(_clipped(told) if metric in shares else told)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Part:
    """One metric over some cases, in one order; `before` is None without a baseline."""

    after: Sequence[float]
    before: Sequence[float] | None
    clusters: Sequence[Hashable]
    weights: Sequence[float] | None

    def slice(self, tag: str, metric: str) -> Slice:
        """Means, difference and bounds."""
        told = Slice(tag, metric, len(self.after), weighted_mean(self.after, self.weights))
        moved = list(self.after)
        if self.before is not None:
            moved = [new - old for old, new in zip(self.before, self.after, strict=True)]
        paired = Paired(moved, self.clusters, weights=self.weights, resamples=0)
        if self.before is not None:
            told = replace(told, baseline=weighted_mean(self.before, self.weights), delta=paired.delta)
        if paired.groups < 2:
            return told
        low, high = paired.interval(ALPHA)
        return replace(told, low=low, high=high)


def _clipped(part: Slice) -> Slice:
    """A slice of shares, with bounds that shares can have."""
    if part.low is None or part.high is None:
        return part
    least = 0.0 if part.delta is None else -1.0
    return replace(part, low=max(part.low, least), high=min(part.high, 1.0))


def _members(cases: Sequence[RunCase], shared: set[Key]) -> dict[str, list[Key]]:
    """The cases of each tag, and of each part of the set as `split:NAME`. Cases without weight are in none."""
    found: dict[str, list[Key]] = {}
    for case in cases:
        key = (case.id, case.sha256)
        if key in shared and case.weight:
            for tag in dict.fromkeys((*case.tags, *([f"split:{case.split}"] if case.split else []))):
                found.setdefault(tag, []).append(key)
    return found
