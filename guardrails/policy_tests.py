"""The tests that a policy carries: a text or a call, and what the policy must make of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from guardrails.lines import Field
from guardrails.policy_keys import EXPECT, FINDING, TEST, required
from guardrails.sample import Sample, sample
from guardrails.types import Action, Stage


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that a policy test asks for; None means any."""

    rule: str
    entity: str | None = None
    text: str | None = None
    within: str | None = None
    """Pointer of the argument of a call that it stands in."""


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One example that the policy carries."""

    sample: Sample
    action: Action | None
    """The verdict's action, or None when the test does not say."""
    findings: tuple[Expected, ...] | None
    """Exactly these findings, in the order of the text, or None when the test does not say."""
    line: int
    file: str

    @property
    def text(self) -> str:
        """The text that is looked at; empty for a call."""
        return self.sample.text

    @property
    def stage(self) -> Stage:
        """Where it stands."""
        return self.sample.stage


def read_test(entry: Field, rules: Collection[str]) -> PolicyTest:
    """The test in a mapping, for a policy of these rules. Raises PolicyError at the line that does not fit."""
    keys = entry.fields(TEST, required(TEST))
    expect = keys["expect"].fields(EXPECT)
    if not expect:
        raise keys["expect"].error("the test expects nothing.", "Give `action`, `findings` or both.")
    findings: tuple[Expected, ...] | None = None
    if "findings" in expect:
        none = expect["findings"].plain() == []
        findings = () if none else tuple(_expected(item, rules) for item in expect["findings"].items())
    return PolicyTest(
        sample=sample(entry, keys),
        action=expect["action"].choice(Action) if "action" in expect else None,
        findings=findings,
        line=entry.line,
        file=entry.file,
    )


def _expected(entry: Field, rules: Collection[str]) -> Expected:
    keys = entry.fields(FINDING, required(FINDING))
    rule = keys["rule"].text()
    if rule not in rules:
        raise keys["rule"].error(f"there is no rule {rule!r}.", f"Rules here: {', '.join(rules)}.")
    return Expected(
        rule=rule,
        entity=keys["entity"].text() if "entity" in keys else None,
        text=keys["text"].text() if "text" in keys else None,
        within=keys["within"].text() if "within" in keys else None,
    )
