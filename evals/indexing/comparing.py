"""Two indices asked the same questions: what differs in how they were made, then in what they find."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evals import golden as sets
from evals import suite as suites
from evals.arms import Arm, Place, arm, compare_arms, measure
from evals.golden import GoldenSet
from evals.indexing.manifest import EXACT, OLDER, differences, read_documents, read_manifest
from evals.indexing.pointer import identity, located
from evals.retrieval import open_index
from evals.run import GateVerdict, Gating, Run
from evals.scorer import build
from evals.session import Setup
from evals.suite import Suite, answerable

METRICS = ("recall", "precision", "mrr", "map", "ndcg", "hit", "unjudged")
"""What two indices are compared by, whatever else the suite scores."""
GATING = "recall"
"""What may block where the suite says nothing of retrieval."""
NAMED = 5
"""Documents that a sentence names."""


@dataclass(frozen=True, slots=True)
class Side:
    """One index of a comparison."""

    folder: Path
    """As it was given: a folder, or a promoted name."""
    identity: str
    exactness: float | None
    """Of an approximate index: share of the k chunks closest to each question that it finds; None of an exact one."""
    absent: tuple[str, ...] = ()
    """Documents that the golden set calls relevant and the index does not hold."""
    holds_none: bool = False
    """Whether it holds no document that the golden set calls relevant."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison came to."""

    run: Run
    """Of the candidate, with the gate's verdict."""
    candidate: Side
    baseline: Side | None
    """None where the candidate was measured alone."""
    differences: tuple[str, ...]
    """How the two were made differently, one sentence each."""
    k: int

    @property
    def remarks(self) -> list[str]:
        """What a reader has to know before the numbers: relevant documents that an index does not hold."""
        sides = [side for side in (self.baseline, self.candidate) if side is not None and side.absent]
        said = (f"{side.identity} lacks relevant documents: {_some(side.absent)}" for side in sides)
        return list(dict.fromkeys(said))


def compare(candidate: Path, baseline: Path | None, golden: Path, k: int | None = None) -> Compared:
    """The candidate index judged against the baseline, on a golden set's questions; alone where there is none.

    What the suite beside the set gates of retrieval gates here, else recall@k. Raises EvalsError when nothing can be
    measured, ModelError for an embedder.
    """
    suite, cases = _questions(golden, k)
    told = differences(located(baseline), located(candidate)) if baseline is not None else []
    sides = [_side(folder, cases, suite.k) for folder in (candidate, baseline) if folder is not None]
    run = asyncio.run(_measured(suite, cases, [side.folder for side in sides]))
    if all(side.holds_none for side in sides):
        reason = (
            "no document that the golden set calls relevant is in an index: is it the set of another corpus?"
        )
        run = replace(run, gate=replace(run.gate, verdict=GateVerdict.INVALID, reason=reason))
    return Compared(run, sides[0], sides[1] if len(sides) > 1 else None, tuple(told), suite.k)


def document(compared: Compared) -> dict[str, Any]:
    """A comparison as JSON values: differences before any number."""
    run, sides = compared.run, (compared.baseline, compared.candidate)
    means = {name: summary.mean for name, summary in run.summary.items()}
    return {
        "differences": [*compared.differences, *compared.remarks],
        "baseline": compared.baseline.identity if compared.baseline else "",
        "candidate": compared.candidate.identity,
        "golden": {
            "name": run.golden.name,
            "version": run.golden.version,
            "content_sha256": run.golden.content_sha256,
        },
        "k": compared.k,
        "questions": run.golden.n,
        "verdict": run.gate.verdict.value,
        "reason": run.gate.reason,
        "metrics": figures(run) or {name: {"candidate": mean} for name, mean in means.items()},
        "flips": [
            {"id": each.id, "metric": each.metric, "before": each.before, "after": each.after}
            for each in (run.baseline.flips if run.baseline else ())
            if _is_retrieval(each.metric)
        ],
        "exactness": {side.identity: side.exactness for side in sides if side is not None},
    }


def figures(run: Run) -> dict[str, dict[str, Any]]:
    """Of each metric of a judged run: means, difference with its interval and p, and whether it gates."""
    return {
        each.metric: {
            "baseline": each.baseline,
            "candidate": each.candidate,
            "delta": each.delta,
            "low": each.low,
            "high": each.high,
            "p": each.p,
            "n": each.n,
            "gating": each.gating,
            "verdict": each.verdict.value,
        }
        for each in run.gate.metrics
        if _is_retrieval(each.metric)
    }


