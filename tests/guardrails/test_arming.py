"""Joining rules to checks, and refusing what could not be enforced."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from guardrails.arming import arm, sound
from guardrails.errors import BadResult, PolicyError
from guardrails.policy import parse
from guardrails.types import Action, Span
from tests.guardrails.samples import registered


@pytest.fixture(autouse=True)
def _checks() -> Iterator[None]:
    with registered():
        yield


def armed(rule: str):
    """The one rule of a policy, whose line is 3."""
    return arm(parse(f"name: p\nrules:\n  - {rule}\n", file="p.yaml"))[0]


REFUSED = [
    ("{id: a, check: whole, with: {text: x}, stages: [output], action: redact}", "has to see a whole reply", "hold: full"),
    ("{id: a, check: whole, with: {text: x}, stages: [input, output], action: block}", "has to see a whole", "hold: full"),
    ("{id: a, check: digits, with: {lest: 3}, stages: [input], action: redact}", "option 'lest'", "with:"),
    ("{id: a, check: digits, with: {least: many}, stages: [input], action: redact}", "option 'least'", "with:"),
    ("{id: a, check: literal, stages: [input], action: redact}", "option 'text'", "with:"),
    ("{id: a, check: literal, with: {text: ''}, stages: [input], action: redact}", "`text` is empty", "with:"),
    ("{id: a, check: broken, with: {error: Nothing}, stages: [input], action: redact}", "KeyError", "with:"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "what", "fix"), REFUSED)
def test_what_cannot_be_enforced_is_refused_with_file_line_and_fix(rule: str, what: str, fix: str) -> None:
    """A rule fails when the policy is loaded, not when the first reply comes."""
    with pytest.raises(PolicyError) as caught:
        armed(rule)

    assert str(caught.value).startswith("p.yaml:3: rule 'a': ")
    assert what in caught.value.what
    assert fix in caught.value.fix


ENFORCEABLE = [
    ("{id: a, check: whole, with: {text: x}, stages: [output], action: block, hold: full}", True),
    ("{id: a, check: whole, with: {text: x}, stages: [output], action: flag}", False),
    ("{id: a, check: whole, with: {text: x}, stages: [output], action: block, mode: shadow}", False),
    ("{id: a, check: whole, with: {text: x}, stages: [input], action: block}", False),
    ("{id: a, check: digits, stages: [output], action: redact}", False),
    ("{id: a, check: digits, stages: [output], action: redact, hold: full}", True),
    ("{id: a, check: digits, stages: [output], action: flag, hold: full}", False),
    ("{id: a, check: digits, stages: [input], action: redact, hold: full}", False),
]


@pytest.mark.parametrize(("rule", "needs_whole"), ENFORCEABLE)
def test_only_acting_rules_that_ask_for_it_keep_a_reply_back(rule: str, needs_whole: bool) -> None:
    """`hold: full` counts where a rule changes or stops a reply; flags and shadows never delay."""
    assert armed(rule).needs_whole is needs_whole


def test_on_error_does_not_count_in_shadow_mode() -> None:
    """A shadow rule changes nothing, not even by failing."""
    shadow = "{id: a, check: digits, stages: [input], action: block, mode: shadow, on_error: block}"
    enforced = "{id: a, check: digits, stages: [input], action: flag}"
    lenient = "{id: a, check: digits, stages: [input], action: block, on_error: allow}"

    assert [armed(rule).failed("error", "E").action for rule in (shadow, enforced, lenient)] == [
        Action.ALLOW,
        Action.BLOCK,
        Action.ALLOW,
    ]
    assert [armed(rule).overflowed().action for rule in (shadow, enforced, lenient)] == [
        Action.ALLOW,
        Action.ALLOW,
        Action.BLOCK,
    ]


@pytest.mark.parametrize(
    "spans",
    [
        None,
        "text",
        [None],
        [Span(0, 6, "X")],
        [Span(-1, 2, "X")],
        [Span(0, 2, "X")],
        [Span(3, 3, "X")],
        [Span(3, 4, None)],  # type: ignore[arg-type]
        [Span(3, 4, "X", "high")],  # type: ignore[arg-type]
        [Span(True, 4, "X")],
    ],
)
def test_spans_that_are_not_inside_the_text_are_refused(spans: object) -> None:
    """Nothing a check returns is trusted: offsets are whole numbers within the text it was given."""
    with pytest.raises(BadResult):
        sound(spans, 5, start=1)


def test_sound_spans_come_back_in_order() -> None:
    """Checks need not sort."""
    assert sound([Span(3, 4, "B"), Span(1, 2, "A")], 5) == [Span(1, 2, "A"), Span(3, 4, "B")]
