"""Rules that read together, and lanes that follow a text: what is settled, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from guardrails.lanes import TokenLane, groups
from guardrails.pseudonyms import Vault
from guardrails.types import Stage
from tests.guardrails.samples import KEY, guard, registered

RULES = """
    {id: words, check: words, with: {deny: [nightjar]}, stages: [output], action: redact}
    {id: mine, check: literal, with: {text: sesame}, stages: [output], action: redact}
    {id: cards, check: pii, with: {entities: [CREDIT_CARD]}, stages: [output], action: redact}
"""


@pytest.fixture(autouse=True, scope="module")
def _checks() -> Iterator[None]:
    with registered():
        yield


def test_pattern_sets_read_together_and_other_scanners_alone() -> None:
    """One group for all pattern sets, in the order of the rules, and one for each other scanner."""
    formed = groups(guard(RULES)._output)

    assert [[armed.rule.id for armed in group.rules] for group in formed] == [["words", "cards"], ["mine"]]
    assert len({group.name for group in formed}) == 2


def test_a_group_tells_what_each_rule_found() -> None:
    """Also of rules that found nothing: they have looked."""
    together, alone = guard(RULES)._groups[Stage.OUTPUT]

    found = together.scan("a nightjar", None, lambda armed: nullcontext())

    assert {rule: len(spans) for rule, spans in found.items()} == {"words": 1, "cards": 0}
    assert {
        rule: len(spans) for rule, spans in alone.scan("sesame", None, lambda armed: nullcontext()).items()
    } == {"mine": 1}


def test_a_lane_without_the_rules_that_failed() -> None:
    """It goes on for the others."""
    lane = guard(RULES)._groups[Stage.OUTPUT][0].lane()
    lane.drop({"cards"})

    seen = lane.feed("a nightjar and 4111 1111 1111 1111", final=True, caught=lambda armed: nullcontext())

    assert [(armed.rule.id, value) for armed, _, value in seen] == [("words", "nightjar")]
    assert lane.held == 0


def test_tokens_are_settled_when_they_are_whole() -> None:
    """A token that may still come waits; where whole ones stand is known."""
    vault = Vault(KEY, "t", "s")
    token = vault.mint("EMAIL_ADDRESS", "ada@example.com")
    lane = TokenLane(vault)

    lane.feed(f"so {token[:8]}", final=False, caught=lambda armed: nullcontext())
    assert lane.settled == 3
    lane.feed(f"{token[8:]} and", final=True, caught=lambda armed: nullcontext())
    assert lane.shields == [(3, 3 + len(token))]
