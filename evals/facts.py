"""What every report says of a run, as texts and rows: one wording for terminal, Markdown, JUnit and HTML."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from evals.compare import advisories
from evals.run import (
    INTERRUPTED,
    BaselineRef,
    Flip,
    GateMetric,
    GateVerdict,
    Grading,
    Ledger,
    Run,
    RunItem,
    Slice,
    Summary,
)
from evals.types import Cause, Output

_CONTROL = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
_SIGNS = re.compile(f"(?:{_CONTROL.pattern}|{_UNSEEN.pattern})+")
_TRACE_ID = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.:-]{0,127}")
_HOST = re.compile(r"[0-9A-Za-z_.:\[\]-]+")

Row = list[str]
MOST_REASONS = 4
"""Reasons that the line about failures holds."""


@dataclass(frozen=True, slots=True)
class Flipped:
    """A case with all metrics on which it changed sides, or changed most without that."""

    id: str
    lost: tuple[Flip, ...]
    gained: tuple[Flip, ...]
    before_text: str
    after_text: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What of a metric could not be measured, in scores (case and repeat)."""

    metric: str
    scored: int
    empty: int
    """There was nothing to measure."""
    target: int
    """The target gave nothing that could be measured."""
    scorer: int
    """The scorer failed."""
    worst: float | None
    """Delta if every missing score were the worst; None when it is not known."""


def visible(text: str) -> str:
    """A text with the codes of its control, bidirectional, unseen and unpaired characters, e.g. `‹U+202E›`."""
    return _SIGNS.sub(_codes, text)


def _codes(found: re.Match[str]) -> str:
    told = [f"U+{ord(sign):04X}" for sign in found[0][:3]]
    more = len(found[0]) - len(told)
    return f"‹{' '.join(told)}{f' and {more} more' if more else ''}›"


def plain(text: str, limit: int = 4000) -> str:
    """A text without control, bidirectional, unseen and unpaired characters, cut at a limit."""
    clean = _UNSEEN.sub("", _CONTROL.sub("\ufffd", text[: 2 * limit]))
    return clean if len(clean) <= limit and len(text) <= 2 * limit else clean[: limit - 1] + "…"


def number(value: float | None, *, signed: bool = False) -> str:
    """A number in three or four figures; empty when there is none."""
    if value is None:
        return ""
    value = _told(value)
    return f"{value:+.3g}" if signed else f"{value:.4g}"


def span(low: float | None, high: float | None, *, signed: bool = False) -> str:
    """An interval; empty when it has no bounds."""
    if low is None or high is None:
        return ""
    low, high = _told(low), _told(high)
    return f"{low:+.3g} … {high:+.3g}" if signed else f"{low:.3g} … {high:.3g}"


def _told(value: float) -> float:
    """A number without the crumbs that sums leave: what is a billionth of nothing is nothing."""
    return 0.0 if abs(value) < 1e-9 else value


def heading(run: Run) -> str:
    """One line: what was measured."""
    parts = [
        f"{run.golden.name} {run.golden.version}",
        f"{number_of(run.golden.n, 'case')} x {repeated(run)}",
        *(f"{kind} {name}" for kind, name in versions(run).items() if name),
    ]
    if run.baseline:
        now, before = versions(run), versions(run.baseline)
        moved = [f"{kind} {name or 'none'}" for kind, name in before.items() if name != now.get(kind, "")]
        parts.append(f"against {', '.join((*moved, f'run {run.baseline.id}'))}")
    return plain(" · ".join(parts))


def versions(side: Run | BaselineRef) -> dict[str, str]:
    """What was asked, by kind: prompt, index, and the model, the policy or the function that answered."""
    prompt = "" if side.prompt.name == "none" else f"{side.prompt.name} {side.prompt.version}".strip()
    return {"prompt": prompt, answerer(side): side.target.model, "index": side.target.index}


def answerer(side: Run | BaselineRef) -> str:
    """What `target.model` names."""
    return {"policy": "policy", "callable": "function"}.get(side.target.kind, "model")


def number_of(count: int, thing: str) -> str:
    """So many things, in words that fit the number."""
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def repeated(run: Run) -> str:
    """How often each case was asked."""
    return f"{run.screen} ({run.repeats} where the runs differ)" if run.screen else str(run.repeats)


