"""Telephone numbers are told from dates, ids and other digits."""

from __future__ import annotations

import pytest

from guardrails.checks.phones import is_phone, phone_length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("+44 20 7946 0958", 16),
        ("+49 (0)30 901820", 16),
        ("+1-212-555-0187x123", 19),
        ("+442079460958", 13),
        ("0044 20 7946 0958", 17),
        ("(212) 555-0187", 14),
        ("212-555-0187 2024", 12),
        ("01 42 68 53 00", 14),
        ("020 7946 0958", 13),
        ("612 345 678", 11),
        ("98765 43210", 11),
        ("+44 20", 0),
        ("2024-11-05 12", 0),
        ("05.11.2024", 0),
        ("10.20.30.40", 0),
        ("12 34 56 78 90", 0),
        ("1000-2000", 0),
        ("164.689.383", 0),
        ("0110100 1101 0", 0),
        ("123 456 7890", 0),
    ],
)
def test_the_longest_valid_beginning_counts(text: str, length: int) -> None:
    """Whole digit groups are dropped from the end until the number is one that is given out."""
    assert phone_length(text) == length


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(96) 627-277", True), ("5550123", True), ("123456", False), ("2024-11-05", False), ("0000000", False)],
)
def test_digits_said_to_be_a_number_need_its_length(text: str, expected: bool) -> None:
    """Beside a word such as `call`, seven to fifteen digits that are no date are enough."""
    assert is_phone(text) is expected
