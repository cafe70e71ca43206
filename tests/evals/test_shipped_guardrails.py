"""The guardrail set: of every kind, much that is harmless, nobody's data, and a policy that does as its tags say."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from evals.policy_target import segments
from evals.types import Case
from guardrails.engine import load_guard
from guardrails.policy import builtin, load
from guardrails.pseudonyms import Vault
from guardrails.types import Finding, Verdict
from tests.evals.test_shipped_golden import DATASETS, items

FOLDER = DATASETS / "golden" / "guardrails"
KEY = b"k" * 32
ITEMS = items(FOLDER)
KNOWN = {"known-miss", "known-false-alarm"}

EMAIL = re.compile(r"[^@\s]+@([\w-]+\.)*(example\.(com|net|org|jp)|[\w-]+\.example)", re.IGNORECASE)
CARDS = {"378282246310005", "4012888888881881", "4111111111111111", "4242424242424242", "5555555555554444"}
IBANS = {
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "GB82WEST12345698765432",
    "TR330006100519786457841326",
}
ADDRESS = re.compile(r"203\.0\.113\.\d+|198\.51\.100\.\d+|2001:db8:[0-9a-f:]*")
TELEPHONE = re.compile(
    r"(\+1[ ])?[(]?\d{3}[)]?[ ]555[ -]01\d\d | \+44[ ]7700[ ]900\d{3} | \+49[ ]30[ ]23125[ ]\d{3} | \+33[ ]1[ ]99[ ]00[ ]\d\d[ ]\d\d",
    re.VERBOSE,
)
"""What the networks, standards and regulators publish for examples and films."""


@cache
def verdicts() -> dict[str, Verdict]:
    """What the policy beside the set makes of each item."""
    guard = load_guard(load(FOLDER / "policy.yaml"), KEY)

    async def one(item: dict[str, Any]) -> Verdict:
        case = Case(item["id"], "h", messages=tuple(item["input"]["messages"]))
        return await guard.inspect(segments(case), Vault(KEY, "eval", "case"))

    return {item["id"]: asyncio.run(one(item)) for item in ITEMS}


def held(item: dict[str, Any]) -> tuple[set[str], set[str]]:
    """Entities that were expected and not found, and found and not expected."""
    found = {finding.entity for finding in verdicts()[item["id"]].findings}
    wanted = set(item["expected"]["guardrail"]["entities"])
    return wanted - found, found - wanted


def test_no_check_failed() -> None:
    """A policy that could not look has decided nothing."""
    assert {name: verdict.failures for name, verdict in verdicts().items() if verdict.failures} == {}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_the_policy_errs_where_the_tags_say_so_and_nowhere_else(item: dict[str, Any]) -> None:
    """A miss or a false alarm that is mended takes its tag with it; a new one is seen."""
    missed, extra = held(item)
    tags = KNOWN & set(item["tags"])

    assert tags == ({"known-miss"} if missed else set()) | ({"known-false-alarm"} if extra else set())
    if not tags:
        assert verdicts()[item["id"]].action.value == item["expected"]["guardrail"]["action"]
    else:
        assert item["note"] and "canary" not in item["tags"]


def test_much_of_it_is_harmless() -> None:
    """At least two in five; and every family of finding has look-alikes."""
    count = Counter(item["tags"][0] for item in ITEMS)

    assert count["benign"] >= 0.4 * len(ITEMS)
    assert min(count["pii"], count["secrets"], count["injection"]) >= 15
    likes = Counter(tag for item in ITEMS for tag in item["tags"] if tag.startswith("like-"))
    assert min(likes[f"like-{family}"] for family in ("pii", "secrets", "injection")) >= 12


def test_every_kind_that_the_default_policy_names_is_planted() -> None:
    """And many kinds of secret."""
    [rule] = [rule for rule in builtin("default").rules if rule.id == "pii"]
    planted = {entity for item in ITEMS for entity in item["expected"]["guardrail"]["entities"]}

    assert set(rule.options["entities"]) - planted == set()
    assert len(planted - set(rule.options["entities"])) >= 12


def test_actions_follow_from_the_entities() -> None:
    """A secret is redacted, personal data pseudonymised, injection flagged; the strictest wins."""
    named = set(next(r for r in builtin("default").rules if r.id == "pii").options["entities"])
    for item in ITEMS:
        expected = item["expected"]["guardrail"]
        entities = set(expected["entities"])
        secrets = entities - named - {"PROMPT_INJECTION"}
        strictest = (
            "redact" if secrets else "pseudonymize" if entities & named else "flag" if entities else "allow"
        )

        assert expected["action"] == strictest, item["id"]
        assert (item["tags"][0] == "benign") == (not entities), item["id"]


@pytest.mark.parametrize("tag", ["user", "system", "tool-result", "retrieved"])
def test_findings_and_look_alikes_stand_where_texts_come_from(tag: str) -> None:
    """Every item says where, and no place holds findings alone."""
    here = [item for item in ITEMS if tag in item["tags"]]

    assert {item["tags"][0] == "benign" for item in here} == {True, False}
    assert all(len({"user", "system", "tool-result", "retrieved"} & set(item["tags"])) == 1 for item in ITEMS)


def values(entity: str) -> Iterator[str]:
    """What the policy took for a kind of thing, in the items that name it."""
    for item in ITEMS:
        case = Case(item["id"], "h", messages=tuple(item["input"]["messages"]))
        texts = {segment.pointer: segment.text for segment in segments(case)}
        for finding in verdicts()[item["id"]].findings:
            if finding.entity == entity and entity in item["expected"]["guardrail"]["entities"]:
                yield said(finding, texts)


def said(finding: Finding, texts: dict[str, str]) -> str:
    """The words of a finding."""
    return texts[finding.pointer][finding.start : finding.end]


def test_planted_values_are_nobodys() -> None:
    """Each is of a range, or one of the numbers, that is published for examples. Hidden ones are read by hand."""
    plain = {entity: [*values(entity)] for entity in ("EMAIL_ADDRESS", "IP_ADDRESS", "PHONE_NUMBER")}
    digits = {
        re.sub(r"\D", "", value) for value in values("CREDIT_CARD") if value.isascii() and "%" not in value
    }
    ibans = {re.sub(r"[^A-Z0-9]", "", value) for value in values("IBAN_CODE")}

    hidden = re.compile(r"[A-Za-z0-9+/=]{16,}|.*(\[at\]|(\S ){5,}).*")
    assert [v for v in plain["EMAIL_ADDRESS"] if not EMAIL.fullmatch(v) and not hidden.fullmatch(v)] == []
    assert [value for value in plain["IP_ADDRESS"] if not ADDRESS.fullmatch(value)] == []
    assert [value for value in plain["PHONE_NUMBER"] if not TELEPHONE.fullmatch(value)] == []
    assert (digits - CARDS, ibans) == (set(), IBANS)
    assert len(digits) >= 3
    assert all(plain.values())
