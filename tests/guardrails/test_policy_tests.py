"""Reading the tests of a policy."""

from __future__ import annotations

import pytest

from guardrails.errors import PolicyError
from guardrails.lines import read
from guardrails.policy_tests import Expected, PolicyTest, read_test
from guardrails.types import Action, Stage


def test(text: str) -> PolicyTest:
    """The test in a YAML text, for a policy of one rule."""
    return read_test(read(text, "p.yaml", "test"), ["mask"])


test.__test__ = False  # type: ignore[attr-defined]


def test_what_a_test_says_is_what_it_holds() -> None:
    """All of an expectation, and where it stands."""
    told = test(
        "{stage: output, text: x, expect: {action: redact, findings: [{rule: mask, entity: E, text: t, within: /a}]}}"
    )

    assert (told.text, told.stage, told.action, told.line, told.file) == (
        "x",
        Stage.OUTPUT,
        Action.REDACT,
        1,
        "p.yaml",
    )
    assert told.findings == (Expected("mask", "E", "t", "/a"),)


def test_no_findings_and_nothing_said_are_two_things() -> None:
    """An empty list is an expectation."""
    assert test("{text: x, expect: {findings: []}}").findings == ()
    assert test("{text: x, expect: {action: allow}}").findings is None


BAD = [
    ("{text: x}", 1, "the test has no 'expect'"),
    ("{expect: {action: allow}}", 1, "the test needs either 'text' or 'call'."),
    ("text: x\nexpect: {}", 2, "the test expects nothing."),
    ("text: x\nexpect:\n  action: mask", 3, "action cannot be 'mask'"),
    ("text: x\nexpect:\n  findings: [{entity: E}]", 3, "findings[0] has no 'rule'"),
    ("text: x\nexpect:\n  findings:\n    - rule: masc", 4, "there is no rule 'masc'. Rules here: mask."),
    ("text: x\nbefore: []\nexpect: {action: allow}", 2, "before is empty"),
    ("text: x\nbefor: []\nexpect: {action: allow}", 2, "Did you mean 'before'?"),
]


@pytest.mark.parametrize(("text", "line", "message"), BAD)
def test_a_test_that_does_not_fit_is_refused_at_its_line(text: str, line: int, message: str) -> None:
    """File, line, what is wrong and what to do."""
    with pytest.raises(PolicyError) as caught:
        test(text)

    assert (caught.value.file, caught.value.line) == ("p.yaml", line)
    assert message in str(caught.value)
    assert caught.value.fix
