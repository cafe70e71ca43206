"""How often the gate is wrong: replays of runs whose true change is known, put through the gate itself.

    python tests/bench/bench_gate.py             five minutes of CPU: 1,000 replays of everything that may block falsely
    python tests/bench/bench_gate.py --quick     under 20 seconds: too few replays for the bars, which are only named

70 % of the items pass with a chance of .98, 20 % with .70, 10 % with .15. Both arms are drawn from these chances; for a
true loss, items that pass are broken to .05 until the mean has fallen by it. Every pair of runs is judged by
`evals.gate.judge` as it ships, with 10,000 resamples; adaptive repeats are asked for by `evals.adaptive.again`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from evals import adaptive, gate
from evals.run import (
    GateVerdict,
    Gating,
    GoldenRef,
    PromptRef,
    Run,
    RunCase,
    RunItem,
    ScorerRef,
    Summary,
    TargetRef,
)
from evals.stats import RESAMPLES
from evals.types import Cause, Output, Score
from tests.bench.report import Row, command

SEED = 9
BROKEN = 0.05
"""Chance of passing of an item that a change broke."""
SCORES = (Score.of(0.0), Score.of(1.0))
FAILED = Score.unscored("no answer", Cause.TARGET)
OUTPUT = Output(text="text")


@dataclass(frozen=True, slots=True)
class Design:
    """How a comparison is made."""

    n: int = 100
    repeats: int = 3
    screen: int = 0
    """Times every case is asked before the adaptive repeats; 0 asks all alike."""
    metrics: int = 1
    """Metrics that gate, independent of each other."""
    margin: float = 0.05
    together: int = 1
    """Cases to a cluster."""
    shared: float = 0.0
    """Chance that a case has its cluster's luck in a repeat instead of its own."""
    weights: Sequence[float] = (1.0,)
    """Weights that the cases have in turn."""
    missing: float = 0.0
    """Chance that a score is missing, in both arms alike."""
    looks: int = 1
    """Times the comparison is made, with all that has been asked up to then; it ends at the first block."""
    resamples: int = RESAMPLES


@dataclass(frozen=True, slots=True)
class Tally:
    """Shares of the replays."""

    blocked: float
    invalid: float
    passed: float
    calls: float
    """Calls of a replay, as a multiple of asking each case once in both arms."""
    dropped: float
    """Replays in which the mean fell by more than two points: what a plain threshold would have blocked."""


def chances(n: int, loss: float = 0.0) -> list[float]:
    """Each item's chance to pass, after a change that costs so much of the mean."""
    found = [0.98] * round(n * 0.7) + [0.70] * round(n * 0.2)
    found += [0.15] * (n - len(found))
    left = loss * n
    for place in range(n):
        taken = min(left, found[place] - BROKEN)
        found[place] -= max(0.0, taken)
        left -= max(0.0, taken)
    return found


class Arm:
    """One side of a comparison, which can be asked again."""

    def __init__(self, design: Design, loss: float, random: np.random.Generator) -> None:
        self._design, self._random = design, random
        self._chances = np.array(chances(design.n, loss))
        places = np.arange(design.n)
        if design.together > 1:
            mixed = np.random.default_rng(SEED).permutation(design.n)
            self._chances, places = self._chances[mixed], places // design.together
        self._clusters = places
        self.items: list[RunItem] = []

    def ask(self, repeats: range, only: Sequence[str] | None = None) -> None:
        """Draws these repeats of all cases, or of some."""
        design, random = self._design, self._random
        wanted = range(design.n) if only is None else [int(name[1:]) for name in only]
        for repeat in repeats:
            luck = random.random((design.metrics, design.n))
            if design.shared:
                common = random.random((design.metrics, design.n))[:, self._clusters]
                luck = np.where(random.random((design.metrics, design.n)) < design.shared, common, luck)
            passed = luck < self._chances
            gone = random.random(design.n) < design.missing
            for place in wanted:
                scores = {
                    f"m{metric}": FAILED if gone[place] else SCORES[bool(passed[metric, place])]
                    for metric in range(design.metrics)
                }
                self.items.append(RunItem(f"c{place:04}", "same", repeat, OUTPUT, scores))

    def run(self, asked: int) -> Run:
        """What was asked so far."""
        design = self._design
        names = [f"m{metric}" for metric in range(design.metrics)]
        return replace(
            _EMPTY,
            repeats=asked,
            screen=design.screen,
            scorers=tuple(ScorerRef(name, "1") for name in names),
            summary={name: Summary(0.8, design.n, 0, None, None) for name in names},
            items=tuple(self.items),
            cases=tuple(
                RunCase(
                    f"c{place:04}", "same", "", "",
                    cluster=f"k{self._clusters[place]}" if design.together > 1 else "",
                    weight=design.weights[place % len(design.weights)],
                )
                for place in range(design.n)
            ),
            gating=tuple(Gating(name, margin=design.margin) for name in names),
        )  # fmt: skip


_EMPTY = Run(
    id="run", created_at="2026-01-01T00:00:00Z", suite="simulated", golden=GoldenRef("simulated", "1.0.0", "0" * 64, 0),
    prompt=PromptRef("p", "1", "1" * 64), target=TargetRef("callable", "", "m"), repeats=1, scorers=(), summary={}, items=(),
)  # fmt: skip


def replayed(design: Design, loss: float, random: np.random.Generator) -> tuple[Run, float, float]:
    """One comparison: the judged run, its calls as a multiple of k = 1, and how far the plain mean moved."""
    before, after = Arm(design, 0.0, random), Arm(design, loss, random)
    judged = _asked_again(design, before, after) if design.screen else _looked_at(design, before, after)
    return judged, len(before.items) / design.n, _mean(after.items) - _mean(before.items)


