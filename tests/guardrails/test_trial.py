"""Policies tried outside traffic."""

from __future__ import annotations

import json

import pytest

from guardrails import trial
from guardrails.policy import BUILT_IN, builtin, parse
from guardrails.types import Stage

POLICY = """name: p
rules:
  - {id: mask, check: words, with: {deny: [bluebird]}, stages: [input, output], action: redact}
  - {id: stop, check: words, with: {deny: [kryptonite]}, stages: [input, output], action: block}
tests:
"""


@pytest.mark.parametrize("name", BUILT_IN)
async def test_the_tests_of_shipped_policies_hold(name: str) -> None:
    """A policy that ships carries tests, and passes them whole and in pieces."""
    outcomes = await trial.run_tests(builtin(name))

    assert outcomes
    assert [outcome for outcome in outcomes if outcome.problems] == []


TESTS = [
    ('{text: "a bluebird", expect: {action: redact, findings: [{rule: mask, text: bluebird}]}}', ""),
    ('{stage: output, text: "a bluebird", expect: {action: redact}}', ""),
    ('{stage: output, text: "kryptonite", expect: {action: block}}', ""),
    ('{stage: retrieval, text: "a bluebird", expect: {action: allow, findings: []}}', ""),
    ('{text: "a bluebird", expect: {action: block}}', "expected action block, got redact"),
    ('{text: "a bluebird", expect: {findings: []}}', "expected 0 findings as listed, got mask/DENIED_WORD"),
    ('{text: "a bird", expect: {findings: [{rule: mask}]}}', "expected 1 findings as listed, got none"),
    ('{text: "a bluebird", expect: {findings: [{rule: stop}]}}', "expected 1 findings as listed, got mask/"),
]


@pytest.mark.parametrize(("test", "problem"), TESTS)
async def test_a_policys_test_says_what_differs(test: str, problem: str) -> None:
    """Each expectation that does not hold is one problem with what was found instead, at the test's line."""
    [outcome] = await trial.run_tests(parse(POLICY + f"  - {test}\n"))

    assert (outcome.number, outcome.line) == (1, 6)
    assert len(outcome.problems) == bool(problem)
    assert all(problem in told for told in outcome.problems)


async def test_a_trial_gives_the_text_as_it_would_go_on() -> None:
    """Masked when masked, nothing when blocked, and the same as JSON."""
    guard = trial.guard_for(parse(POLICY.removesuffix("tests:\n")))

    masked = await trial.run(guard, "a bluebird")
    stopped = await trial.run(guard, "kryptonite", Stage.OUTPUT)

    assert (masked.released, stopped.released) == ("a [DENIED_WORD]", "")
    told = json.loads(trial.as_json(masked))
    assert (told["action"], told["text"]) == ("redact", "a [DENIED_WORD]")
    [found] = told["findings"]
    assert (found["rule"], found["start"], found["end"]) == ("mask", 2, 10)


BAD_LINES = [
    ("{", "line 2 is not JSON"),
    ("[]", 'line 2 has no string "text"'),
    ('{"text": 3}', 'line 2 has no string "text"'),
    ('{"text": "a", "stage": "sideways"}', "line 2: unknown stage. Stages: input,"),
]


@pytest.mark.parametrize(("line", "message"), BAD_LINES)
async def test_a_line_that_does_not_fit_is_named(line: str, message: str) -> None:
    """What came before it was answered; blank lines count and are passed over."""
    guard = trial.guard_for(parse(POLICY.removesuffix("tests:\n")))
    results = trial.run_lines(guard, ['{"text": "fine", "stage": "output"}', line])

    assert (await anext(results)).released == "fine"
    with pytest.raises(trial.BadLine, match=message):
        await anext(results)
