"""Loading policies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrails.errors import PolicyError
from guardrails.policy import BUILT_IN, BlockStyle, Capture, Hold, Policy, builtin, load, parse
from guardrails.types import Action, Mode, Stage, Style
from tests.guardrails.samples import registered

RULE = "{id: a, check: digits, stages: [input], action: redact}"


@pytest.fixture(autouse=True)
def _checks() -> Iterator[None]:
    with registered():
        yield


def test_defaults_are_the_documented_ones() -> None:
    """A policy of one rule gets the safe default for everything it does not say."""
    policy = parse(f"name: p\nrules:\n  - {RULE}\n")
    rule = policy.rules[0]

    assert (policy.capture, policy.block_style, policy.unscannable) == (
        Capture.REDACTED,
        BlockStyle.ERROR,
        Action.FLAG,
    )
    assert (rule.mode, rule.on_error, rule.threshold) == (Mode.ENFORCE, Action.BLOCK, 0.5)
    assert (rule.hold, rule.timeout_ms, rule.options, rule.line) == (Hold.AUTO, 250, {}, 3)


def test_every_key_is_read() -> None:
    """What the file says is what the rule holds."""
    policy = parse(
        """
name: p
capture: none
block_style: refusal
unscannable: block
rules:
  - id: a
    check: digits
    with: {least: 6}
    stages: [input, tool_result, tool_definition]
    action: block
    mode: shadow
    on_error: block
    threshold: 0.75
    hold: full
    timeout_ms: 1500
tests:
  - {stage: tool_result, text: "hi 123456", expect: {action: block, findings: [{rule: a, entity: NUMBER, text: "123456"}]}}
  - {text: "hi", expect: {findings: []}}
