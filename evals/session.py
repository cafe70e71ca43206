"""One eval from end to end: a golden set put to a target, scored, summed up, judged."""

from __future__ import annotations

import asyncio
import math
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals import compare, document, gate, html, report, runner, variants
from evals.asking import Pace, Side, Watch, ask
from evals.cache import Cache
from evals.errors import ComparisonError, SuiteError
from evals.executors import Executor
from evals.golden import GoldenSet, canonical
from evals.journal import Journal
from evals.ledger import Prices, ledger
from evals.run import Canaries, GateResult, GateVerdict, PromptRef, Run, RunCase, RunItem, Summary
from evals.runner import jobs
from evals.scorer import Scorer, build_all, ref
from evals.stats import mean_interval
from evals.suite import Suite
from evals.target import Target
from evals.types import Case, Cause, Score

if TYPE_CHECKING:
    from evals.judging.client import ChatJudge

JOURNAL = "journal.jsonl"
"""Name of the journal in a run's folder."""
GIT_SECONDS = 10.0
"""Longest wait for git to tell the commit."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What to measure, how hard, and where to keep it."""

    suite: Suite
    golden: GoldenSet
    prompt: PromptRef
    out: Path
    """The run's folder: journal and reports."""
    repeats: int = 1
    concurrency: int = 8
    timeout_s: float = 120.0
    """Of one try."""
    tries: int = 4
    screen: int = 0
    """Times each case is asked before those on which two arms differ are; 0 asks every case as often."""
    seed: int | None = None
    """The one that the target makes each call's seed from."""
    variant: str = ""
    """The suite's variant that is asked, if it is one."""
    prices: Prices | None = None
    judge: ChatJudge | None = None
    """Who is asked by the scorers that ask somebody."""
    cache: Cache | None = None
    watch: Watch | None = None
    stop: asyncio.Event | None = None
    """Set when no further call is to be begun."""

    @property
    def pace(self) -> Pace:
        """How hard to ask, and who is told."""
        held = canaries(self.suite, self.golden.cases).ids or tuple(case.id for case in self.golden.cases[:1])
        return Pace(self.concurrency, self.timeout_s, self.tries, self.cache, self.watch, self.stop, held)


async def evaluate(
    setup: Setup, target: Target, baseline: Run | None = None, elsewhere: Executor | None = None
) -> Run:
    """The judged run; one that says in `unfinished` why it is none, where it broke off.

    Resumes from the journal in `setup.out`. The target is asked in this process unless `elsewhere` asks it.
    Raises EvalsError when nothing can be measured; a target that cannot be asked is a reason to be told in the run.
    """
    scorers = build_all(setup.suite.scorers, setup.suite.k, setup.judge, setup.prices)
    canaries(setup.suite, setup.golden.cases)
    if baseline is not None:
        _comparable(setup, baseline, scorers)
    started = time.perf_counter()
    with Journal(setup.out / JOURNAL) as journal:
        side = Side(target, scorers, journal, setup.prompt.sha256, elsewhere)
        why = await ask([side], jobs(setup.golden.cases, setup.repeats), setup.pace)
        await same_versions(side, setup.golden.cases)
    run = record(setup, side, why, time.perf_counter() - started)
    if why and baseline is not None:
        return replace(run, baseline=compare.uncompared(baseline, run))
    return run if why else gate.judge(run, baseline)


def _comparable(setup: Setup, baseline: Run, scorers: Sequence[Scorer]) -> None:
    """Raises ComparisonError where a stored run cannot be compared with, before anything is asked."""
    compare.overlap(compare.keys(baseline), [(case.id, case.sha256) for case in setup.golden.cases])
    named = variants.spec_of(baseline.prompt, setup.suite)
    again = (
        f"ask both now, with --baseline {named}" if named else "run the baseline again, and accept that run"
    )
    if (baseline.repeats, baseline.screen) != (setup.repeats, setup.screen):
        often = [_often(run.repeats, run.screen) for run in (baseline, setup)]
        fix = again if baseline.screen else f"add --repeats {baseline.repeats}, or {again}"
        raise ComparisonError(f"the baseline asked each case {often[0]}, this run would {often[1]}", fix=fix)
    old = {scorer.name: scorer.version for scorer in baseline.scorers}
    gating = {rule.metric for rule in setup.suite.gating}
    for scorer in scorers:
        # What stands behind a plus, the hash of a model, is only known once there was something to score.
        before = old.get(scorer.name, scorer.version).partition("+")[0]
        now = scorer.version.partition("+")[0]
        if scorer.name in gating and before != now:
            what = f"the baseline was scored by {scorer.name} {before}, which is now {now}"
            raise ComparisonError(what, fix=again)


