"""Ordinary prompts, and what a policy does to them."""

from __future__ import annotations

import pytest

from guardrails.ordinary import KINDS, costs, ordinary, prompts
from guardrails.policy import parse
from guardrails.trial import guard_for

RULES = "name: p\nrules: [{id: the, check: words, with: {deny: [the]}, stages: [input], action: %s}]\n"


@pytest.mark.parametrize("action", ["redact", "flag"])
async def test_prompts_that_a_policy_changes_are_counted(action: str) -> None:
    """With the rule that did it; a flag changes nothing."""
    told = await ordinary(guard_for(parse(RULES % action)))

    assert tuple(each.kind for each in told) == KINDS
    for each in told:
        expected = [text for text in prompts(each.kind) if " the " in text.lower()]
        assert each.prompts == len(prompts(each.kind))
        assert (each.changed >= len(expected) > 0) if action == "redact" else each.changed == 0
        assert each.by == ((("the DENIED_WORD", each.changed),) if action == "redact" else ())


async def test_every_rule_has_a_cost() -> None:
    """In milliseconds, by its id."""
    told = await costs(guard_for(parse(RULES % "flag")))

    assert list(told) == ["the"]
    assert told["the"] > 0