"""
    )
    rule = policy.rules[0]

    assert (policy.capture, policy.block_style, policy.unscannable) == ("none", "refusal", "block")
    assert rule.stages == {Stage.INPUT, Stage.TOOL_RESULT, Stage.TOOL_DEFINITION}
    assert (rule.options, rule.action, rule.mode, rule.on_error) == ({"least": 6}, "block", "shadow", "block")
    assert (rule.threshold, rule.hold, rule.timeout_ms) == (0.75, "full", 1500)
    first, second = policy.tests
    assert (first.stage, first.action, first.line) == (Stage.TOOL_RESULT, Action.BLOCK, 18)
    assert first.findings is not None
    assert (first.findings[0].rule, first.findings[0].entity, first.findings[0].text) == (
        "a",
        "NUMBER",
        "123456",
    )
    assert (second.stage, second.action, second.findings) == (Stage.INPUT, None, ())


def test_a_shadow_rule_lets_text_pass_when_its_check_fails() -> None:
    """The default of on_error follows the mode."""
    policy = parse("name: p\nrules: [{id: a, check: digits, stages: [input], action: block, mode: shadow}]")

    assert policy.rules[0].on_error is Action.ALLOW


def test_the_style_of_pseudonyms_has_a_meaning() -> None:
    """Tokens unless told otherwise; a surrogate is another policy, a token written out is not."""

    def styled(style: str) -> Policy:
        return parse(
            f"name: p\nrules: [{{id: a, check: digits, stages: [input], action: pseudonymize{style}}}]"
        )

    assert styled("").rules[0].style is Style.TOKEN
    assert styled(", style: surrogate").rules[0].style is Style.SURROGATE
    assert styled("").revision == styled(", style: token").revision != styled(", style: surrogate").revision


def rules(*lines: str) -> str:
    """A policy whose rules start in line 3."""
    return "name: p\nrules:\n" + "".join(f"  - {line}\n" for line in lines)


BAD = [
    ("name: p\n", 1, "has no 'rules'"),
    (f"rules: [{RULE}]\n", 1, "has no 'name'"),
    ("name: p\nrules: []\n", 2, "is empty"),
    ("name: p\nrules:\n", 2, "must be a list, not nothing"),
    ("name: p\nrules: digits\n", 2, "must be a list, not text"),
    ("- a\n", 1, "the policy must be a mapping"),
    (f"name: p\nrulez: []\nrules: [{RULE}]\n", 2, "has no key 'rulez'. Did you mean 'rules'"),
    (f"name: no\nrules: [{RULE}]\n", 1, "name must be text, not true/false"),
    (f"name: a b\nrules: [{RULE}]\n", 1, "'a b' is not a name"),
    (f"name: p\ncapture: all\nrules: [{RULE}]\n", 2, "capture cannot be 'all'. Use one of: none, redacted, flagged, raw"),
    (f"name: p\nblock_style: 500\nrules: [{RULE}]\n", 2, "Use one of: error, refusal"),
    (f"name: p\nunscannable: redact\nrules: [{RULE}]\n", 2, "Use one of: block, flag, allow"),
    (rules(RULE, RULE), 4, "rule id 'a' is used twice (first in line 3)"),
    (rules("{check: digits, stages: [input], action: redact}"), 3, "has no 'id'"),
    (rules("{id: a, stages: [input], action: redact}"), 3, "has no 'check'"),
    (rules("{id: a, check: digits, action: redact}"), 3, "has no 'stages'"),
    (rules("{id: a, check: digits, stages: [input]}"), 3, "has no 'action'"),
    (rules("{id: a, check: digist, stages: [input], action: redact}"), 3, "no check named 'digist'. Known checks: "),
    (rules("{id: a, check: digits, stages: [], action: redact}"), 3, "is empty"),
    (rules("{id: a, check: digits, stages: input, action: redact}"), 3, "must be a list, not text"),
    (rules("{id: a, check: digits, stages: [inputs], action: redact}"), 3, "cannot be 'inputs'. Use one of: input,"),
    (rules("{id: a, check: digits, stages: [input], action: mask}"), 3, "cannot be 'mask'. Use one of: allow, flag,"),
    (rules(RULE[:-1] + ", mode: on}"), 3, "Use one of: enforce, shadow"),
    (rules(RULE[:-1] + ", on_error: flag}"), 3, "Use one of: block, allow"),
    (rules(RULE[:-1] + ", threshold: 1.1}"), 3, "Use a number from 0 to 1"),
    (rules(RULE[:-1] + ", threshold: high}"), 3, "must be a number, not text"),
    (rules(RULE[:-1] + ", hold: some}"), 3, "Use one of: auto, full"),
    (rules(RULE[:-1] + ", timeout_ms: 0}"), 3, "Use a number from 1 to 60000"),
    (rules(RULE[:-1] + ", with: [least]}"), 3, "`with` must be a mapping"),
    (rules(RULE[:-1] + ", theshold: 1}"), 3, "Did you mean 'threshold'"),
    (rules("{id: a, check: digits, stages: [input], action: redact, style: surrogate}"), 3, "action redact, which makes no pseudonyms. Remove `style`"),
    (rules("{id: a, check: digits, stages: [input], action: redact, style: token}"), 3, "which makes no pseudonyms"),
    (rules("{id: a, check: digits, stages: [input], action: pseudonymize, style: fake}"), 3, "style cannot be 'fake'. Use one of: token, surrogate"),
    (rules("{id: a, check: digits, stages: [output], action: pseudonymize}"), 3, "add a second rule with `action: redact`"),
    (rules(RULE) + "tests: [{text: x}]\n", 4, "has no 'expect'"),
    (rules(RULE) + "tests: [{text: x, expect: {}}]\n", 4, "expects nothing"),
    (rules(RULE) + "tests:\n  - {text: x, expect: {findings: [{rule: b}]}}\n", 5, "there is no rule 'b'. Rules here: a"),
    (rules(RULE) + "tests:\n  - {text: x, stage: y, expect: {action: flag}}\n", 5, "Use one of: input,"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "what"), BAD)
def test_a_policy_that_cannot_be_read_is_refused_with_file_line_and_fix(
    text: str, line: int, what: str
) -> None:
    """The error says where, what is wrong, and what to do."""
    with pytest.raises(PolicyError) as caught:
        parse(text, file="p.yaml")

    assert what in str(caught.value)
    assert str(caught.value).startswith(f"p.yaml:{line}: ")
    assert caught.value.fix


def test_the_line_is_that_of_the_value_in_block_style() -> None:
    """A long rule is not blamed as a whole: the error stands on the key's own line."""
    with pytest.raises(PolicyError) as caught:
        parse(
            "name: p\nrules:\n  - id: a\n    check: digits\n    stages:\n      - input\n      - nowhere\n    action: flag\n"
        )

    assert caught.value.line == 7


