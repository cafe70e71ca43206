"""The work of rules in numbers: each inspection counts, whether it found anything or not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from guardrails.types import Action, CheckFailure, Mode, Verdict
from proxy.metrics_rules import Rules
from tests.proxy.exchanges import finding, masked


def _rules(*rules: tuple[str, str]) -> Any:
    made = [
        SimpleNamespace(id=id, check="x", options={}, mode=SimpleNamespace(value=mode)) for id, mode in rules
    ]
    return SimpleNamespace(policy=SimpleNamespace(label=f"p@{len(made)}", rules=tuple(made)))


def _counted() -> tuple[Rules, Any]:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    return Rules(registry), registry.get_sample_value


def test_each_inspection_of_a_rule_counts_with_what_came_of_it() -> None:
    """The strictest action of its findings, `allow` when there were none, on each side."""
    rules, value = _counted()
    exchange = masked()
    exchange.guard = _rules(("pii", "enforce"), ("quiet", "shadow"))
    exchange.input = Verdict(
        findings=(finding(0, 1, action=Action.FLAG), finding(2, 3, action=Action.REDACT)),
        timings={"pii": 0.2, "quiet": 0.1},
    )
    exchange.output = Verdict(timings={"pii": 0.1})
    rules.observe(exchange)

    name = "guardhouse_guardrail_evaluations_total"
    for rule, side, action, mode in (
        ("pii", "request", "redact", "enforce"),
        ("pii", "reply", "allow", "enforce"),
        ("quiet", "request", "allow", "shadow"),
    ):
        assert value(name, {"rule": rule, "side": side, "action": action, "mode": mode}) == 1


def test_failures_count_by_what_became_of_them() -> None:
    """`closed` where the exchange was blocked for it, `open` where it passed unseen."""
    rules, value = _counted()
    failed = [CheckFailure("r", "c", "timeout", "T", action) for action in (Action.BLOCK, Action.ALLOW)]
    rules.observe(masked(input=Verdict(failures=tuple(failed))))

    for mode in ("closed", "open"):
        assert value("guardhouse_guardrail_errors_total", {"fail_mode": mode}) == 1
    assert value("guardhouse_guardrail_failures_total", {"rule": "r", "kind": "timeout"}) == 2


def test_another_policy_has_its_own_modes() -> None:
    """A rule that a reload moves from shadow to enforced is counted as that from then on."""
    rules, value = _counted()
    for mode in (Mode.SHADOW, Mode.ENFORCE):
        exchange = masked(input=Verdict(timings={"r": 0.1}), output=Verdict())
        exchange.guard = _rules(("r", mode.value))
        exchange.guard.policy.label = f"p@{mode.value}"
        rules.observe(exchange)
        labels = {"rule": "r", "side": "request", "action": "allow", "mode": mode.value}
        assert value("guardhouse_guardrail_evaluations_total", labels) == 1
