"""The JSON Schema of policy files."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from guardrails.check import BUILT_IN as CHECKS
from guardrails.errors import PolicyError
from guardrails.inheritance import shipped
from guardrails.policy import BUILT_IN, parse
from guardrails.policy_keys import POLICY, RULE
from guardrails.policy_schema import schema

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text("utf-8"), re.S | re.M))
    if re.search(r"^name:", block, re.M) and re.search(r"^(rules|inherit):", block, re.M)
]


@cache
def validator() -> Draft202012Validator:
    """Of the schema with the checks that ship."""
    return Draft202012Validator(schema(CHECKS))


def test_the_printed_copy_is_up_to_date() -> None:
    """`guardhouse policy schema > docs/reference/policy.schema.json` after a change."""
    printed = json.loads((ROOT / "docs" / "reference" / "policy.schema.json").read_text(encoding="utf-8"))

    assert printed == json.loads(json.dumps(schema(CHECKS)))


def test_the_schema_is_one() -> None:
    """Of the dialect that it names; every key and every option has a description."""
    Draft202012Validator.check_schema(validator().schema)
    silent = [
        f"{name}.{key}"
        for name, part in {"policy": validator().schema, **validator().schema["$defs"]}.items()
        for key, value in part["properties"].items()
        if not value.get("description")
    ]

    assert silent == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_shipped_policies_are_valid(name: str) -> None:
    """Editors find nothing to complain about in them."""
    assert list(validator().iter_errors(yaml.safe_load(shipped(name).read_text("utf-8")))) == []


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_documentation_are_valid(text: str) -> None:
    """Each block that is a policy."""
    assert [error.message for error in validator().iter_errors(yaml.safe_load(text))] == []


def test_there_are_examples() -> None:
    """The pages are found."""
    assert len(EXAMPLES) >= 4


WORDS = "{id: a, check: words, with: {deny: [x]}, stages: [input], action: flag}"
BOTH = [
    (f"name: p\nrules: [{WORDS}]", True),
    (f"rules: [{WORDS}]", False),
    ("name: p", False),
    ("inherit: default", True),
    ("inherit: default\nrules: [{id: pii, action: redact}]", True),
    ("inherit: default\nrules: [{id: pii, remove: true}]", True),
    ("inherit: default\nrules: [{id: pii, remove: true, action: redact}]", False),
    ("inherit: default\nrules: [{id: pii, remove: false}]", False),
    (f"name: p\ninherit_tests: true\nrules: [{WORDS}]", False),
    ("name: p\nrules: [{id: a, action: redact}]", False),
    ("name: p\nrules: [{id: a, remove: true}]", False),
    (f"name: a b\nrules: [{WORDS}]", False),
    (f"name: p\nrulez: []\nrules: [{WORDS}]", False),
    (f"name: p\nrules: [{WORDS[:-1]}, stages: []}}]", False),
    (f"name: p\nrules: [{WORDS[:-1]}, style: token}}]", False),
    ("name: p\nrules: [{id: a, check: words, with: {deny: [x]}, stages: [output], action: pseudonymize}]", False),
    ("inherit: default\ntests: [{text: x, expect: {}}]", False),
    ("inherit: default\ntests: [{text: x}]", False),
    ("inherit: default\ntests: [{text: x, call: {name: y}, expect: {action: flag}}]", False),
    ("inherit: default\ntests: [{call: {name: y}, stage: input, expect: {action: flag}}]", False),
    ("inherit: default\ntests: [{call: {name: y, arguments: '{}'}, expect: {findings: []}}]", True),
    ("inherit: default\ntests: [{text: x, channel: 'tool:a', before: [{text: y}, {call: {name: z}}], expect: {action: flag}}]", True),
    ("inherit: default\ntests: [{text: x, channel: tool, expect: {action: flag}}]", False),
    ("inherit: default\ntests: [{text: x, before: [{channel: user}], expect: {action: flag}}]", False),
    ("inherit: default\ntests: [{text: x, before: [{channel: user, call: {name: z}}], expect: {action: flag}}]", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "good"), BOTH, ids=range(len(BOTH)))
def test_the_schema_and_the_reader_agree(text: str, good: bool) -> None:
    """What one refuses the other refuses."""
    try:
        parse(text)
    except PolicyError:
        read = False
    else:
        read = True

    assert (validator().is_valid(yaml.safe_load(text)), read) == (good, good)


BOUND = [key for key, told in {**POLICY, **RULE}.items() if {"enum", "maximum"} & told.schema.keys()]


@pytest.mark.parametrize("key", BOUND)
def test_values_in_the_schema_are_those_that_the_reader_takes(key: str) -> None:
    """The reader's refusal lists the words, or the range, that the schema has."""
    told: dict[str, Any] = dict((POLICY.get(key) or RULE[key]).schema)
    wrong = "nonsense" if "enum" in told else "999999999"
    rule = WORDS.replace("action: flag", "") if key == "action" else f"{WORDS[:-1]}, "
    text = (
        f"name: p\nrules: [{WORDS}]\n{key}: {wrong}"
        if key in POLICY
        else f"name: p\nrules: [{rule[:-1]} {key}: {wrong}}}]"
    )
    with pytest.raises(PolicyError) as caught:
        parse(text)

    expected = (
        f"Use one of: {', '.join(told['enum'])}."
        if "enum" in told
        else f"Use a number from {told['minimum']:g} to {told['maximum']:g}."
    )
    assert expected in str(caught.value)


OPTIONS = [
    ("words", {"deny": ["x"]}, True),
    ("words", {"deny": "x"}, False),
    ("words", {"dney": ["x"]}, False),
    ("pii", {"entities": ["EMAIL_ADDRESS"], "spacy_model": None}, True),
    ("pii", {"entities": [3]}, False),
    ("their-own", {"anything": 3}, True),
]


@pytest.mark.parametrize(("check", "options", "good"), OPTIONS)
def test_a_checks_options_are_those_of_its_factory(check: str, options: dict[str, Any], good: bool) -> None:
    """A check of another package takes what it likes."""
    rule = {"id": "a", "check": check, "with": options, "stages": ["input"], "action": "flag"}

    assert validator().is_valid({"name": "p", "rules": [rule]}) is good


def test_a_check_that_cannot_be_described_is_left_open() -> None:
    """One that is not installed properly does not keep the schema from being printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CHECKS, "broken", "nowhere.at.all:make")
        told = schema(["broken", "words"])

    assert [name for name in told["$defs"] if name.startswith("with_")] == ["with_words"]