def _looked_at(design: Design, before: Arm, after: Arm) -> Run:
    """The comparison after all repeats; with several looks, after each repeat until one blocks."""
    looks = [design.repeats] if design.looks == 1 else list(range(1, design.looks + 1))
    asked = 0
    for look in looks:
        for arm in (before, after):
            arm.ask(range(asked, look))
        asked = look
        judged = gate.judge(after.run(asked), before.run(asked), design.resamples, design.looks)
        if judged.gate.verdict is GateVerdict.BLOCK:
            break
    return judged


def _asked_again(design: Design, before: Arm, after: Arm) -> Run:
    """The comparison after the adaptive repeats."""
    for arm in (before, after):
        arm.ask(range(design.screen))
    names = [f"m{metric}" for metric in range(design.metrics)]
    jobs = adaptive.again(before.items, after.items, names, screen=design.screen, repeats=design.repeats)
    differing = list(dict.fromkeys(name for name, _ in jobs))
    for arm in (before, after):
        arm.ask(range(design.screen, design.repeats), differing)
    return gate.judge(after.run(design.repeats), before.run(design.repeats), design.resamples)


def _mean(items: Sequence[RunItem]) -> float:
    values = [item.scores["m0"].value for item in items]
    known = [value for value in values if value is not None]
    return sum(known) / len(known)


def tally(design: Design, loss: float, replays: int, seed: int = SEED) -> Tally:
    """Many comparisons."""
    random = np.random.default_rng(seed)
    found = [replayed(design, loss, random) for _ in range(replays)]
    verdicts = [run.gate.verdict for run, _, _ in found]

    def share(verdict: GateVerdict) -> float:
        return sum(each is verdict for each in verdicts) / replays

    return Tally(
        share(GateVerdict.BLOCK),
        share(GateVerdict.INVALID),
        share(GateVerdict.PASS),
        sum(calls for _, calls, _ in found) / replays,
        sum(moved < -0.02 for _, _, moved in found) / replays,
    )


ADAPTIVE = Design(repeats=5, screen=1)
"""Once, then four more times where the arms disagree."""

UNCHANGED: tuple[tuple[str, Design], ...] = (
    ("n = 100, k = 1", Design(repeats=1)),
    ("n = 100, k = 5", Design(repeats=5)),
    ("n = 50, k = 3", Design(n=50)),
    ("25 clusters of 4 that fail together", Design(together=4, shared=0.6)),
    ("three gating metrics", Design(metrics=3)),
    ("weights of 1, 2 and 4", Design(weights=(1.0, 2.0, 4.0))),
    ("1 % of the scores missing", Design(missing=0.01)),
    ("three looks, at k = 1, 2 and 3", Design(looks=3)),
)
"""Comparisons of an unchanged prompt with itself, besides the two that have a lower bar too."""


def measure(quick: bool = False) -> list[Row]:
    """The figures."""
    replays = 40 if quick else 1000
    rows = _calibrated("n = 100, k = 3", Design(), replays) + _calibrated(
        "adaptive, 1 then 5", ADAPTIVE, replays
    )
    for name, design in UNCHANGED:
        found = tally(design, 0.0, replays)
        note = f"invalid {found.invalid:.1%}" if found.invalid else ""
        rows.append(Row(f"unchanged, {name}: blocked", 100 * found.blocked, "%", 6.5, note=note))
    narrow = tally(Design(margin=0.03), 0.0, replays)
    rows += [
        Row("unchanged, n = 100, k = 3, margin of 3 points: blocked", 100 * narrow.blocked, "%"),
        Row("the same by the rule that the mean may fall by 2 points", 100 * narrow.dropped, "%"),
    ]
    rows += _power(20 if quick else 500)
    return [_without_bar(row) for row in rows] if quick else rows


def _without_bar(row: Row) -> Row:
    """The figure alone: forty replays are too few to hold against a bar."""
    told = "" if row.bar is None else f"bar of the long run: {'>=' if row.least else '<='} {row.bar:g}"
    return replace(row, bar=None, note="; ".join(filter(None, (told, row.note))))


def _calibrated(name: str, design: Design, replays: int) -> list[Row]:
    """An unchanged prompt, with a bar on either side: a gate that never blocks is not calibrated either."""
    found = tally(design, 0.0, replays)
    plain = f"{replays} replays, {found.calls:.2f} times the calls of k = 1; passed {found.passed:.1%}"
    return [
        Row(f"unchanged, {name}: blocked", 100 * found.blocked, "%", 6.5, note=plain),
        Row(f"unchanged, {name}: blocked, not too rarely", 100 * found.blocked, "%", 3.5, least=True),
    ]


def _power(replays: int) -> list[Row]:
    """True losses."""
    rows = [
        Row(
            "-10 points, n = 100, k = 3: blocked",
            100 * tally(Design(), 0.10, replays).blocked,
            "%",
            95,
            least=True,
        ),
        Row(
            "-5 points, n = 200, k = 3: blocked",
            100 * tally(Design(n=200), 0.05, replays).blocked,
            "%",
            80,
            least=True,
        ),
    ]
    for points in (5, 10):
        five = tally(Design(repeats=5), points / 100, replays)
        found = tally(ADAPTIVE, points / 100, replays)
        note = f"k = 5 asks {five.calls:.1f} times"
        rows += [
            Row(f"-{points} points, n = 100, k = 5: blocked", 100 * five.blocked, "%"),
            Row(
                f"-{points} points, n = 100, adaptive: blocked",
                100 * found.blocked,
                "%",
                100 * five.blocked - 2,
                least=True,
            ),
            Row(f"-{points} points, n = 100, adaptive: calls of k = 1", found.calls, "times", 2.0, note=note),
        ]
    return rows


if __name__ == "__main__":
    command(__doc__, measure)