def _often(repeats: int, screen: int) -> str:
    times = f"{repeats} time{'s' if repeats > 1 else ''}"
    return f"{screen} to {times}" if screen else times


async def same_versions(side: Side, cases: Sequence[Case]) -> None:
    """Where answers were scored elsewhere, scores one of them here: some scorers know their version only then.

    Those that ask a judge know it from the start.
    """
    if side.elsewhere is None:
        return
    known = {case.id: case for case in cases}
    for scorer in side.scorers:
        if getattr(scorer, "judge_identity", ""):
            continue
        scored = (item for item in side.items if scorer.name in item.scores and not item.output.error)
        if (item := next(scored, None)) is not None:
            await runner.score(known[item.id], item.output, [scorer])


def record(setup: Setup, side: Side, why: str, seconds: float) -> Run:
    """What came back as a run that is not judged yet, or is invalid where `why` says what broke it off."""
    answered = tuple(sorted({item.output.answered_model for item in side.items} - {""}))
    now = datetime.now(UTC)
    cases = setup.golden.cases
    used = _used(side.scorers, side.items)
    items = _counting(setup, used, side.items)
    run = Run(
        id=f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}",
        created_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        suite=setup.suite.name,
        golden=setup.golden.ref,
        prompt=setup.prompt,
        target=replace(side.target.ref, answered_models=answered, variant=setup.variant),
        repeats=setup.repeats,
        scorers=tuple(ref(scorer) for scorer in used),
        summary=summarise(items, used, cases),
        items=tuple(items),
        cases=tuple(_described(case) for case in cases),
        gating=setup.suite.gating,
        canaries=canaries(setup.suite, cases),
        screen=setup.screen,
        seed=setup.seed,
        commit=commit(setup.suite.home),
        quarantined=setup.golden.quarantined,
        ledger=ledger(items, setup.prices, seconds),
        **_judging(setup, used),
        unfinished=why,
    )
    return replace(run, gate=GateResult(GateVerdict.INVALID, f"unfinished: {why}")) if why else run


def _counting(setup: Setup, used: Sequence[Scorer], items: Sequence[RunItem]) -> Sequence[RunItem]:
    """The items without what a judge said that turned out not to be one: which it was asked first is chance."""
    why = "" if setup.judge is None else setup.judge.withdrawn
    asking = [scorer.name for scorer in used if getattr(scorer, "judge_identity", "")]
    if not why or not asking:
        return items
    return [
        replace(item, scores={**item.scores, **{name: _withdrawn(item.scores[name], why) for name in given}})
        for item in items
        for given in [[name for name in asking if name in item.scores]]
    ]


def _withdrawn(score: Score, why: str) -> Score:
    return replace(Score.unscored(why, Cause.SCORER), usage=score.usage)


def _judging(setup: Setup, used: Sequence[Scorer]) -> dict[str, Any]:
    """Who judged and what that cost, where a scorer asked somebody."""
    told = {scorer.name: getattr(scorer, "judge_identity", "") for scorer in used}
    identities = {name: identity for name, identity in told.items() if identity}
    if setup.judge is None or not identities:
        return {}
    return {"judge": setup.judge.ref(identities), "grading": setup.judge.grading}


