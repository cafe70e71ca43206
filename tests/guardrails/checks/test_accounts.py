"""Bank accounts are known by country, length and check digits, or by the words before them."""

from __future__ import annotations

import pytest

from guardrails.checks.accounts import IBAN_LENGTHS, accounts
from guardrails.patterns import PatternSet


def scan(text: str, entity: str) -> list[str]:
    """What is found for one entity when the recogniser accepts every candidate."""
    found = [
        each
        for each in accounts(dict.fromkeys(("IBAN_CODE", "ABA_ROUTING_NUMBER"), bool))
        if each.entity == entity
    ]
    return [text[span.start : span.end] for span in PatternSet(found).scan(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GB29 NWBK 6016 1331 9268 19 98", ["GB29 NWBK 6016 1331 9268 19"]),
        ("gb29nwbk60161331926819", ["gb29nwbk60161331926819"]),
        (
            "GB29\u00a0NWBK\u00a06016\u00a01331\u00a09268\u00a019.",
            ["GB29\u00a0NWBK\u00a06016\u00a01331\u00a09268\u00a019"],
        ),
        ("GB29-NWBK-6016-1331-9268-19, ok", ["GB29-NWBK-6016-1331-9268-19"]),
        ("GB29NWBK6016133192681", []),
        ("ZZ29NWBK60161331926819", []),
        ("XGB29NWBK60161331926819", []),
    ],
)
def test_account_numbers_have_their_countrys_length(text: str, found: list[str]) -> None:
    """A candidate is cut to the length its country uses, and what follows is left alone."""
    assert scan(text, "IBAN_CODE") == found


def test_every_country_has_a_length_that_a_candidate_can_have() -> None:
    """Fifteen to thirty-three signs."""
    assert {min(IBAN_LENGTHS.values()), max(IBAN_LENGTHS.values())} == {15, 33}


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        ("SWIFT_CODE", "SWIFT DEUTDEFF", ["DEUTDEFF"]),
        ("SWIFT_CODE", "BIC: COBADEFFXXX.", ["COBADEFFXXX"]),
        ("SWIFT_CODE", "swift code CHASUS33", ["CHASUS33"]),
        ("SWIFT_CODE", "DEUTDEFF", []),
        ("SWIFT_CODE", "Swift PROTOCOL", []),
        ("SWIFT_CODE", "BIC DEUTDEF", []),
        ("ABA_ROUTING_NUMBER", "routing 011000015", ["011000015"]),
        ("ABA_ROUTING_NUMBER", "ABA 1210-0024-8", ["1210-0024-8"]),
        ("ABA_ROUTING_NUMBER", "routing number: 021000021", ["021000021"]),
        ("ABA_ROUTING_NUMBER", "021000021", []),
        ("ABA_ROUTING_NUMBER", "routing 421000021", []),
        ("ABA_ROUTING_NUMBER", "routing 111111111", []),
        ("US_BANK_NUMBER", "account number 12345678", ["12345678"]),
        ("US_BANK_NUMBER", "acct 000123456789", ["000123456789"]),
        ("US_BANK_NUMBER", "checking account: 9876543210", ["9876543210"]),
        ("US_BANK_NUMBER", "12345678", []),
        ("US_BANK_NUMBER", "account number 1234567", []),
        ("US_BANK_NUMBER", "AWS account 123456789012", []),
    ],
)
def test_other_numbers_of_banks_need_their_word(entity: str, text: str, found: list[str]) -> None:
    """Eight letters or nine digits are anything; a word to the left says what they are."""
    assert scan(text, entity) == found
