"""Candidates, and the text around them, decide what is personal and what is not."""

from __future__ import annotations

import pytest

from guardrails.checks.pii_patterns import REACH, luhn, patterns
from guardrails.patterns import PatternSet


def yes(value: str) -> bool:
    """A recogniser that accepts everything: what is left is decided by pattern and context."""
    return True


EVERYTHING = dict.fromkeys(
    ["EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "MAC_ADDRESS", "CRYPTO", "UK_NHS", "US_ITIN"], yes
)


def scan(text: str, entity: str) -> list[str]:
    """Texts found for one entity when the recogniser accepts every candidate."""
    return [text[span.start : span.end] for span in PatternSet(patterns([entity], EVERYTHING)).scan(text)]


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4222222222222",
        "5555 5555 5555 4444",
        "5555-5555-5555-4444",
        "2223003122003222",
        "3782 822463 10005",
        "378282246310005",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
        "3056 930902 5904",
        "501800000009",
        "6304000000000000",
    ],
)
def test_cards_of_every_issuer_are_found(number: str) -> None:
    """Twelve to nineteen digits with an issuer's beginning and a check digit, however grouped."""
    assert scan(f"card {number}.", "CREDIT_CARD") == [number]
    assert scan(f"paid by {number} 12/27", "CREDIT_CARD") == [number]


def test_a_long_number_needs_a_word_beside_it() -> None:
    """Seventeen to nineteen digits with a check digit are an id unless something says card."""
    number = "4000000000000000006"
    assert luhn(number)

    assert scan(f"id {number}", "CREDIT_CARD") == []
    assert scan(f"Visa card {number}", "CREDIT_CARD") == [number]
    assert scan("card" + " " * REACH + number, "CREDIT_CARD") == []


@pytest.mark.parametrize(
    "number",
    ["4111111111111112", "1730809845123", "1111111111111111", "x4111111111111111", "41111111111111111111"],
)
def test_other_digits_are_no_card(number: str) -> None:
    """A wrong check digit, a clock, one digit repeated, part of a longer word."""
    assert scan(f"{number} ", "CREDIT_CARD") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("219-09-9999", ["219-09-9999"]),
        ("219 09 9999", ["219 09 9999"]),
        ("219-09 9999", []),
        ("000-12-3456", []),
        ("666-12-3456", []),
        ("912-12-3456", []),
        ("219-00-9999", []),
        ("219-09-0000", []),
        ("219099999", []),
        ("SSN: 219099999", ["219099999"]),
        ("1219-09-9999", []),
        ("a-219-09-9999", []),
    ],
)
def test_social_security_numbers_are_in_their_range(text: str, found: list[str]) -> None:
    """No 000, 666 or 9xx area, no group of zeros; nine bare digits need the word."""
    assert scan(text, "US_SSN") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("host 10.20.30.40:8080", ["10.20.30.40"]),
        ("http://10.20.30.40/x", ["10.20.30.40"]),
        ("2001:db8::8a2e:370:7334.", []),
        ("2001:db8::8a2e:370:7334 ", ["2001:db8::8a2e:370:7334"]),
        ("version 1.2.3.4", []),
        ("v1.2.3.4", []),
        ("Chrome/120.0.0.1", []),
        ("pkg==1.2.3.4", []),
        ("127.0.0.1 0.0.0.0 ::1", []),
        ("std::abs a::b", []),
    ],
)
def test_addresses_are_told_from_versions(text: str, found: list[str]) -> None:
    """What stands before the digits says whether they are a version; this machine is nobody's address."""
    import ipaddress

    def valid(value: str) -> bool:
        try:
            ipaddress.ip_address(value)
        except ValueError:
            return False
        return True

    spans = PatternSet(patterns(["IP_ADDRESS"], EVERYTHING | {"IP_ADDRESS": valid})).scan(text)

    assert [text[span.start : span.end] for span in spans] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GB29 NWBK 6016 1331 9268 19 98", ["GB29 NWBK 6016 1331 9268 19"]),
        ("gb29nwbk60161331926819", ["gb29nwbk60161331926819"]),
        ("GB29NWBK6016133192681", []),
        ("ZZ29NWBK60161331926819", []),
    ],
)
def test_account_numbers_have_their_countrys_length(text: str, found: list[str]) -> None:
    """A candidate is cut to the length its country uses, and what follows is left alone."""
    assert scan(text, "IBAN_CODE") == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("call 5550123 now", ["5550123"]),
        ("order 5550123 now", []),
        ("Fax: 001-420-335-7509x38548", ["001-420-335-7509x38548"]),
        ("Mobile: 041-412-293", ["041-412-293"]),
    ],
)
def test_weak_numbers_need_a_word_before_them(text: str, found: list[str]) -> None:
    """Digits that could be anything are a telephone number when the text says so."""
    assert scan(text, "PHONE_NUMBER") == found
