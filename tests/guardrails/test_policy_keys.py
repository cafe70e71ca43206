"""The table of keys is the one that policies are read by."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from guardrails.errors import PolicyError
from guardrails.policy import parse
from guardrails.policy_keys import EXPECT, FINDING, POLICY, RULE, TEST, Key, required

RULE_LINE = "{id: a, check: words, with: {deny: [bluebird]}, stages: [input], action: redact%s}"
PLACES = [
    (POLICY, "%s"),
    (RULE, RULE_LINE),
    (TEST, "tests: [{text: x, expect: {action: allow}%s}]"),
    (EXPECT, "tests: [{text: x, expect: {action: allow%s}}]"),
    (FINDING, "tests: [{text: x, expect: {findings: [{rule: a%s}]}}]"),
]


@pytest.mark.parametrize(("table", "place"), PLACES, ids=["policy", "rule", "test", "expect", "finding"])
def test_a_key_outside_the_table_is_refused_with_all_that_are_in_it(
    table: Mapping[str, Key], place: str
) -> None:
    """The error names every key of the table, in its order."""
    strange = "strange: 1\n" if place == "%s" else ", strange: 1"
    rule = RULE_LINE % (strange if place == RULE_LINE else "")
    rest = place % strange if place != RULE_LINE else ""

    with pytest.raises(PolicyError) as caught:
        parse(f"name: p\nrules: [{rule}]\n{rest}")

    assert f"Known keys: {', '.join(table)}." in str(caught.value)


def test_required_keys_are_told() -> None:
    """Those without which a rule means nothing."""
    assert required(RULE) == ("id", "check", "stages", "action")
