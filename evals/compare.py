"""Two runs side by side: which cases are the same, how the runs differ otherwise, which cases flipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from evals import flaky as flakiness
from evals.errors import ComparisonError
from evals.run import BaselineRef, Flip, Ledger, Run, RunItem, TargetRef
from evals.stats import weighted_mean
from evals.types import Cause, Status

MIN_OVERLAP = 0.8
"""Share of the larger run's cases that must be identical in both."""
PASSING = flakiness.PASSING
"""A case passes a metric when its mean over the repeats is at least this."""
LARGEST = 1e100
"""A larger value is no measurement, and its powers are no numbers."""
HEAVIEST = 1e9
"""The largest weight of a case."""

MOST_LOSSES, MOST_GAINS = 15, 5
"""Changes without a flip that a run keeps of one metric."""

Key = tuple[str, str]
"""Id and hash of a case: a case whose content changed is another case."""


@dataclass(frozen=True, slots=True)
class Column:
    """One metric's values in one run, over some cases."""

    means: Mapping[Key, float]
    """Mean over the scored repeats, for cases with at least one."""
    counts: Mapping[Key, tuple[int, int]]
    """Of each case: repeats with a value, and repeats that failed."""
    total: int
    """Scores, with or without a value."""
    failed: int
    """Scores without a value because the target or the scorer failed."""
    unscored: int
    """All scores without a value."""
    least: float = 0.0
    most: float = 0.0
    """The extremes of the single values."""
    early: tuple[int, int] = (0, 0)
    """Of adaptive repeats: failed scores and all of them in the screen, which asks every case equally often."""

    @property
    def sound(self) -> bool:
        """Whether every value is a number that can be reckoned with."""
        return -LARGEST <= self.least <= self.most <= LARGEST


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


def evenly(baseline: Run, run: Run) -> tuple[Run, Run]:
    """Both runs without what another comparison asked of them; as they are where nothing has to go.

    Adaptive repeats pull a case's mean towards that of the other arm. Two arms of one comparison, which were asked the
    same cases equally often, are pulled alike; of any other adaptive run only the screen is without bias.
    """
    if not (baseline.screen or run.screen) or _calls(baseline) == _calls(run):
        return baseline, run
    return _screened(baseline), _screened(run)


def column(run: Run, metric: str, only: set[Key] | None = None) -> Column:
    """A scorer's results; only over some cases where `only` is given."""
    return columns(run, [metric], only)[metric]


def columns(run: Run, metrics: Sequence[str], only: set[Key] | None = None) -> dict[str, Column]:
    """The results of several scorers, read in one go."""
    values: dict[str, dict[Key, list[float | None]]] = {metric: {} for metric in metrics}
    empty = dict.fromkeys(metrics, 0)
    early = {metric: [0, 0] for metric in metrics}
    for item in run.items:
        key = (item.id, item.sha256)
        if only is not None and key not in only:
            continue
        for metric, score in item.scores.items():
            if metric not in values:
                continue
            found = values[metric].setdefault(key, [])
            nothing = score.status is Status.UNSCORED and score.cause is Cause.EMPTY
            if nothing:
                empty[metric] += 1
            else:
                found.append(score.value)
            if item.repeat < run.screen:
                early[metric][0] += score.value is None and not nothing
                early[metric][1] += 1
    return {
        metric: replace(_column(found, empty[metric]), early=(early[metric][0], early[metric][1]))
        for metric, found in values.items()
    }


def measures(run: Run, only: set[Key] | None = None) -> dict[str, Column]:
    """What answers took and cost, as columns: `latency` in ms, `tokens`, and `usd` where the prices are known.

    Outputs with an error, and those whose provider did not say, have no value. What no output has is left out.
    """
    reckoned: dict[str, Callable[[RunItem], float | None]] = {
        "latency": lambda item: item.output.latency_ms or None,
        "tokens": _tokens,
        "usd": lambda item: _usd(item, run.ledger),
    }
    answered = [
        ((item.id, item.sha256), item)
        for item in run.items
        if not item.output.error and (only is None or (item.id, item.sha256) in only)
    ]
    found = {}
    for name, reckon in reckoned.items():
        values: dict[Key, list[float | None]] = {}
        for key, item in answered:
            value = reckon(item)
            if value is not None:
                values.setdefault(key, []).append(value)
        if values:
            found[name] = _column(values, 0)
    return found


