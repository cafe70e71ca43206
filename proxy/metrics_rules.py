"""What the rules of policies did: how often each was asked, what came of it, and which tools were called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple

from guardrails.types import Action, Verdict, strictest

if TYPE_CHECKING:
    from guardrails.policy import Policy
    from proxy.exchange import Exchange

OTHER = "other"
"""Counts every tool that no rule names: a caller could make up any number of them."""
_SECONDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
_MOST = 64
"""Policies whose names are remembered; then it is begun anew."""


@dataclass(frozen=True, slots=True)
class _Names:
    """What of a policy may be a label."""

    modes: Mapping[str, str]
    tools: frozenset[str]


class Work(NamedTuple):
    """How one rule's inspections went, since the process began."""

    inspections: int
    half_s: float
    """Seconds within which half of them were done: the bound of a bucket, infinite beyond the last."""
    most_s: float
    """The same for 95 %."""
    failures: int


class Rules:
    """Counts the work of rules. Labels come from the policies alone."""

    def __init__(self, registry: Any) -> None:
        from prometheus_client import Counter, Histogram

        def counter(name: str, help: str, *labels: str) -> Any:
            return Counter(f"guardhouse_{name}", help, labels, registry=registry)

        self._evaluations = counter(
            "guardrail_evaluations", "Inspections by rule.", "rule", "side", "action", "mode"
        )
        self._findings = counter(
            "guardrail_findings",
            "Findings by rule, kind, action asked for and mode.",
            "rule",
            "entity",
            "action",
            "mode",
        )
        self._failures = counter("guardrail_failures", "Checks that could not do their work.", "rule", "kind")
        self._errors = counter("guardrail_errors", "Checks that failed, by what became of it.", "fail_mode")
        self._tools = counter("tool_calls", "Calls of tools.", "tool", "state")
        self._seconds = Histogram(
            "guardhouse_guardrail_seconds",
            "Time a rule took per inspection.",
            ("rule",),
            registry=registry,
            buckets=_SECONDS,
        )
        self._children: dict[tuple[Any, ...], Any] = {}
        self._names: dict[str, _Names] = {}

    def observe(self, exchange: Exchange) -> None:
        """Count what the rules said of a finished exchange."""
        policy = exchange.guard.policy
        names = self._names.get(policy.label) or self._learn(policy)
        self._verdict(exchange.input, "request", names)
        self._verdict(exchange.output, "reply", names)
        for call in exchange.tool_calls:
            tool = call.name if call.name in names.tools else OTHER
            self._child(self._tools, tool, "requested" if call.state == "requested" else "answered").inc()

    def work(self) -> dict[str, Work]:
        """What each rule's work was like in this process, by rule."""
        counts: dict[str, dict[float, float]] = {}
        for metric in self._seconds.collect():
            for sample in metric.samples:
                if sample.name.endswith("_bucket"):
                    bound = float(sample.labels["le"])
                    counts.setdefault(sample.labels["rule"], {})[bound] = sample.value
        failed: dict[str, int] = {}
        for metric in self._failures.collect():
            for sample in metric.samples:
                if sample.name.endswith("_total"):
                    failed[sample.labels["rule"]] = failed.get(sample.labels["rule"], 0) + int(sample.value)
        return {
            rule: Work(int(found[inf]), _within(found, 0.5), _within(found, 0.95), failed.get(rule, 0))
            for rule, found in counts.items()
        }

    def _verdict(self, verdict: Verdict, side: str, names: _Names) -> None:
        acted: dict[str, Action] = {}
        for found in verdict.findings:
            labels = (found.rule, found.entity, found.action.value, found.mode.value)
            self._child(self._findings, *labels).inc()
            acted[found.rule] = strictest((found.action, acted.get(found.rule, Action.ALLOW)))
        for failed in verdict.failures:
            self._child(self._failures, failed.rule, failed.kind).inc()
            self._child(self._errors, "closed" if failed.action is Action.BLOCK else "open").inc()
        for rule, milliseconds in verdict.timings.items():
            self._child(self._seconds, rule).observe(milliseconds / 1e3)
            action = acted.get(rule, Action.ALLOW).value
            self._child(self._evaluations, rule, side, action, names.modes.get(rule, "enforce")).inc()

    def _learn(self, policy: Policy) -> _Names:
        if len(self._names) >= _MOST:
            self._names.clear()
        listed = (rule.options.get("allow") for rule in policy.rules if rule.check == "tools")
        names = self._names[policy.label] = _Names(
            {rule.id: rule.mode.value for rule in policy.rules},
            frozenset(str(name) for allowed in listed for name in allowed or ()),
        )
        return names

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child


def _within(cumulative: Mapping[float, float], share: float) -> float:
    """The first bound within which that share of the inspections was done."""
    wanted = cumulative[inf] * share
    return next((bound for bound in sorted(cumulative) if cumulative[bound] >= wanted), inf)
