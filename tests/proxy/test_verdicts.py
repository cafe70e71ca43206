"""What the proxy adds to verdicts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from guardrails import policy as policies
from guardrails.types import ALLOWED, Action, CheckFailure, Finding, Mode, Stage, Verdict
from proxy.verdicts import failed_closed, scanned, unscannable
from tests.proxy.policies import policy

FOUND = Finding("r", "c", "E", Stage.INPUT, "/x", 0, 1, 1.0, Action.BLOCK, Mode.ENFORCE)
FAILED = CheckFailure("r", "c", "error", "ValueError", Action.BLOCK)
PARTS = [("/messages/0/content/1", Stage.INPUT), ("/messages/2/content/0", Stage.TOOL_RESULT)]


@pytest.mark.parametrize("action", [Action.ALLOW, Action.FLAG, Action.BLOCK])
def test_every_unscannable_part_is_a_finding(action: Action) -> None:
    """Each part is recorded with its place and what it meets; a block names the first."""
    verdict = unscannable(PARTS, action)

    assert [(f.pointer, f.stage, f.action) for f in verdict.findings] == [(p, s, action) for p, s in PARTS]
    assert verdict.action is action
    assert verdict.blocked_at == (PARTS[0][0] if action is Action.BLOCK else "")


def test_nothing_unscannable_is_no_verdict() -> None:
    """Plain text costs nothing here."""
    assert unscannable([], Action.BLOCK) is ALLOWED


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict(blocked_by="r", findings=(FOUND,)), False),
        (Verdict(blocked_by="r", failures=(FAILED,)), True),
        (Verdict(blocked_by="r", findings=(FOUND,), failures=(FAILED,)), False),
        (Verdict(blocked_by="r", findings=(replace(FOUND, mode=Mode.SHADOW),), failures=(FAILED,)), True),
        (ALLOWED, False),
    ],
)
def test_a_rule_that_could_not_look_is_told_from_one_that_found(verdict: Verdict, expected: bool) -> None:
    """Failing closed has its own code, unless the same rule also found something."""
    assert failed_closed(verdict) is expected


@pytest.mark.parametrize(("mode", "expected"), [("enforce", False), ("shadow", True)])
def test_only_rules_that_act_must_have_looked(mode: str, expected: bool) -> None:
    """A shadow rule changes nothing, so its failure hides nothing."""
    rule = {
        "id": "r",
        "check": "words",
        "with": {"deny": ["x"]},
        "stages": ["input"],
        "action": "redact",
        "mode": mode,
    }
    loaded = policies.parse(policy([rule]))

    assert scanned(Verdict(failures=(FAILED,)), loaded) is expected
    assert scanned(ALLOWED, loaded)