def exit_code(run: Run) -> str:
    """The exit code of the verdict, in words: as shells have it, where the command that asked was interrupted."""
    stopped = run.unfinished == INTERRUPTED and run.gate.reason == f"unfinished: {INTERRUPTED}"
    return f"exit code {130 if stopped else run.gate.verdict.exit_code}"


def failures(run: Run) -> str:
    """Why calls and scores failed, in one line, the most frequent reason first; empty when none did."""
    found: Counter[str] = Counter()
    for item in run.items:
        if item.output.error:
            found[item.output.error] += 1
            continue
        for name, score in item.scores.items():
            if score.value is None and score.cause in (Cause.TARGET, Cause.SCORER):
                found[f"{name}: {score.reason or score.cause.value + ' failed'}"] += 1
    ranked = found.most_common()
    told = [f"{count:,} × {plain(reason, 200)}" for reason, count in ranked[:MOST_REASONS]]
    others = sum(count for _, count in ranked[MOST_REASONS:])
    return "; ".join([*told, *([f"{others:,} for other reasons"] if others else [])])


def failed_because(run: Run) -> str:
    """The same where it is why the run is invalid; else empty."""
    return failures(run) if run.gate.verdict is GateVerdict.INVALID else ""


def compared(run: Run) -> str:
    """How many cases were compared, and how many only one run has; empty without a baseline."""
    ref = run.baseline
    if ref is None:
        return ""
    if not ref.compared:
        return "nothing was compared"
    return (
        f"{number_of(ref.compared, 'case')} compared; {ref.only_baseline} only in the baseline, "
        f"{ref.only_candidate} only in this run"
    )


def identities(run: Run) -> list[tuple[str, str, str]]:
    """What was compared: name, baseline's, this run's. Without a baseline its texts are empty."""
    label = answerer(run).capitalize()
    now = {**_identity(run, label), "Repeats": repeated(run)}
    now |= {"Seed": "" if run.seed is None else str(run.seed), "Commit": run.commit, **_judge(run)}
    before = _identity(run.baseline, label) if run.baseline else {}
    rows = [(name, before.get(name, ""), told) for name, told in now.items()]
    return [row for row in rows if row[1] or row[2]]


def named(run: Run, metric: str) -> str:
    """A metric as reports call it: what may not gate says so wherever it stands."""
    return f"{metric} (advisory)" if metric in advisories(run) else metric


def advisory_lines(run: Run) -> list[str]:
    """Why some metrics may not gate, one line a reason."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in advisories(run).items():
        by_reason.setdefault(reason, []).append(name)
    return [
        f"advisory, so it neither passes nor blocks: {', '.join(names)} ({reason})"
        for reason, names in by_reason.items()
    ]


def summary_row(name: str, summary: Summary) -> Row:
    """A metric's name, mean, interval, cases and unscored count, as texts."""
    mean = "none" if summary.mean is None else number(summary.mean)
    return [name, mean, span(summary.low, summary.high), str(summary.n), str(summary.unscored)]


def gate_row(metric: GateMetric, run: Run) -> Row:
    """A gate metric's name, verdict, delta, interval, p, cases and reason, as texts."""
    reported = "advisory" if metric.metric in advisories(run) else "reported"
    verdict = metric.verdict.value if metric.gating else reported
    interval = span(metric.low, metric.high, signed=True)
    return [
        metric.metric,
        verdict,
        number(metric.delta, signed=True),
        interval,
        "<0.0001" if metric.p is not None and metric.p < 1e-4 else number(metric.p),
        str(metric.n),
        metric.reason,
    ]


def slice_row(part: Slice) -> Row:
    """A slice's tag, metric, cases, mean before and now, delta and interval, as texts."""
    signed = part.delta is not None
    return [
        part.tag,
        part.metric,
        str(part.n),
        number(part.baseline),
        number(part.candidate),
        number(part.delta, signed=True),
        span(part.low, part.high, signed=signed),
    ]


def flipped(run: Run) -> list[Flipped]:
    """The cases that changed sides: first those that lost a metric that gates, then other losses, then gains."""
    gating = {named(run, metric.metric) for metric in run.gate.metrics if metric.gating}
    return sorted(
        _by_case(run, run.baseline.flips if run.baseline else ()),
        key=lambda each: (not any(flip.metric in gating for flip in each.lost), not each.lost, each.id),
    )


