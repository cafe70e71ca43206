"""VAT numbers have their country's check digit."""

from __future__ import annotations

import re

import pytest

from guardrails.checks.vat import VAT, is_vat

NUMBERS = [
    *(
        "ATU13585627",
        "BE0403019261",
        "DE136695976",
        "DK13585628",
        "EL094259216",
        "FI20774740",
        "FR40303265045",
    ),
    *("HR33392005961", "IT00743110157", "LU15027442", "NL004495445B01", "PL8567346215", "PT501964843"),
    *("SE556188840401", "DE 136695976"),
]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_digit_that_is_wrong_is_seen(number: str) -> None:
    """Published numbers are valid; with their middle digit changed they are not."""
    assert re.fullmatch(VAT, number)
    assert is_vat(number)
    place = len(number) - 6
    assert not is_vat(number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :])


@pytest.mark.parametrize("number", ["DE36695976", "XX136695976", "DE1366959761", "de136695976"])
def test_other_shapes_are_none(number: str) -> None:
    """Each country has its letters and length."""
    assert re.fullmatch(VAT, number) is None
