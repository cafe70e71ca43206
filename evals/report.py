"""A run for people and machines: terminal, Markdown, JUnit. What a model wrote is hostile: always escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from evals.compare import flaky
from evals.types import Flip, GateMetric, GateVerdict, Run, RunItem, Summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLE = {
    GateVerdict.PASS: "bold green",
    GateVerdict.BLOCK: "bold red",
    GateVerdict.INVALID: "bold magenta",
    GateVerdict.INCONCLUSIVE: "bold yellow",
    GateVerdict.NONE: "bold",
}
_CONTROL = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BIDI = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str, limit: int = 4000) -> str:
    """A text without control, bidirectional and unpaired characters, cut at a limit."""
    clean = _BIDI.sub("", _CONTROL.sub("\ufffd", text))
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def terminal(run: Run, console: Console) -> None:
    """Prints the verdict, what differs from the baseline, metrics, and flips."""
    from rich.markup import escape

    verdict = run.gate.verdict
    head = f"[{_STYLE[verdict]}]{verdict.value.upper()}[/]  {escape(plain(run.gate.reason))}"
    console.print(head, highlight=False)
    console.print(escape(heading(run)), style="dim", highlight=False)
    if run.baseline:
        for difference in run.baseline.differences:
            console.print(f"  differs: {escape(plain(difference))}", highlight=False)
    console.print(_summary_table(run))
    if run.gate.metrics:
        console.print(_gate_table(run.gate.metrics))
    flips = run.baseline.flips if run.baseline else ()
    for flip in flips[:20]:
        told = f"  {'pass -> fail' if flip.lost else 'fail -> pass'}  {flip.metric}  {flip.id}"
        console.print(escape(plain(told)), style="red" if flip.lost else "green", highlight=False)
    if len(flips) > 20:
        console.print(f"  … and {len(flips) - 20} more flips (see report.html)", style="dim")
    unscored = unscored_rows(run)
    if unscored:
        console.print(
            f"{len(unscored)} scores without a value (see report.html)", style="dim", highlight=False
        )


def heading(run: Run) -> str:
    """One line: what was measured."""
    parts = [
        f"{run.golden.name} {run.golden.version}",
        f"{run.golden.n} cases x {run.repeats}",
        f"prompt {run.prompt.name} {run.prompt.version}".rstrip(),
        f"{run.target.model}",
    ]
    if run.baseline:
        parts.append(f"against {run.baseline.prompt.name} {run.baseline.prompt.version} ({run.baseline.id})")
    return plain(" · ".join(parts))


def markdown(run: Run) -> str:
    """A summary for a pull request."""
    lines = [f"## Eval: {run.gate.verdict.value}", "", _md(run.gate.reason), "", _md(heading(run)), ""]
    if run.baseline and run.baseline.differences:
        lines += ["Besides the outputs, the runs differ in:", ""]
        lines += [f"- {_md(difference)}" for difference in run.baseline.differences] + [""]
    lines += ["| Metric | Mean | 95 % interval | Cases | Unscored |", "|---|---|---|---|---|"]
    lines += [f"| {' | '.join(map(_md, summary_row(name, run.summary[name])))} |" for name in run.summary]
    if run.gate.metrics:
        lines += [
            "",
            "| Gate | Verdict | Delta | Interval | p | Cases | Why |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [f"| {' | '.join(map(_md, gate_row(metric)))} |" for metric in run.gate.metrics]
    lines += _md_flips(run.baseline.flips if run.baseline else ())
    shaky = flaky(run)
    if shaky:
        told = ", ".join(f"{_md(case)} ({_md(metric)})" for case, metric in shaky[:20])
        lines += ["", f"Disagree with themselves across repeats: {told}"]
    return "\n".join(lines) + "\n"


def junit(run: Run) -> str:
    """JUnit XML: one testcase per gate metric and per item.

    A gate fails when it blocks, errs when it is invalid, is skipped when it is inconclusive. An item fails
    when it is a failing canary, or flipped to fail on a metric that blocks. So the file is red exactly when
    the exit code is 1 or 2.
    """
    suites = ElementTree.Element("testsuites", name="guardhouse")
    _junit_gates(run, suites)
    _junit_items(run, suites)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def summary_row(name: str, summary: Summary) -> list[str]:
    """A metric's name, mean, interval, cases and unscored count, as texts."""
    interval = (
        "" if summary.low is None or summary.high is None else f"{summary.low:.3g} … {summary.high:.3g}"
    )
    mean = "none" if summary.mean is None else f"{summary.mean:.4g}"
    return [name, mean, interval, str(summary.n), str(summary.unscored)]