def moved(run: Run) -> list[Flipped]:
    """The cases that changed most without changing sides, on metrics that did not pass: losses, then gains."""
    return sorted(_by_case(run, run.baseline.moved if run.baseline else ()), key=lambda each: not each.lost)


def _by_case(run: Run, flips: Sequence[Flip]) -> list[Flipped]:
    """Each case once, in the order in which they first occur."""
    higher = {named(run, name): better for name, better in better_when_higher(run).items()}
    flips = [replace(flip, metric=named(run, flip.metric)) for flip in flips]
    by_case: dict[str, list[Flip]] = {}
    for flip in flips:
        by_case.setdefault(flip.id, []).append(flip)
    found = []
    for case, changes in by_case.items():
        lost = tuple(flip for flip in changes if flip.lost is higher.get(flip.metric, True))
        gained = tuple(flip for flip in changes if flip not in lost)
        found.append(Flipped(case, lost, gained, changes[0].before_text, changes[0].after_text))
    return found


def missing(run: Run) -> list[Missing]:
    """Per metric what could not be measured and why; metrics of which all was measured are left out."""
    counts: dict[str, dict[Cause, int]] = {}
    for item in run.items:
        for name, score in item.scores.items():
            cause = score.cause if score.value is None else Cause.NONE
            of = counts.setdefault(name, dict.fromkeys(Cause, 0))
            of[cause] += 1
    worst = {metric.metric: metric.worst for metric in run.gate.metrics}
    return [
        Missing(name, of[Cause.NONE], of[Cause.EMPTY], of[Cause.TARGET], of[Cause.SCORER], worst.get(name))
        for name, of in counts.items()
        if any(of[cause] for cause in (Cause.EMPTY, Cause.TARGET, Cause.SCORER))
    ]