def worst(baseline: Column, candidate: Column, sign: int, weights: Mapping[Key, float]) -> float | None:
    """The difference in the metric's unit if what is missing had gone as badly as can be for the candidate.

    Missing is each failed score, and each case that only one run has a value for. The candidate gets the worst value
    for it and the baseline the best: the ends of the scale where all values lie between 0 and 1, else the extremes seen
    in either run. None without any case. `sign` is 1 where larger values are better, else -1.
    """
    low, high = min(baseline.least, candidate.least), max(baseline.most, candidate.most)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    bad, good = (low, high) if sign > 0 else (high, low)
    cases = [
        key
        for key in baseline.counts.keys() | candidate.counts.keys()
        if any(sum(column.counts.get(key, (0, 0))) for column in (baseline, candidate))
    ]
    losses = [_filled(candidate, key, bad) - _filled(baseline, key, good) for key in cases]
    heavy = weights_of(cases, weights)
    return weighted_mean(losses, heavy) if cases and (heavy is None or any(heavy)) else None


def weights(run: Run) -> dict[Key, float]:
    """How much each case counts, where it does not count once."""
    return {(case.id, case.sha256): case.weight for case in run.cases if case.weight != 1.0}


def weights_of(cases: Sequence[Key], weights: Mapping[Key, float]) -> list[float] | None:
    """The weights of these cases, in their order; None where all count once."""
    return [weights.get(key, 1.0) for key in cases] if weights else None


def clusters(run: Run) -> dict[Key, tuple[str, str]]:
    """The cluster of each case. A case that names none is its own, whatever the others are called."""
    return {
        (case.id, case.sha256): ("cluster", case.cluster) if case.cluster else ("case", case.id)
        for case in run.cases
    }


def policies(run: Run) -> list[str]:
    """The policies, as `name@revision`, under which a proxy let the answers pass, in order."""
    return sorted({item.output.policy for item in run.items} - {""})


def advisories(run: Run) -> dict[str, str]:
    """The scorers whose values may not gate, each with the reason."""
    return {scorer.name: scorer.advisory for scorer in run.scorers if scorer.advisory}


def differences(baseline: Run, run: Run) -> list[str]:
    """How the runs differ besides their outputs, one sentence each."""
    pairs = [
        ("suite", baseline.suite, run.suite),
        ("prompt", _prompt(baseline), _prompt(run)),
        *_targets(baseline.target, run.target, _asked(baseline, run)),
        ("policy of the proxy", _listed(policies(baseline)), _listed(policies(run))),
        ("judge", _judge(baseline), _judge(run)),
        ("repeats", str(baseline.repeats), str(run.repeats)),
        ("screen of adaptive repeats", _told(baseline.screen or None), _told(run.screen or None)),
        ("seed", _told(baseline.seed), _told(run.seed)),
    ]
    told = [f"{name}: {before} -> {after}" for name, before, after in pairs if before != after]
    if _content(baseline) != _content(run):
        told.insert(0, f"golden set: {_golden(baseline)} -> {_golden(run)}")
    old, new = ({scorer.name: scorer.version for scorer in side.scorers} for side in (baseline, run))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            told.append(f"scorer {name}: {old.get(name, 'absent')} -> {new.get(name, 'absent')}")
    before, after, both = weights(baseline), weights(run), set(keys(baseline)) & set(keys(run))
    moved = sum(before.get(key, 1.0) != after.get(key, 1.0) for key in both)
    if moved:
        told.append(f"weights: {moved} cases weigh more or less than before; those of this run count")
    if evenly(baseline, run) != (baseline, run):
        told.append("adaptive repeats of another comparison are left out")
    return told


