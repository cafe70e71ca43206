"""One eval from end to end: a golden set put to a target, scored, summed up, judged."""

from __future__ import annotations

import hashlib
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from evals import compare, document, gate, html, report, runner
from evals.errors import SuiteError
from evals.golden import GoldenSet, canonical
from evals.journal import Journal
from evals.runner import Plan, Progress
from evals.scorer import Scorer, build_all, ref
from evals.stats import mean_interval
from evals.suite import Suite
from evals.target import Target
from evals.types import Canaries, Case, PromptRef, Run, RunCase, RunItem, Summary

JOURNAL = "journal.jsonl"
"""Name of the journal in a run's folder."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What to measure, and where to keep it."""

    suite: Suite
    golden: GoldenSet
    prompt: PromptRef
    out: Path
    """The run's folder: journal and reports."""
    repeats: int = 1
    concurrency: int = 8
    timeout_s: float = 120.0


async def evaluate(
    setup: Setup, target: Target, baseline: Run | None = None, progress: Progress | None = None
) -> Run:
    """The judged run. Resumes from the journal in `setup.out`. Raises EvalsError when it cannot be done."""
    scorers = build_all(setup.suite.scorers, setup.suite.k)
    must_hold = canaries(setup.suite, setup.golden.cases)
    if baseline is not None:
        compare.overlap(compare.keys(baseline), [(case.id, case.sha256) for case in setup.golden.cases])
    plan = Plan(
        setup.golden.cases, setup.prompt.sha256, setup.repeats, setup.concurrency, timeout_s=setup.timeout_s
    )
    with Journal(setup.out / JOURNAL) as journal:
        items = await runner.run(plan, target, scorers, journal, progress)
    answered = tuple(sorted({item.output.answered_model for item in items} - {""}))
    now = datetime.now(UTC)
    run = Run(
        id=f"{now:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:8]}",
        created_at=now.isoformat(timespec="seconds").replace("+00:00", "Z"),
        suite=setup.suite.name,
        golden=setup.golden.ref,
        prompt=setup.prompt,
        target=replace(target.ref, answered_models=answered),
        repeats=setup.repeats,
        scorers=tuple(ref(scorer) for scorer in _used(scorers, items)),
        summary=summarise(
            items, _used(scorers, items), {case.id: case.cluster for case in setup.golden.cases}
        ),
        items=tuple(items),
        cases=tuple(_described(case) for case in setup.golden.cases),
        gating=setup.suite.gating,
        canaries=must_hold,
    )
    return gate.judge(run, baseline)


def write_reports(run: Run, out: Path) -> dict[str, Path]:
    """Writes run.json, report.html, junit.xml and summary.md into a folder. Raises RunError."""
    document.save(run, out / "run.json")
    texts = {
        "report.html": html.render(run),
        "junit.xml": report.junit(run),
        "summary.md": report.markdown(run),
    }
    for name, text in texts.items():
        document.write(out / name, text)
    return {name: out / name for name in ("run.json", *texts)}


def read_prompt(path: Path | None) -> tuple[str, PromptRef]:
    """A prompt file's text and how a run refers to it: named by its folder, versioned by its file name.

    Raises SuiteError. Without a file the prompt is empty.
    """
    if path is None:
        return "", PromptRef("none", "", hashlib.sha256(b"").hexdigest())
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        detail = getattr(error, "strerror", None) or "not UTF-8"
        raise SuiteError(f"prompt {path} cannot be read ({detail})", fix="check --prompt") from None
    return text, PromptRef(path.resolve().parent.name, path.stem, hashlib.sha256(text.encode()).hexdigest())


def read_template(path: Path) -> PromptRef:
    """How a run refers to a prompt that the proxy renders: `NAME/VERSION.yaml`, by the hash that the proxy tells.

    Raises SuiteError.
    """
    import yaml

    try:
        told = yaml.safe_load(path.read_text("utf-8"))
        text = canonical(told)
    except OSError as error:
        raise SuiteError(f"prompt {path} cannot be read ({error.strerror})", fix="check --prompt") from None
    except (yaml.YAMLError, ValueError, TypeError):
        raise SuiteError(f"prompt {path} is no template", fix="run `guardhouse prompts check`") from None
    return PromptRef(path.resolve().parent.name, path.stem, hashlib.sha256(text.encode()).hexdigest())


def canaries(suite: Suite, cases: Sequence[Case]) -> Canaries:
    """The suite's canaries with those that the golden set tags. Raises SuiteError for an unknown id."""
    known = {case.id for case in cases}
    absent = sorted(set(suite.canaries.ids) - known)
    if absent:
        raise SuiteError(f"canary {absent[0]!r} is not in the golden set", fix="correct `canaries.ids`")
    tagged = {case.id for case in cases if set(suite.canary_tags) & set(case.tags)}
    return replace(suite.canaries, ids=tuple(sorted(tagged | set(suite.canaries.ids))))


def summarise(
    items: Sequence[RunItem], scorers: Sequence[Scorer], clusters: Mapping[str, str]
) -> dict[str, Summary]:
    """Each scorer's mean over cases (repeats averaged first), with a 95 % interval."""
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
        means = {case: math.fsum(scored) / len(scored) for case, scored in values.items()}
        interval = mean_interval(list(means.values()), [clusters.get(case) or case for case in means])
        bounds = (interval.mean, interval.low, interval.high) if interval else (None, None, None)
        mean, low, high = (None if bound is None else round(bound, 6) for bound in bounds)
        found[scorer.name] = Summary(mean, len(means), unscored, low, high)
    return found


def _used(scorers: Sequence[Scorer], items: Sequence[RunItem]) -> list[Scorer]:
    applied = {name for item in items for name in item.scores}
    return [scorer for scorer in scorers if scorer.name in applied]


def _described(case: Case) -> RunCase:
    question = case.question
    if question is None:
        said = [message.get("content") for message in case.messages if message.get("role") == "user"]
        question = "\n".join(text if isinstance(text, str) else canonical(text) for text in said)
    expected = case.expected
    parts = [expected.answer or ""]
    if expected.refusal:
        parts.append("refuses")
    parts += [f"calls {call.name}({canonical(dict(call.arguments))})" for call in expected.tool_calls or ()]
    if expected.guardrail:
        parts.append(f"guardrails: {expected.guardrail.action}")
    told = "; ".join(part for part in parts if part)
    return RunCase(case.id, case.sha256, question, told, case.tags, case.cluster)