def unscored_groups(run: Run) -> list[tuple[int, str, str, str]]:
    """Scores without a value by reason, the most frequent first: how many, metrics, cause, reason."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for _, _, name, cause, reason in unscored_rows(run):
        found.setdefault((cause, reason), Counter())[name] += 1
    groups = [(each.total(), ", ".join(sorted(each)), cause, why) for (cause, why), each in found.items()]
    return sorted(groups, key=lambda group: (-group[0], group[1:]))


def unscored_rows(run: Run) -> list[tuple[str, int, str, str, str]]:
    """Every score without a value: item, repeat, metric, cause, reason."""
    return [
        (item.id, item.repeat, name, score.cause.value, score.reason)
        for item in run.items
        for name, score in item.scores.items()
        if score.value is None
    ]


def failing_items(run: Run) -> dict[str, str]:
    """Items to blame for a block, with the reason: failing canaries, and losses on a metric that blocks."""
    blocking = {metric.metric for metric in run.gate.metrics if metric.verdict is GateVerdict.BLOCK}
    blamed: dict[str, str] = {}
    for flip in run.baseline.flips if run.baseline else ():
        if flip.lost and flip.metric in blocking:
            blamed.setdefault(flip.id, f"{flip.metric} fell from {flip.before:.3g} to {flip.after:.3g}")
    ids = set(run.canaries.ids)
    sound = [name for name in run.canaries.scorers if name not in advisories(run)]
    for item in run.items:
        for name in sound if item.id in ids else ():
            score = item.scores.get(name)
            if score is not None and score.value is not None and score.value < 1:
                blamed[item.id] = f"canary: {name}: {score.reason or 'failed'}"
    return blamed


def cost_rows(run: Run) -> list[tuple[str, str]]:
    """What the run cost, as names and texts; nothing where nothing was answered.

    A document from before the ledger is counted from its items.
    """
    if not run.items:
        return []
    spent = run.ledger if run.ledger.answers or run.ledger.failures else _counted(run.items)
    rows = [
        ("answers", f"{spent.answers:,}"),
        ("calls that failed", f"{spent.failures:,}"),
        ("requests made", f"{spent.attempts:,}"),
        ("from the cache", f"{spent.cached:,}"),
        ("tokens", _tokens(spent)),
        ("cost", "no prices were given" if spent.usd is None else f"{spent.usd:,.4g} USD"),
        ("time", f"{spent.seconds:,.1f} s" if spent.seconds else ""),
    ]
    waits = sorted(item.output.latency_ms for item in run.items if item.output.latency_ms > 0)
    if waits:
        median, late = waits[len(waits) // 2], waits[min(len(waits) - 1, math.ceil(0.95 * len(waits)) - 1)]
        rows.append(("latency", f"median {median:,.0f} ms, 95 % within {late:,.0f} ms"))
    return [row for row in (*rows, *grading_rows(run)) if row[1]]


def grading_rows(run: Run) -> list[tuple[str, str]]:
    """What judging cost, apart from what answers cost; nothing where nobody judged."""
    spent = run.grading
    if spent is None:
        return []
    cost = "no prices were given" if spent.usd is None else f"{spent.usd:,.4g} USD"
    return [
        ("judge's requests", f"{spent.calls:,}"),
        ("rulings from the cache", f"{spent.cached:,}"),
        ("rulings without a verdict", f"{spent.unreadable:,}"),
        ("judge's tokens", _tokens(spent)),
        ("judge's cost", cost),
    ]


def cost_line(run: Run) -> str:
    """The same in one line, without what is nought."""
    told = [f"{name}: {text}" for name, text in cost_rows(run) if text not in {"0", "no prices were given"}]
    return " · ".join(told)


def detectable(run: Run) -> str:
    """The smallest losses that the comparison would have seen; empty without one."""
    told = [
        f"{metric.metric} {metric.detectable:.3g}"
        for metric in run.gate.metrics
        if metric.gating and metric.detectable is not None
    ]
    return f"a loss of this size would have shown (80 % power): {', '.join(told)}" if told else ""


def trace_url(run: Run, output: Output) -> str:
    """Where a proxy shows the exchange; empty when no proxy told of one, or its address is no web address."""
    try:
        parts = urlsplit(run.target.base_url)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return ""
    if not (fits and _TRACE_ID.fullmatch(output.trace_id) and _HOST.fullmatch(parts.netloc)):
        return ""
    folder = quote(parts.path.rstrip("/").removesuffix("/v1"), safe="/", errors="replace")
    return f"{parts.scheme}://{parts.netloc}{folder}/review/traces/{output.trace_id}"


def better_when_higher(run: Run) -> Mapping[str, bool]:
    """For each scorer, whether larger values are better."""
    return {scorer.name: scorer.higher_is_better for scorer in run.scorers}


def _counted(items: Sequence[RunItem]) -> Ledger:
    told = [item.output.usage for item in items if item.output.usage]
    answers = sum(not item.output.error for item in items)
    untold = sum(not item.output.error and item.output.usage is None for item in items)
    return Ledger(
        answers=answers,
        failures=len(items) - answers,
        attempts=sum(item.output.attempts for item in items),
        prompt_tokens=sum(usage.prompt_tokens for usage in told),
        completion_tokens=sum(usage.completion_tokens for usage in told),
        uncounted=untold,
    )


def _judge(run: Run) -> dict[str, str]:
    """Who judged, by names of rows; texts are empty where nobody did."""
    told = run.judge
    if told is None:
        return {}
    by_identity: dict[str, list[str]] = {}
    for name, identity in told.identities.items():
        by_identity.setdefault(identity[:12], []).append(name)
    return {
        "Judge": f"{told.model} at {told.base_url}",
        "Judge answered as": ", ".join(told.answered_models),
        "Judge's identity": ", ".join(f"{each} ({', '.join(names)})" for each, names in by_identity.items()),
    }


def _tokens(spent: Ledger | Grading) -> str:
    told = f"{spent.prompt_tokens:,} in, {spent.completion_tokens:,} out"
    return f"{told} ({spent.uncounted:,} answers told none)" if spent.uncounted else told


def _identity(side: Run | BaselineRef, label: str) -> dict[str, str]:
    golden, prompt, target = side.golden, side.prompt, side.target
    return {
        "Run": side.id,
        "Made at": side.created_at,
        "Golden set": f"{golden.name} {golden.version} ({golden.content_sha256[:12]}), {number_of(golden.n, 'case')}",
        "Prompt": f"{named} ({prompt.sha256[:12]})" if (named := versions(side)["prompt"]) else "",
        label: target.model,
        "Answered by": ", ".join(target.answered_models),
        "Target": f"{target.kind} {target.base_url}".rstrip(),
        "Index": target.index,
        "Repeats": str(side.repeats),
    }