SAME = [
    "name: p\nrules:\n  - {id: a, check: digits, stages: [input, output], action: redact}\n",
    "# comment\nrules:\n- action: redact\n  stages: [output, input]\n  check: 'digits'\n  id: a\nname: p\n",
    "name: p\ncapture: redacted\nrules: [{id: a, check: digits, with: {}, stages: [input, output], action: redact,"
    " mode: enforce, threshold: 0.50, on_error: block, timeout_ms: 250}]\n",
    "name: p\nrules:\n  - {id: a, check: digits, stages: [input, output], action: redact}\n"
    "tests: [{text: x, expect: {findings: []}}]\n",
]
OTHER = [
    SAME[0].replace("name: p", "name: q"),
    SAME[0].replace("id: a", "id: b"),
    SAME[0].replace("digits", "whole"),
    SAME[0].replace("[input, output]", "[input]"),
    SAME[0].replace("redact}", "block}"),
    SAME[0].replace("redact}", "redact, mode: shadow}"),
    SAME[0].replace("redact}", "redact, on_error: allow}"),
    SAME[0].replace("redact}", "redact, threshold: 0.6}"),
    SAME[0].replace("redact}", "redact, hold: full}"),
    SAME[0].replace("redact}", "redact, timeout_ms: 300}"),
    SAME[0].replace("redact}", "redact, with: {least: 5}}"),
    SAME[0] + "capture: none\n",
    SAME[0] + "block_style: refusal\n",
    SAME[0] + "unscannable: allow\n",
]


def test_the_revision_follows_the_meaning_and_nothing_else() -> None:
    """Layout, comments, order of keys, tests and written-out defaults change nothing; any meaning does."""
    revisions = [parse(text).revision for text in SAME]
    others = [parse(text).revision for text in OTHER]

    assert len(set(revisions)) == 1
    assert len({*revisions, *others}) == 1 + len(OTHER)
    assert len(revisions[0]) == 12
    assert parse(SAME[0]).label == f"p@{revisions[0]}"


def test_files_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    """A missing file, a folder and a file in another encoding are three different complaints."""
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: p\n# caf\xe9\n")

    for path, what in (
        (tmp_path / "none.yaml", "No such file"),
        (tmp_path, "directory"),
        (latin, "not UTF-8"),
    ):
        with pytest.raises(PolicyError, match=what) as caught:
            load(path)
        assert caught.value.file == str(path)
    assert caught.value.line == 2


def test_a_byte_order_mark_is_no_part_of_the_policy(tmp_path: Path) -> None:
    """Files saved by editors that write one load like any other."""
    file = tmp_path / "p.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SAME[0].encode())

    assert load(file).revision == parse(SAME[0]).revision


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_policy_loads_and_carries_tests(name: str) -> None:
    """Both policies that ship are valid and carry their own examples."""
    policy = builtin(name)

    assert policy.name == name
    assert policy.tests


def test_an_unknown_built_in_policy_is_refused() -> None:
    """The error names those that exist."""
    with pytest.raises(PolicyError, match="Use one of: default, strict, agents"):
        builtin("../secret")
