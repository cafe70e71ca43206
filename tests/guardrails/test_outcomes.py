"""A policy's own tests, run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrails.outcomes import TestOutcome, run_tests
from guardrails.policy import BUILT_IN, builtin, parse
from guardrails.stream import StreamGuard
from tests.guardrails.samples import registered

POLICY = """name: p
rules:
  - {id: mask, check: words, with: {deny: [bluebird]}, stages: [input, output, tool_call], action: redact}
  - {id: stop, check: words, with: {deny: [kryptonite]}, stages: [input, output], action: block}
tests:
"""


@pytest.fixture(autouse=True)
def _checks() -> Iterator[None]:
    with registered():
        yield


async def outcomes(text: str) -> list[TestOutcome]:
    """How the tests of a policy went."""
    return [each async for each in run_tests(parse(text))]


@pytest.mark.parametrize("name", BUILT_IN)
async def test_the_tests_of_shipped_policies_hold(name: str) -> None:
    """A policy that ships carries tests, and passes them whole and in pieces."""
    told = [each async for each in run_tests(builtin(name))]

    assert told
    assert [outcome for outcome in told if outcome.problems] == []


async def test_the_policy_of_the_guide_holds() -> None:
    """What docs/guides/change-a-policy.md shows is a policy, and its examples hold."""
    page = Path(__file__).resolve().parents[2] / "docs" / "guides" / "change-a-policy.md"
    blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)
    told = [each for block in blocks for each in await outcomes(block)]

    assert len(told) == 3
    assert [each.problems for each in told] == [()] * 3


CALL = '{call: {name: mail, arguments: {to: [x, "a bluebird"]}}, expect: {%s}}'
TESTS = [
    ('{text: "a bluebird", expect: {action: redact, findings: [{rule: mask, text: bluebird}]}}', ""),
    ('{stage: output, text: "a bluebird", expect: {action: redact}}', ""),
    ('{stage: output, text: "kryptonite", expect: {action: block}}', ""),
    ('{stage: retrieval, text: "a bluebird", expect: {action: allow, findings: []}}', ""),
    ('{channel: "tool:web", text: "a bluebird", expect: {action: allow}}', ""),
    ('{text: "a bluebird", before: [{text: kryptonite}], expect: {action: redact}}', ""),
    ('{text: "", expect: {findings: []}}', ""),
    (CALL % "findings: [{rule: mask, text: bluebird, within: /to/1}]", ""),
    (CALL % "findings: [{rule: mask, within: /to/0}]", "expected 1 findings (mask/any in /to/0), got mask/DENIED_WORD 'bluebird' in /to/1"),
    ('{text: "a bluebird", expect: {action: block}}', "expected action block, got redact"),
    ('{text: "a bluebird", expect: {findings: []}}', "expected 0 findings, got mask/DENIED_WORD"),
    ('{text: "a bird", expect: {findings: [{rule: mask, entity: X}]}}', "expected 1 findings (mask/X), got none"),
    ('{text: "a bluebird", expect: {findings: [{rule: stop}]}}', "expected 1 findings (stop/any), got mask/"),
]  # fmt: skip


@pytest.mark.parametrize(("test", "problem"), TESTS)
async def test_a_policys_test_says_what_differs(test: str, problem: str) -> None:
    """Each expectation that does not hold is one problem with what was found instead, at the test's line."""
    [outcome] = await outcomes(POLICY + f"  - {test}\n")

    assert (outcome.number, outcome.file, outcome.line) == (1, "policy", 6)
    assert len(outcome.problems) == bool(problem)
    assert all(problem in told for told in outcome.problems)


async def test_a_test_of_a_removed_rule_fails_and_is_not_refused() -> None:
    """The inherited test stands in the shipped file."""
    told = await outcomes("inherit: default\nrules: [{id: pii, remove: true}]\n")
    failed = [each for each in told if each.problems]

    assert [each.file.rpartition("/")[2] for each in failed] == ["default.yaml"]


PROBLEMS = [
    ("output", 4, "streamed in pieces of 1, it ends otherwise than whole"),
    ("input", 2, "as a reply, streamed in pieces of 7, it ends otherwise than whole"),
]


@pytest.mark.parametrize(("stage", "ways", "problem"), PROBLEMS)
async def test_a_text_that_ends_otherwise_in_pieces_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, stage: str, ways: int, problem: str
) -> None:
    """A text of any stage is also taken as a reply, and cut in several ways."""
    push = StreamGuard.push
    monkeypatch.setattr(StreamGuard, "push", lambda stream, text: push(stream, text.upper()))

    test = f"  - {{stage: {stage}, text: 'a bluebird', expect: {{action: redact}}}}\n"
    [outcome] = await outcomes(POLICY + test)

    assert len(outcome.problems) == ways
    assert outcome.problems[0] == problem


async def test_a_rule_that_is_not_asked_about_replies_needs_no_stream() -> None:
    """Where no rule looks at replies, none are made."""
    rules = "rules: [{id: a, check: whole, with: {text: x}, stages: [input], action: block}]\n"
    [outcome] = await outcomes(f"name: p\n{rules}tests: [{{text: x, expect: {{action: block}}}}]\n")

    assert outcome.problems == ()