def lines(compared: Compared) -> list[str]:
    """A comparison for people: differences, verdict, a row a metric, what it lost and gained, what it misses."""
    run, baseline = compared.run, compared.baseline
    told = [f"differs: {each}" for each in compared.differences]
    if baseline is not None and not told:
        told = ["differs: nothing"]
    told += [f"note: {each}" for each in compared.remarks]
    told.append(f"{run.gate.verdict.value.upper()}  {run.gate.reason}")
    against = f"{baseline.identity} -> " if baseline else ""
    told.append(f"{against}{compared.candidate.identity}, {run.golden.n} questions, k = {compared.k}")
    told += _table(run)
    told += _flips(run)
    for side in (baseline, compared.candidate):
        if side is not None and side.exactness is not None:
            found = f"{side.exactness:.1%} of the {compared.k} chunks closest to each question"
            told.append(f"{side.identity} is approximate: it finds {found}")
    return told


def _flips(run: Run) -> list[str]:
    """The questions that changed sides, one a line with the metrics by which they did: what is lost first."""
    found: dict[tuple[bool, str], list[str]] = {}
    for each in run.baseline.flips if run.baseline else ():
        if _is_retrieval(each.metric):
            found.setdefault((not each.lost, each.id), []).append(each.metric)
    return [
        f"{'gained' if gained else 'lost'}: {id} ({', '.join(metrics)})"
        for (gained, id), metrics in sorted(found.items())
    ]


def _table(run: Run) -> list[str]:
    found = figures(run)
    if run.baseline is None:
        named = [(name, summary.mean) for name, summary in run.summary.items() if _is_retrieval(name)]
        return [f"{name:14} {_number(mean)}" for name, mean in named]
    rows = [("metric", "before", "now", "difference", "from .. to", "p", "")]
    for name, each in found.items():
        between = f"{_signed(each['low'])} .. {_signed(each['high'])}"
        gates = each["verdict"] if each["gating"] else ""
        numbers = (_number(each["baseline"]), _number(each["candidate"]), _signed(each["delta"]), between)
        rows.append((name, *numbers, _number(each["p"]), gates))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _questions(golden: Path, k: int | None) -> tuple[Suite, GoldenSet]:
    """What of a golden set can be asked of an index, and a suite that scores retrieval. Raises EvalsError."""
    found = suites.default(golden, k)
    names = [build(name, found.k).name for name in METRICS]
    searched = [name for name in found.scorers if _is_retrieval(name)]
    found = replace(found, scorers=tuple(dict.fromkeys([*searched, *names])), repeats=1)
    suite, cases = answerable(found, sets.load(golden), "index")
    gates = suite.gating or (Gating(build(GATING, suite.k).name),)
    return replace(suite, gating=gates), cases


def _side(folder: Path, cases: GoldenSet, k: int) -> Side:
    place = located(folder)
    manifest = read_manifest(place)
    questions = [case.question for case in cases.cases if case.question is not None]
    exactness = None if manifest.faiss_type == EXACT else open_index(folder).exactness(k, questions)
    absent: Sequence[str] = ()
    relevant = {each.doc_id for case in cases.cases for each in case.relevant if each.grade}
    if manifest.format != OLDER:
        held = {each.id for each in read_documents(place)}
        absent = sorted(relevant - held)
    return Side(folder, identity(folder), exactness, tuple(absent), len(absent) == len(relevant) > 0)


async def _measured(suite: Suite, cases: GoldenSet, folders: Sequence[Path]) -> Run:
    """The first index's run, judged against the second's where there is one. Nothing of it is kept."""
    with tempfile.TemporaryDirectory() as kept:
        arms = [_arm(folder, suite, Path(kept, str(place))) for place, folder in enumerate(folders)]
        setup = Setup(suite, cases, arms[0].prompt, arms[0].folder)
        if len(arms) == 1:
            return await measure(setup, arms[0], Place())
        run, _ = await compare_arms(setup, arms[0], arms[1], Place())
        return run


def _arm(folder: Path, suite: Suite, kept: Path) -> Arm:
    asked: Mapping[str, Any] = {"kind": "index", "index": folder}
    return arm(asked, None, replace(suite, prompt=None), kept)


def _is_retrieval(metric: str) -> bool:
    return "@" in metric


def _some(ids: Sequence[str]) -> str:
    more = ", …" if len(ids) > NAMED else ""
    return f"{len(ids)} ({', '.join(ids[:NAMED])}{more})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "none" if value is None else f"{value:+.4f}"
