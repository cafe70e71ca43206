"""Surrogates: the shape of the value, out of ranges that belong to nobody."""

from __future__ import annotations

import ipaddress
import re

import pytest

from guardrails.surrogates import Choices, prepare, surrogate

SHAPES = [
    ("EMAIL_ADDRESS", "Ada@mail.example.co.uk", r"[a-z]+\.[a-z]+\.[a-z0-9]{4}@example\.(com|org|net)"),
    ("PHONE_NUMBER", "(415) 867-5309", r"\(\d{3}\) 555-01\d\d"),
    ("CREDIT_CARD", "4111 1111 1111 1111", r"9999 \d{4} \d{4} \d{4}"),
    ("CREDIT_CARD", "3782-822463-10005", r"9999-\d{6}-\d{5}"),
    ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", r"DE\d\d 0000 \d{4} \d{4} \d{4} \d\d"),
    ("IBAN_CODE", "GB82WEST12345698765432", r"GB\d\dXXXX\d{14}"),
    ("IP_ADDRESS", "10.0.0.1", r"\d+\.\d+\.\d+\.\d+"),
    ("IP_ADDRESS", "10.0.0.0/8", r"\d+\.\d+\.\d+\.\d+/8"),
    ("IP_ADDRESS", "fe80::1", r"2001:db8(:[0-9a-f]+){6}"),
    ("MAC_ADDRESS", "00:1A:2B:3C:4D:5E", r"[0-9A-F][26AE](:[0-9A-F]{2}){5}"),
    ("MAC_ADDRESS", "001a.2b3c.4d5e", r"[0-9a-f][26ae][0-9a-f]{2}\.[0-9a-f]{4}\.[0-9a-f]{4}"),
    ("US_SSN", "123-45-6789", r"9\d\d-[0-4]\d-\d{4}"),
    ("PERSON", "Ada Byron", r"[A-Z][a-z]+ [A-Z][a-z]+"),
    ("PERSON", "Dr. Ada K. Byron", r"Dr\. [A-Z][a-z]+ [A-Z]\. [A-Z][a-z]+"),
    ("PERSON", "Ada", r"[A-Z][a-z]+ [A-Z][a-z]+"),
    ("PERSON", "BYRON, ADA", r"[A-Z]+, [A-Z]+"),
    ("PERSON", "ludwig van beethoven", r"[a-z]+ van [a-z]+"),
    ("LOCATION", "London", r"[A-Z][a-z]+ [A-Z][a-z]+"),
    ("DATE_OF_BIRTH", "02.01.1990", r"\d\d\.\d\d\.19\d\d"),
]


@pytest.mark.parametrize(("entity", "value", "shape"), SHAPES)
def test_a_surrogate_has_the_shape_of_its_value(entity: str, value: str, shape: str) -> None:
    """Punctuation, grouping, length, capitals; the same choices make the same one, others make others."""
    made = [surrogate(entity, value, Choices(b"%d" % n), Choices(b"%d" % n)) for n in range(20)]

    assert all(re.fullmatch(shape, each or "") for each in made)
    assert value not in made
    assert len(set(made)) > 15
    assert made == [surrogate(entity, value, Choices(b"%d" % n), Choices(b"%d" % n)) for n in range(20)]


@pytest.mark.parametrize(
    ("entity", "value"),
    [
        ("CRYPTO", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"),
        ("PERSON", "王小明"),
        ("PERSON", "42"),
        ("LOCATION", "10 Downing Street"),
        ("IP_ADDRESS", "300.1.1.1"),
        ("CREDIT_CARD", "4111"),
        ("IBAN_CODE", "DE89"),
        ("US_SSN", "12"),
        ("MAC_ADDRESS", "00:1A"),
        ("DATE_TIME", "tomorrow"),
        ("PHONE_NUMBER", "112"),
    ],
)
def test_without_a_safe_stand_in_there_is_none(entity: str, value: str) -> None:
    """Kinds that are not known and values that cannot be read get a token instead."""
    assert surrogate(entity, value, Choices(b""), Choices(b"")) is None


@pytest.mark.parametrize("seed", range(30))
def test_numbers_are_well_formed_and_unissued(seed: int) -> None:
    """Checksums hold, and every address lies in a block that is kept for documentation or benchmarks."""
    own = Choices(b"%d" % seed)
    card = surrogate("CREDIT_CARD", "4111111111111111", own, own) or ""
    doubled = [int(d) * (1 + place % 2) for place, d in enumerate(reversed(card))]
    assert sum(d - 9 * (d > 9) for d in doubled) % 10 == 0

    iban = surrogate("IBAN_CODE", "FR1420041010050500013M02606", own, own) or ""
    assert int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1

    blocks = ["198.51.100.0/24", "203.0.113.0/24", "192.0.2.0/24", "198.18.0.0/15"]
    address = ipaddress.ip_address(surrogate("IP_ADDRESS", "10.0.0.1", own, own) or "")
    assert any(address in ipaddress.ip_network(block) for block in blocks)
    mac = surrogate("MAC_ADDRESS", "00:1a:2b:3c:4d:5e", own, own) or ""
    assert int(mac[:2], 16) & 3 == 2


def test_dates_of_one_scope_move_together() -> None:
    """The choices that are the same for all values decide the shift, so intervals stay true."""
    shared = b"scope"
    first = surrogate("DATE_OF_BIRTH", "1990-01-02", Choices(b"a"), Choices(shared))
    second = surrogate("DATE_TIME", "02.01.1990", Choices(b"b"), Choices(shared))

    assert first is not None and second is not None
    assert first.split("-") == second.split(".")[::-1]


def test_choices_cover_what_they_choose_from() -> None:
    """Every item comes up, also after many choices."""
    own = Choices(b"seed")

    assert {own.below(7) for _ in range(400)} == set(range(7))
    assert {own.one_of("abc") for _ in range(60)} == set("abc")
    assert re.fullmatch(r"\d{50}", own.digits(50))


def test_names_can_be_loaded_before_they_are_needed() -> None:
    """Afterwards no request waits for them; the choice itself is not touched."""
    before = surrogate("PERSON", "Ada", Choices(b"x"), Choices(b""))
    prepare()
    assert surrogate("PERSON", "Ada", Choices(b"x"), Choices(b"")) == before
