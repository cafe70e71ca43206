"""What the proxy adds to verdicts: parts nobody can scan, rules that fail closed, what may be stored."""

from __future__ import annotations

from collections.abc import Iterable

from guardrails.policy import Policy
from guardrails.types import ALLOWED, Action, Finding, Mode, Stage, Verdict

UNSCANNABLE_RULE = "unscannable"
"""Rule and check named in findings about parts that hold something other than text."""


def unscannable(parts: Iterable[tuple[str, Stage]], action: Action) -> Verdict:
    """The verdict on parts that cannot be scanned, given as (pointer, stage)."""
    findings = tuple(
        Finding(
            rule=UNSCANNABLE_RULE,
            check=UNSCANNABLE_RULE,
            entity="UNSCANNABLE",
            stage=stage,
            pointer=pointer,
            start=0,
            end=0,
            score=1.0,
            action=action,
            mode=Mode.ENFORCE,
        )
        for pointer, stage in parts
    )
    if not findings:
        return ALLOWED
    blocks = action is Action.BLOCK
    return Verdict(
        action=action,
        decided=action,
        findings=findings,
        blocked_by=UNSCANNABLE_RULE if blocks else "",
        blocked_at=findings[0].pointer if blocks else "",
    )


def failed_closed(verdict: Verdict) -> bool:
    """Whether what blocks is a rule that could not do its work, not something it found."""
    rule = verdict.blocked_by
    found = any(
        f.rule == rule and f.action is Action.BLOCK and f.mode is Mode.ENFORCE for f in verdict.findings
    )
    return not found and any(f.rule == rule and f.action is Action.BLOCK for f in verdict.failures)


def scanned(verdict: Verdict, policy: Policy) -> bool:
    """Whether every rule that acts did its work: only then does the verdict say all there is."""
    if not verdict.failures:
        return True
    shadow = {rule.id for rule in policy.rules if rule.mode is Mode.SHADOW}
    return all(failure.rule in shadow for failure in verdict.failures)
