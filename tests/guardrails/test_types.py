"""Verdicts: concluding and merging."""

from __future__ import annotations

from guardrails.types import (
    ALLOWED,
    Action,
    CheckFailure,
    Edit,
    Finding,
    Mode,
    Stage,
    Verdict,
    conclude,
    merge,
    strictest,
)


def finding(rule: str, action: Action, mode: Mode = Mode.ENFORCE, pointer: str = "/p") -> Finding:
    """A finding of a test rule."""
    return Finding(rule, "c", "X", Stage.INPUT, pointer, 0, 1, 1.0, action, mode)


def test_actions_are_ordered_by_strictness() -> None:
    """allow < flag < pseudonymize < redact < block."""
    assert [action.rank for action in Action] == [0, 1, 2, 3, 4]
    assert strictest([]) is Action.ALLOW
    assert strictest([Action.REDACT, Action.PSEUDONYMIZE]) is Action.REDACT


def test_shadow_findings_count_in_what_was_decided_only() -> None:
    """A shadow rule changes nothing and tells what it would have done."""
    verdict = conclude([finding("a", Action.BLOCK, Mode.SHADOW), finding("b", Action.FLAG)], [], {})

    assert (verdict.action, verdict.decided, verdict.blocked_by) == (Action.FLAG, Action.BLOCK, "")


def test_the_first_blocking_finding_is_named() -> None:
    """A block says which rule and where; a finding is named before a failure."""
    failure = CheckFailure("f", "c", "error", "ValueError", Action.BLOCK)
    found = [finding("a", Action.REDACT, pointer="/0"), finding("b", Action.BLOCK, pointer="/1")]

    by_finding, by_failure = conclude(found, [failure], {}), conclude(found[:1], [failure], {})

    assert (by_finding.action, by_finding.blocked_by, by_finding.blocked_at) == (Action.BLOCK, "b", "/1")
    assert (by_failure.action, by_failure.blocked_by, by_failure.blocked_at) == (Action.BLOCK, "f", "")


def test_merging_keeps_everything_and_the_strictest_action() -> None:
    """Findings, failures and edits follow each other, times add up, the first block is named."""
    first = Verdict(Action.REDACT, Action.BLOCK, (finding("a", Action.REDACT),), edits=(Edit("/p", 0, 1, "x"),),
                    timings={"a": 1.0, "b": 1.0})  # fmt: skip
    second = conclude([finding("b", Action.BLOCK, pointer="/q")], [], {"b": 2.0})

    merged = merge([ALLOWED, first, second])

    assert (merged.action, merged.decided) == (Action.BLOCK, Action.BLOCK)
    assert (merged.blocked_by, merged.blocked_at) == ("b", "/q")
    assert merged.findings == first.findings + second.findings
    assert merged.edits == first.edits
    assert merged.timings == {"a": 1.0, "b": 3.0}


def test_merging_nothing_costs_nothing() -> None:
    """Allowed verdicts merge into the shared one, a single other verdict into itself."""
    verdict = conclude([finding("a", Action.FLAG)], [], {})

    assert merge([]) is ALLOWED
    assert merge([ALLOWED, ALLOWED]) is ALLOWED
    assert merge([ALLOWED, verdict]) is verdict