def gate_row(metric: GateMetric) -> list[str]:
    """A gate metric's name, verdict, delta, interval, p, cases and reason, as texts."""
    delta = "" if metric.delta is None else f"{metric.delta:+.3g}"
    interval = "" if metric.low is None or metric.high is None else f"{metric.low:+.3g} … {metric.high:+.3g}"
    p = "" if metric.p is None else f"{metric.p:.3g}"
    verdict = metric.verdict.value if metric.gating else "reported"
    return [metric.metric, verdict, delta, interval, p, str(metric.n), metric.reason]


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
    for item in run.items:
        for name in run.canaries.scorers:
            score = item.scores.get(name)
            if (
                item.id in run.canaries.ids
                and score is not None
                and score.value is not None
                and score.value < 1
            ):
                blamed[item.id] = f"canary: {name}: {score.reason or 'failed'}"
    return blamed


def _summary_table(run: Run) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("metric")
    for name in ("mean", "95 % interval", "cases", "unscored"):
        table.add_column(name, justify="right")
    for name, summary in run.summary.items():
        table.add_row(*map(plain, summary_row(name, summary)))
    return table


def _gate_table(metrics: Sequence[GateMetric]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("gate", "verdict", "delta", "interval", "p", "cases", "why"):
        table.add_column(name, overflow="fold")
    for metric in metrics:
        row = [escape(plain(cell)) for cell in gate_row(metric)]
        row[1] = f"[{_STYLE[metric.verdict]}]{row[1]}[/]"
        table.add_row(*row)
    return table


def _md(text: str) -> str:
    """A text that Markdown shows as it is, on one line."""
    flat = " ".join(plain(text, 500).split())
    escaped = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_{}\[\]|#~@])", r"\\\1", escaped)


def _md_flips(flips: Sequence[Flip]) -> list[str]:
    if not flips:
        return []
    lines = ["", "| Flip | Metric | Case | Before | Now |", "|---|---|---|---|---|"]
    for flip in flips[:50]:
        told = "pass → fail" if flip.lost else "fail → pass"
        texts = [_md(plain(text, 200)) for text in (flip.metric, flip.id, flip.before_text, flip.after_text)]
        lines.append(f"| {told} | {' | '.join(texts)} |")
    return [*lines, *([f"\n… and {len(flips) - 50} more."] if len(flips) > 50 else [])]


def _junit_gates(run: Run, suites: ElementTree.Element) -> None:
    gates = ElementTree.SubElement(suites, "testsuite", name=plain(f"gate: {run.suite}"))
    for metric in run.gate.metrics or (GateMetric("gate", run.gate.verdict, run.gate.reason, 0.0),):
        case = ElementTree.SubElement(gates, "testcase", classname="gate", name=plain(metric.metric))
        shown = ("delta", "low", "high", "n", "p", "margin", "baseline", "candidate", "detectable", "method")
        values = {name: getattr(metric, name) for name in shown} | {"k": run.repeats}
        _properties(case, {name: value for name, value in values.items() if value not in (None, "")})
        _outcome(case, metric.verdict, metric.reason)
    settled = {metric.verdict for metric in run.gate.metrics}
    if run.gate.metrics and run.gate.verdict not in settled:
        case = ElementTree.SubElement(gates, "testcase", classname="gate", name="run")
        _outcome(case, run.gate.verdict, run.gate.reason)
    _counts(gates)


def _junit_items(run: Run, suites: ElementTree.Element) -> None:
    items = ElementTree.SubElement(suites, "testsuite", name=plain(f"items: {run.golden.name}"))
    blamed = failing_items(run)
    repeats: dict[str, list[RunItem]] = {}
    for item in run.items:
        repeats.setdefault(item.id, []).append(item)
    for name, asked in repeats.items():
        seconds = sum(item.output.latency_ms for item in asked) / 1000
        case = ElementTree.SubElement(
            items, "testcase", classname=plain(run.golden.name), name=plain(name), time=f"{seconds:.3f}"
        )
        found = {}
        for item in asked:
            for metric, score in item.scores.items():
                found[f"{metric}#{item.repeat}"] = "unscored" if score.value is None else score.value
        _properties(case, found)
        errors = [item.output.error for item in asked if item.output.error]
        if name in blamed:
            _outcome(case, GateVerdict.BLOCK, blamed[name])
        elif errors:
            _outcome(case, GateVerdict.INCONCLUSIVE, f"not measured: {errors[0]}")
    _counts(items)


def _properties(case: ElementTree.Element, values: Mapping[str, object]) -> None:
    properties = ElementTree.SubElement(case, "properties")
    for name, value in values.items():
        ElementTree.SubElement(properties, "property", name=plain(name), value=plain(str(value)))


def _outcome(case: ElementTree.Element, verdict: GateVerdict, reason: str) -> None:
    tag = {"block": "failure", "invalid": "error", "inconclusive": "skipped"}.get(verdict.value)
    if tag:
        ElementTree.SubElement(case, tag, message=plain(reason))


def _counts(suite: ElementTree.Element) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