def flips(baseline: Run, run: Run, metrics: list[str], shared: list[Key]) -> list[Flip]:
    """Cases that pass a metric in one run and fail it in the other: losses first, then by metric and id."""
    changes = (change for found in _changes(baseline, run, metrics, shared).values() for change in found)
    found = [change for change in changes if _crosses(change)]
    return sorted(found, key=lambda flip: (not flip.lost, flip.metric, flip.id))


def moved(baseline: Run, run: Run, metrics: list[str], shared: list[Key]) -> list[Flip]:
    """Of each metric the cases that lost or gained most without a flip: its losses first, each the largest first."""
    better = {scorer.name: scorer.higher_is_better for scorer in run.scorers}
    marked = graded(run) & graded(baseline)
    found: list[Flip] = []
    for metric, changes in _changes(baseline, run, metrics, shared).items():
        sign = 1 if better.get(metric, True) else -1
        others = [change for change in changes if not (metric in marked and _crosses(change))]
        others.sort(key=lambda change: (-abs(change.after - change.before), change.id))
        found += [change for change in others if sign * (change.after - change.before) < 0][:MOST_LOSSES]
        found += [change for change in others if sign * (change.after - change.before) > 0][:MOST_GAINS]
    return found


def flaky(run: Run) -> list[tuple[str, str]]:
    """Case and metric that pass in one repeat and fail in another of the same run."""
    found = run.flaky or flakiness.flaky(run.items, graded(run))
    return [(each.id, each.metric) for each in found]


def graded(run: Run) -> set[str]:
    """The scorers whose values are shares of one, where larger is better: those with a pass mark."""
    best = {name: summary.mean for name, summary in run.summary.items()}
    return {s.name for s in run.scorers if s.higher_is_better and (best.get(s.name) or 0.0) <= 1.0}


def baseline_ref(baseline: Run, run: Run, shared: list[Key], undecided: Sequence[str] = ()) -> BaselineRef:
    """What a run keeps of the baseline it was compared with.

    Args:
        baseline: the earlier run.
        run: the later one.
        shared: the cases that are identical in both.
        undecided: metrics that did not pass, of which changes without a flip are kept too.
    """
    metrics, kept = sorted(graded(run) & graded(baseline)), evenly(baseline, run)
    return replace(
        uncompared(baseline, run),
        compared=len(shared),
        only_baseline=len(keys(baseline)) - len(shared),
        only_candidate=len(keys(run)) - len(shared),
        flips=tuple(flips(*kept, metrics, shared)),
        moved=tuple(moved(*kept, list(undecided), shared)),
    )


def uncompared(baseline: Run, run: Run) -> BaselineRef:
    """What a run keeps of the baseline that it was to be compared with, where nothing came of it."""
    return BaselineRef(
        id=baseline.id,
        created_at=baseline.created_at,
        golden=baseline.golden,
        prompt=baseline.prompt,
        target=baseline.target,
        repeats=baseline.repeats,
        compared=0,
        only_baseline=0,
        only_candidate=0,
        differences=tuple(differences(baseline, run)),
        means={name: summary.mean for name, summary in baseline.summary.items() if summary.mean is not None},
    )


def _changes(baseline: Run, run: Run, metrics: list[str], shared: list[Key]) -> dict[str, list[Flip]]:
    """Of each metric the cases whose values differ, with the texts that differ most in value."""
    sides = (baseline, run)
    old_columns, new_columns = (columns(side, metrics, set(shared)) for side in sides)
    found: dict[str, list[Flip]] = {}
    for metric in metrics:
        before, after = old_columns[metric].means, new_columns[metric].means
        both = [key for key in shared if key in before and key in after and before[key] != after[key]]
        fell = {key: after[key] < before[key] for key in both}
        old = _telling(baseline, metric, fell)
        new = _telling(run, metric, {key: not lost for key, lost in fell.items()})
        found[metric] = [
            Flip(key[0], metric, before[key], after[key], old.get(key, ""), new.get(key, "")) for key in both
        ]
    return found


