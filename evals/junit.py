"""A run as JUnit XML: one testcase per gate metric and per item."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from evals.compare import advisories
from evals.facts import failed_because, failing_items, plain
from evals.run import GateMetric, GateVerdict, Run, RunItem

SHOWN = (
    *("delta", "low", "high", "n", "p", "adjusted_p", "margin", "baseline", "candidate"),
    *("detectable", "worst", "method"),
)
"""What is told of a gate metric, besides how often each case was asked (`k`)."""

_COUNTED = {"tests": "", "failures": "failure", "errors": "error", "skipped": "skipped"}
"""Counts of a suite, and the element that each counts."""
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def render(run: Run) -> str:
    """The XML text.

    A gate fails when it blocks, errs when it is invalid, is skipped when it is inconclusive. An item fails
    when it is a failing canary, or flipped to fail on a metric that blocks. So the file is red exactly when
    the exit code is 1 or 2.
    """
    gates, items = _gates(run), _items(run)
    suites = ElementTree.Element("testsuites", {"name": "guardhouse", **_sums(gates.counts, items.counts)})
    body = [
        text for suite in (gates, items) for text in (*_opened(suite.head, 1), *suite.cases, "  </testsuite>")
    ]
    return "\n".join(
        ["<?xml version='1.0' encoding='utf-8'?>", *_opened(suites, 0), *body, "</testsuites>", ""]
    )


@dataclass(frozen=True, slots=True)
class _Suite:
    """A suite with its testcases as text: a tree of 20,000 of them would take hundreds of megabytes."""

    head: ElementTree.Element
    """The suite without its testcases."""
    cases: list[str]
    counts: dict[str, int]


def _suite(head: ElementTree.Element, cases: Iterable[ElementTree.Element]) -> _Suite:
    """A suite of these testcases, which are let go one by one."""
    counts = dict.fromkeys(_COUNTED, 0)
    texts = []
    for case in cases:
        counts["tests"] += 1
        for name, tag in _COUNTED.items():
            counts[name] += bool(tag) and case.find(tag) is not None
        ElementTree.indent(case, level=2)
        texts.append("    " + ElementTree.tostring(case, encoding="unicode").rstrip())
    for name, count in counts.items():
        head.set(name, str(count))
    return _Suite(head, texts, counts)


def _opened(element: ElementTree.Element, level: int) -> list[str]:
    """An element up to where its testcases begin."""
    ElementTree.indent(element, level=level)
    text = ElementTree.tostring(element, encoding="unicode", short_empty_elements=False)
    return ["  " * level + text.removesuffix(f"</{element.tag}>").rstrip()]


def _sums(*counts: dict[str, int]) -> dict[str, str]:
    return {name: str(sum(each[name] for each in counts)) for name in _COUNTED}


def _gates(run: Run) -> _Suite:
    head = ElementTree.Element("testsuite", name=plain(f"gate: {run.suite}"))
    if _TIME.fullmatch(run.created_at):
        head.set("timestamp", run.created_at.rstrip("Z"))
    _properties(head, _told(run))
    return _suite(head, _gate_cases(run))


def _gate_cases(run: Run) -> Iterator[ElementTree.Element]:
    advisory = advisories(run)
    for metric in run.gate.metrics or (GateMetric("gate", run.gate.verdict, run.gate.reason, 0.0),):
        case = ElementTree.Element("testcase", classname="gate", name=plain(metric.metric))
        values = {name: getattr(metric, name) for name in SHOWN} | {"k": run.repeats}
        _properties(case, {name: value for name, value in values.items() if value not in (None, "")})
        if metric.gating:
            _outcome(case, run, metric.verdict, _reason(run, metric.verdict, metric.reason))
        elif metric.metric in advisory:
            _outcome(case, run, GateVerdict.INCONCLUSIVE, f"advisory: {advisory[metric.metric]}")
        yield case
    settled = {metric.verdict for metric in run.gate.metrics if metric.gating}
    if run.gate.metrics and run.gate.verdict not in settled:
        case = ElementTree.Element("testcase", classname="gate", name="run")
        _outcome(case, run, run.gate.verdict, _reason(run, run.gate.verdict, run.gate.reason))
        yield case


def _reason(run: Run, verdict: GateVerdict, reason: str) -> str:
    """A reason, with what failed where that made the run invalid."""
    why = failed_because(run) if verdict is GateVerdict.INVALID else ""
    return f"{reason} ({why})" if why else reason


def _items(run: Run) -> _Suite:
    return _suite(ElementTree.Element("testsuite", name=plain(f"items: {run.golden.name}")), _item_cases(run))


def _item_cases(run: Run) -> Iterator[ElementTree.Element]:
    blamed = failing_items(run)
    repeats: dict[str, list[RunItem]] = {}
    for item in run.items:
        repeats.setdefault(item.id, []).append(item)
    for name, asked in repeats.items():
        seconds = sum(max(item.output.latency_ms, 0.0) for item in asked) / 1000
        case = ElementTree.Element(
            "testcase", classname=plain(run.golden.name), name=plain(name), time=f"{seconds:.3f}"
        )
        found = {}
        for item in asked:
            for metric, score in item.scores.items():
                found[f"{metric}#{item.repeat}"] = "unscored" if score.value is None else score.value
        _properties(case, found)
        errors = [item.output.error for item in asked if item.output.error]
        if name in blamed:
            _outcome(case, run, GateVerdict.BLOCK, blamed[name])
        elif errors:
            _outcome(case, run, GateVerdict.INCONCLUSIVE, f"not measured: {errors[0]}")
        yield case


def _told(run: Run) -> dict[str, object]:
    """What tells this run from others."""
    told = {
        "run": run.id,
        "verdict": run.gate.verdict.value,
        "exit_code": run.gate.verdict.exit_code,
        "golden": f"{run.golden.name} {run.golden.version} {run.golden.content_sha256}",
        "prompt": f"{run.prompt.name} {run.prompt.version} {run.prompt.sha256}",
        "model": run.target.model,
        "judge": run.judge.model if run.judge else "",
        "advisory": ", ".join(advisories(run)),
        "baseline": run.baseline.id if run.baseline else "",
        "commit": run.commit,
        "seed": run.seed,
        "unfinished": run.unfinished,
    }
    return {name: value for name, value in told.items() if value not in (None, "")}


def _properties(case: ElementTree.Element, values: Mapping[str, object]) -> None:
    if not values:
        return
    properties = ElementTree.SubElement(case, "properties")
    for name, value in values.items():
        ElementTree.SubElement(properties, "property", name=plain(name), value=plain(str(value)))


def _outcome(case: ElementTree.Element, run: Run, verdict: GateVerdict, reason: str) -> None:
    """Marks a testcase. Nothing is red where the run's verdict is not."""
    red = run.gate.verdict.exit_code in {1, 2}
    tag = {"block": "failure", "invalid": "error", "inconclusive": "skipped"}.get(verdict.value)
    if tag and (red or tag == "skipped"):
        ElementTree.SubElement(case, tag, message=plain(reason))
