"""The time that looking at one request may take, and what becomes of texts that were not looked at."""

from __future__ import annotations

import pytest

from guardrails.engine import Guard
from guardrails.policy import parse
from guardrails.types import Action
from tests.guardrails.samples import KEY
from tests.guardrails.test_engine import segment


@pytest.mark.parametrize(
    ("on_budget", "mode", "action"),
    [
        ("block", "enforce", Action.BLOCK),
        ("allow", "enforce", Action.ALLOW),
        ("block", "shadow", Action.ALLOW),
    ],
    ids=["block", "allow", "shadow"],
)
async def test_scanning_ends_with_its_budget(on_budget: str, mode: str, action: Action) -> None:
    """What was not looked at in time is no pass: the policy says what becomes of it. Later texts are as new."""
    policy = f"""
name: hasty
budget_ms: 1
on_budget: {on_budget}
rules:
  - {{id: numbers, check: pii, with: {{entities: [PHONE_NUMBER]}}, stages: [input], action: redact, mode: {mode}}}
"""
    judge = Guard(parse(policy), KEY)

    verdict = await judge.inspect([segment("call 555 0100 22 33 44 or " * 4000), segment("+1 202 555 0143")])
    later = await judge.inspect([segment("+1 202 555 0143")])

    assert [(failure.kind, failure.action) for failure in verdict.failures] == [("over_budget", action)]
    assert verdict.action is action
    assert [found.rule for found in later.findings] == ["numbers"]
