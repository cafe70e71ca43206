"""Putting verdicts together: several inspections of one exchange told as one."""

from __future__ import annotations

from collections.abc import Iterable

from guardrails.types import ALLOWED, Action, Finding, Mode, Stage, Verdict, strictest

UNSCANNABLE_RULE = "unscannable"
"""Rule and check named in findings about parts that hold something other than text."""


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """One verdict for several: the strictest action, all that was found, the first block."""
    kept = [verdict for verdict in verdicts if verdict is not ALLOWED]
    if not kept:
        return ALLOWED
    if len(kept) == 1:
        return kept[0]
    timings: dict[str, float] = {}
    for verdict in kept:
        for rule, spent in verdict.timings.items():
            timings[rule] = timings.get(rule, 0.0) + spent
    blocking = next((verdict for verdict in kept if verdict.blocked_by), None)
    return Verdict(
        action=strictest(verdict.action for verdict in kept),
        decided=strictest(verdict.decided for verdict in kept),
        findings=tuple(finding for verdict in kept for finding in verdict.findings),
        failures=tuple(failure for verdict in kept for failure in verdict.failures),
        edits=() if blocking else tuple(edit for verdict in kept for edit in verdict.edits),
        timings=timings,
        blocked_by=blocking.blocked_by if blocking else "",
        blocked_at=blocking.blocked_at if blocking else "",
    )


def unscannable(parts: Iterable[tuple[str, Stage]], action: Action) -> Verdict:
    """The verdict on parts that cannot be scanned, at (pointer, stage), where the policy says what they meet."""
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
    found = any(f.rule == rule and f.action is Action.BLOCK and f.mode is Mode.ENFORCE for f in verdict.findings)
    return not found and any(f.rule == rule and f.action is Action.BLOCK for f in verdict.failures)
