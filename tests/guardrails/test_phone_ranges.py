"""Made-up telephone numbers: of the same shape, and nobody's."""

from __future__ import annotations

import re

import phonenumbers
import pytest

from guardrails.phone_ranges import fictional
from guardrails.surrogates import Choices

KEPT = [
    ("+1 (415) 867-5309", r"\+1 \([2-9]\d\d\) 555-01\d\d"),
    ("415.867.5309", r"[2-9]\d\d\.555\.01\d\d"),
    ("1-800-867-5309 ext. 12", r"1-[2-9]\d\d-555-01\d\d ext\. \d\d"),
    ("+44 20 7123 4567", r"\+44 20 7946 0\d\d\d"),
    ("07712 345678", r"07700 900\d\d\d"),
    ("0044 20 7123 4567", r"0044 20 7946 0\d\d\d"),
    ("+33 6 12 34 56 78", r"\+33 6 39 98 \d\d \d\d"),
    ("+61 2 9374 4000", r"\+61 2 5550 \d\d\d\d"),
]


@pytest.mark.parametrize(("value", "pattern"), KEPT)
@pytest.mark.parametrize("seed", range(5))
def test_ranges_kept_for_fiction_are_used(value: str, pattern: str, seed: int) -> None:
    """Where a regulator keeps numbers for films they are taken, written as the value is."""
    assert re.fullmatch(pattern, fictional(value, Choices(b"%d" % seed)) or "")


@pytest.mark.parametrize(
    "value",
    ["+91 98765 43210", "+31 6 12345678", "+353 86 123 4567", "+86 138-0013-8000", "+39 312 345 6789"],
)
@pytest.mark.parametrize("seed", range(5))
def test_elsewhere_the_number_is_unassigned(value: str, seed: int) -> None:
    """Same country and punctuation, and libphonenumber knows nobody who could have it."""
    made = fictional(value, Choices(b"%d" % seed)) or ""

    assert re.sub(r"\d", "9", made) == re.sub(r"\d", "9", value)
    number = phonenumbers.parse(made)
    assert number.country_code == phonenumbers.parse(value).country_code
    assert not phonenumbers.is_valid_number(number)


@pytest.mark.parametrize("value", ["", "12", "no digits at all", "١٢٣٤٥٦٧٨٩٠"])
def test_what_is_no_number_is_refused(value: str) -> None:
    """Then there is no stand-in."""
    assert fictional(value, Choices(b"")) is None
