"""Options say where they are wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from guardrails.check import build
from guardrails.engine import load_guard
from guardrails.errors import CheckError, PolicyError
from guardrails.policy import parse


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"arguments": {"url": {"regexp": "a"}}}, "option 'tools.send.arguments.url.regexp': Extra inputs"),
        ({"arguments": {"n": {"min": "5"}}}, "option 'tools.send.arguments.n.min"),
        (
            {"arguments": {"n": {"max_length": -1}}},
            "option 'tools.send.arguments.n.max_length': Input should be",
        ),
        ({"arguments": {"n": {}}}, "tool 'send': argument 'n' has no rule"),
        ({"arguments": {"n": {"min": float("nan")}}}, "argument 'n': a bound is no number"),
        ({"arguments": {"n": {"min": 5, "max": 1}}}, "no value is from 5 to 1"),
        ({"arguments": {"n": {"min_length": 9, "max_length": 1}}}, "no value is from 9 to 1"),
        ({"arguments": {"n": {"forbidden": True, "min": 1}}}, "is forbidden: it can have no other rule"),
        ({"arguments": {"/a//b": {"required": True}}}, "argument '/a//b' is no name and no JSON pointer"),
        ({"arguments": {"": {"required": True}}}, "argument '' is no name and no JSON pointer"),
        (
            {"arguments": {"n": {"regex": "(?=a)"}}},
            "argument 'n', regex: cannot be used: it uses look-around",
        ),
        ({"arguments": {"n": {"not_regex": "("}}}, "argument 'n', not_regex: cannot be used"),
        ({"arguments": {"n": {"domains": ["https://a"]}}}, "argument 'n', domains: 'https://a' is no host"),
        ({"arguments": {"n": {"not_domains": [""]}}}, "argument 'n', not_domains: '' is no host"),
        ({"rate": {"calls": 0, "seconds": 1}}, "option 'tools.send.rate.calls': Input should be greater"),
        ({"rate": {"calls": 1}}, "option 'tools.send.rate.seconds': Field required"),
        ({"per_conversation": 0}, "option 'tools.send.per_conversation'"),
        ({}, "tool 'send': there is no rule"),
        (
            {"schema": {"type": "strng"}},
            "tool 'send': its schema cannot be checked: /type must be one of array",
        ),
        ({"schema": "Declared"}, "tool 'send': its schema cannot be checked: the schema must be a mapping"),
        (
            {"schema": {"properties": {"a": {"$ref": "https://example.com/s"}}}},
            "/properties/a/$ref must lead into the schema itself: `#/…`. Nothing is fetched",
        ),
        ({"schema": {"pattern": "(?=a)"}}, "/pattern is no regular expression that RE2 can run"),
    ],
)
def test_a_bad_option_is_named_with_its_place(rule: dict[str, Any], message: str) -> None:
    """The message has the tool, the argument and the option."""
    with pytest.raises(CheckError) as caught:
        build("tools", {"tools": {"send": rule}})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("check", "options", "message"),
    [
        (
            "tools",
            "{tools: {send: {arguments: {url: {domains: ['a b']}}}}}",
            "argument 'url', domains: 'a b' is no host",
        ),
        ("tools", "{allow: send}", "option 'allow'"),
        (
            "tools",
            "{denied: [send]}",
            "option 'denied': Extra inputs are not permitted. It takes: allow, deny,",
        ),
        ("loops", "{repeats: 1}", "`repeats` must be 2 or more, or null to switch it off"),
        ("loops", "{repeats: null, cycles: null, texts: null}", "there is nothing to look for"),
    ],
)
def test_a_policy_with_a_bad_option_is_refused_with_its_line(check: str, options: str, message: str) -> None:
    """File and line of the rule, and what is wrong in it."""
    text = f"name: p\nrules:\n\n  - id: calls\n    check: {check}\n    with: {options}\n    stages: [tool_call]\n    action: block\n"
    with pytest.raises(PolicyError) as caught:
        load_guard(parse(text, file="desk.yaml"), b"key")
    assert str(caught.value).startswith("desk.yaml:6: rule 'calls': its check cannot be built.")
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["tools", "loops"])
def test_the_example_in_the_documentation_can_be_enforced(name: str) -> None:
    """What a reader copies loads."""
    page = (Path(__file__).parents[3] / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
    example = re.search(rf"^## {name}\n\n```yaml\n(.*?)```", page, re.M | re.S)
    assert example
    assert [rule.check for rule in load_guard(parse(example[1]), b"key").policy.rules] == [name]
