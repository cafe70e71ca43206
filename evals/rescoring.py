"""Scores a run's stored outputs again: with the scorers of now, or on what a proxy's traces say was retrieved."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from evals import gate, runner
from evals.errors import ScorerError
from evals.golden import GoldenSet
from evals.places import matches
from evals.run import Canaries, GateResult, GateVerdict, Run, RunItem
from evals.scorer import BUILT_IN, Scorer, build_all, ref
from evals.session import summarise
from evals.traces import Recalled, Trace, recalled
from evals.types import Case, Cause, Hit, Output, Passage, Score

BY_DOCUMENT = ("recall", "precision", "mrr", "map", "ndcg", "hit", "unjudged")
"""Scorers that need a hit's text only where a passage is told by its words or its place."""
BY_TEXT = (
    *("groundedness", "groundedness_t1", "groundedness_judged"),
    *("context_precision", "context_recall"),
)
"""Scorers that read what the hits say; of one that does not ship with the product it is not known."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The traces that a run's outputs left at a proxy."""

    url: str
    """Where they were asked for."""
    traces: Mapping[str, Trace]
    """By id; those that are not there are missing."""


def chosen(run: Run, named: Sequence[str], from_traces: bool) -> list[Scorer]:
    """The scorers to score again with: those named, else the run's own; from traces, those of them that score
    retrieval. Raises ScorerError where there is none."""
    own = [scorer.name for scorer in run.scorers if not from_traces or "@" in scorer.name]
    names = list(named) or own
    if not names:
        what = "the run has no scorer of retrieval" if from_traces else "the run has no scorer"
        raise ScorerError(what, fix="name one with --scorer, e.g. recall@5")
    return build_all(names)


async def rescore(
    run: Run, golden: GoldenSet, scorers: Sequence[Scorer], stored: Stored | None = None
) -> Run:
    """The run with new scores, judged by those of its rules that are scored; without a baseline.

    Args:
        run: with its outputs.
        golden: the set that it was about. A case that is another one by now is unscored.
        scorers: what is scored; other scores of the run are left out.
        stored: the outputs' traces, whose hits take the place of the run's; None scores the run's.
    """
    cases = {(case.id, case.sha256): case for case in golden.cases}
    items = [await _item(item, cases.get((item.id, item.sha256)), scorers, stored) for item in run.items]
    used = [scorer for scorer in scorers if any(scorer.name in item.scores for item in items)]
    names = {scorer.name for scorer in used}
    holds = bool(names & set(run.canaries.scorers))
    now = datetime.now(UTC)
    again = replace(
        run,
        id=f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}",
        created_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        scorers=tuple(ref(scorer) for scorer in used),
        summary=summarise(items, used, golden.cases),
        items=tuple(items),
        gating=tuple(rule for rule in run.gating if rule.metric in names),
        canaries=run.canaries if holds else Canaries((), ()),
        gate=GateResult(GateVerdict.NONE, "not judged"),
        baseline=None,
        flaky=(),
        judge=None,
        grading=None,
        rescored=f"{run.id}, hits from {stored.url}" if stored else run.id,
    )
    return gate.judge(again)


async def _item(
    item: RunItem, case: Case | None, scorers: Sequence[Scorer], stored: Stored | None
) -> RunItem:
    if case is None:
        why = "the golden set has no such case any more, or another one by its id"
        named = [scorer.name for scorer in scorers if scorer.name in item.scores] or [scorers[0].name]
        return replace(item, scores=dict.fromkeys(named, Score.unscored(why, Cause.SCORER)))
    if stored is None or item.output.error:
        return replace(item, scores=await runner.score(case, item.output, scorers))
    if not item.output.trace_id:
        found = Recalled(why="no trace of it is known")
    else:
        found = recalled(stored.traces.get(item.output.trace_id), item.output)
    if not found.searched:
        return replace(item, scores=await runner.score(case, item.output, scorers))
    output = replace(item.output, hits=None if found.why else found.hits)
    return replace(item, output=output, scores=await _scores(case, output, found, scorers))


async def _scores(case: Case, output: Output, found: Recalled, scorers: Sequence[Scorer]) -> dict[str, Score]:
    """The scores on what a trace tells. What it does not tell is no number; who looks at no hit needs none of it."""
    read = replace(output, hits=tuple(_placed(hit, case) for hit in found.hits))
    scores: dict[str, Score] = {}
    for scorer in scorers:
        name, _, k = scorer.name.partition("@")
        why, seen = "", output
        if name in BY_DOCUMENT:
            why, seen = found.why or _unreadable(case, found, int(k)), read
        elif name in BY_TEXT or name not in BUILT_IN:
            why = found.why or _masked(found)
        if not scorer.applies(case):
            continue
        if why:
            scores[scorer.name] = Score.unscored(why, Cause.TARGET)
        else:
            scores |= await runner.score(case, seen, [scorer])
    return scores


def _placed(hit: Hit, case: Case) -> Hit:
    """A hit as the words of a quote can be looked up in it, though nobody said where it stands in its document."""
    quoted = any(passage.quote for passage in case.relevant if passage.doc_id == hit.doc_id)
    return replace(hit, start=0, end=len(hit.text)) if quoted and hit.start is None else hit


def _masked(found: Recalled) -> str:
    if not found.masked:
        return ""
    return f"the texts of {len(found.masked)} of {len(found.hits)} hits were masked before they were stored"


def _unreadable(case: Case, found: Recalled, k: int) -> str:
    """Why it cannot be told whether one of the first k hits shows a passage; empty when it can of each.

    Where a hit surely shows the passage of a document that counts most, nothing else of the document matters.
    """
    sure: set[str] = set()
    for hit in found.hits[:k]:
        passages = [passage for passage in case.relevant if passage.doc_id == hit.doc_id and passage.grade]
        if not passages or hit.doc_id in sure:
            continue
        masked = hit.rank in found.masked
        shown = [passage.grade for passage in passages if _shows(passage, hit, case, masked)]
        if max(shown, default=0) == max(passage.grade for passage in passages):
            sure.add(hit.doc_id)
            continue
        if masked:
            return _masked(found)
        spans_only = any(passage.start is not None and not passage.quote for passage in passages)
        if spans_only and hit.start is None:
            return f"its trace does not say where in {hit.doc_id!r:.80} the hit of rank {hit.rank} stands"
    return ""


def _shows(passage: Passage, hit: Hit, case: Case, masked: bool) -> bool:
    """Whether a hit surely shows a passage: of a masked text only what stands in it word for word is sure."""
    if not passage.quote and passage.start is None:
        return True
    if not masked:
        placed = _placed(hit, case) if passage.quote else hit
        return placed.start is not None and matches(passage, placed)
    words = " ".join(passage.quote.split())
    return bool(words) and words in " ".join(hit.text.split())