def _telling(run: Run, metric: str, highest: Mapping[Key, bool]) -> dict[Key, str]:
    """Of some cases the text of the repeat with the highest value, or with the lowest; the first of equals."""
    best: dict[Key, tuple[float, int, str]] = {}
    for item in run.items:
        key = (item.id, item.sha256)
        score = item.scores.get(metric) if key in highest else None
        if score is None or score.value is None:
            continue
        rank = (-score.value if highest[key] else score.value, item.repeat, item.output.text)
        if key not in best or rank < best[key]:
            best[key] = rank
    return {key: text for key, (_, _, text) in best.items()}


def _crosses(change: Flip) -> bool:
    """Whether a case passes in one run and fails in the other."""
    return (change.before >= PASSING) != (change.after >= PASSING)


def _content(run: Run) -> tuple[str, str]:
    """What a golden set is known by: another version of the same content is the same."""
    return run.golden.name, run.golden.content_sha256


def _golden(run: Run) -> str:
    return f"{run.golden.name} {run.golden.version} ({run.golden.content_sha256[:12]})"


def _prompt(run: Run) -> str:
    return f"{run.prompt.name} {run.prompt.version} ({run.prompt.sha256[:12]})"


def _judge(run: Run) -> str:
    return "none" if run.judge is None else f"{run.judge.model} at {run.judge.base_url}"


def _targets(before: TargetRef, after: TargetRef, named: str) -> list[tuple[str, str, str]]:
    """What of two targets may differ: its name, and what it is in each. The address is told without any password.

    Args:
        named: what their `model` names.
    """
    sides = [
        (
            ("variant", target.variant or "none"),
            (named, target.model),
            ("answering models", ", ".join(target.answered_models)),
            ("target", target.kind),
            ("address", target.base_url.rpartition("@")[2] or "none"),
            ("temperature", "the server's" if target.temperature is None else f"{target.temperature:g}"),
            ("retrieval index", target.index or "none"),
        )
        for target in (before, after)
    ]
    return [(name, old, new) for (name, old), (_, new) in zip(*sides, strict=True)]


def _calls(run: Run) -> set[tuple[str, str, int]]:
    return {(item.id, item.sha256, item.repeat) for item in run.items}


def _screened(run: Run) -> Run:
    """The run without its adaptive repeats."""
    if not run.screen:
        return run
    items = tuple(item for item in run.items if item.repeat < run.screen)
    return replace(run, items=items, repeats=run.screen, screen=0)


def _asked(baseline: Run, run: Run) -> str:
    """What `target.model` names in both runs."""
    kinds = {baseline.target.kind, run.target.kind}
    return "policy" if kinds == {"policy"} else "function" if kinds == {"callable"} else "model"


def _told(value: int | None) -> str:
    return "none" if value is None else str(value)


def _column(values: Mapping[Key, Sequence[float | None]], empty: int) -> Column:
    """A column from each case's values, None for one that failed."""
    known = {key: [value for value in found if value is not None] for key, found in values.items()}
    every = list(chain.from_iterable(known.values()))
    failed = sum(map(len, values.values())) - len(every)
    broken = any(map(math.isnan, every))
    return Column(
        means={key: _average(found) for key, found in known.items() if found},
        counts={key: (len(known[key]), len(found) - len(known[key])) for key, found in values.items()},
        total=len(every) + failed + empty,
        failed=failed,
        unscored=failed + empty,
        least=math.nan if broken else min(every, default=0.0),
        most=math.nan if broken else max(every, default=0.0),
    )


def _average(values: Sequence[float]) -> float:
    return values[0] if len(values) == 1 else math.fsum(values) / len(values)


def _filled(column: Column, key: Key, missing: float) -> float:
    """A case's mean with a value for each repeat that failed, and that value where it has no repeat."""
    scored, failed = column.counts.get(key, (0, 0))
    if not scored:
        return missing
    return (column.means[key] * scored + missing * failed) / (scored + failed)


def _tokens(item: RunItem) -> float | None:
    usage = item.output.usage
    return None if usage is None else float(usage.prompt_tokens + usage.completion_tokens)


def _usd(item: RunItem, ledger: Ledger) -> float | None:
    usage = item.output.usage
    if usage is None or ledger.prices is None:
        return None
    cost = usage.prompt_tokens * ledger.prices[0] + usage.completion_tokens * ledger.prices[1]
    return cost / 1_000_000


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "not told"