def commit(folder: Path) -> str:
    """The commit of the working tree that a folder is in, with `+` where it has changes; empty outside git."""
    told = []
    for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"]):
        try:
            done = subprocess.run(  # noqa: S603  (fixed words)
                ["git", "-C", str(folder), *command],  # noqa: S607  (whichever git the user has)
                capture_output=True,
                text=True,
                timeout=GIT_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return ""
        told.append(done.stdout.strip())
    return told[0] + ("+" if told[1] else "")


def write_reports(run: Run, out: Path, baseline: str = "") -> dict[str, Path]:
    """Writes run.json, report.html, junit.xml and summary.md into a folder. Raises RunError.

    `baseline` is the baseline's file, as a reader in that folder would name it; empty where it is not known.
    """
    document.save(run, out / "run.json")
    texts = {
        "report.html": html.render(run),
        "junit.xml": report.junit(run),
        "summary.md": report.markdown(run, baseline),
    }
    for name, text in texts.items():
        document.write(out / name, text)
    return {name: out / name for name in ("run.json", *texts)}


def canaries(suite: Suite, cases: Sequence[Case]) -> Canaries:
    """The suite's canaries with those that the golden set tags. Raises SuiteError for an unknown id."""
    known = {case.id for case in cases}
    absent = sorted(set(suite.canaries.ids) - known)
    if absent:
        raise SuiteError(f"canary {absent[0]!r} is not in the golden set", fix="correct `canaries.ids`")
    tagged = {case.id for case in cases if set(suite.canary_tags) & set(case.tags)}
    return replace(suite.canaries, ids=tuple(sorted(tagged | set(suite.canaries.ids))))


def summarise(
    items: Sequence[RunItem], scorers: Sequence[Scorer], cases: Sequence[Case]
) -> dict[str, Summary]:
    """Each scorer's weighted mean over cases (repeats averaged first), with a 95 % interval.

    Values too large to reckon with have no mean, as no values have none.
    """
    known = {case.id: case for case in cases}
    found = {}
    for scorer in scorers:
        values: dict[str, list[float]] = {}
        unscored = 0
        for item in items:
            score = item.scores.get(scorer.name)
            if score is None:
                continue
            if score.value is None:
                unscored += 1
            else:
                values.setdefault(item.id, []).append(score.value)
        found[scorer.name] = _summary(values, unscored, known)
    return found


def _summary(values: Mapping[str, Sequence[float]], unscored: int, cases: Mapping[str, Case]) -> Summary:
    if any(abs(value) > compare.LARGEST for scored in values.values() for value in scored):
        return Summary(None, len(values), unscored, None, None)
    means = [math.fsum(scored) / len(scored) for scored in values.values()]
    clusters = [cases[name].cluster or name for name in values]
    interval = mean_interval(means, clusters, weights=[cases[name].weight for name in values])
    bounds = (interval.mean, interval.low, interval.high) if interval else (None, None, None)
    mean, low, high = (None if bound is None else round(bound, 6) for bound in bounds)
    return Summary(mean, len(means), unscored, low, high)


def _used(scorers: Sequence[Scorer], items: Sequence[RunItem]) -> list[Scorer]:
    applied = {name for item in items for name in item.scores}
    return [scorer for scorer in scorers if scorer.name in applied]


def _described(case: Case) -> RunCase:
    question = case.question
    if question is None:
        said = [message.get("content") for message in case.messages if message.get("role") == "user"]
        said += case.turns
        question = "\n".join(text if isinstance(text, str) else canonical(text) for text in said)
    expected = case.expected
    parts = [expected.answer or ""]
    if expected.refusal:
        parts.append("refuses")
    parts += [f"calls {call.name}({canonical(dict(call.arguments))})" for call in expected.tool_calls or ()]
    if expected.guardrail:
        parts.append(f"guardrails: {expected.guardrail.action}")
    if expected.json_schema is not None:
        parts.append("fits its JSON Schema")
    told = "; ".join(part for part in parts if part)
    relevant = tuple(sorted({passage.doc_id for passage in case.relevant if passage.grade > 0}))
    origin = (case.trace, case.subject)
    return RunCase(
        case.id,
        case.sha256,
        question,
        told,
        case.tags,
        case.cluster,
        *origin,
        relevant,
        case.weight,
        case.split,
    )
