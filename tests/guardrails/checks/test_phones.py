"""Telephone numbers are found as people write them, and told from dates, ids and other digits."""

from __future__ import annotations

import pytest

from guardrails.checks.phones import international_length, is_phone, national_length, phones
from guardrails.patterns import PatternSet

SCANNER = PatternSet(phones())


def scan(text: str) -> list[str]:
    """What is found."""
    return [text[span.start : span.end] for span in SCANNER.scan(text)]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("+44 20 7946 0958", 16),
        ("+49 (0)30 901820", 16),
        ("+1-212-555-0187x123", 19),
        ("+442079460958", 13),
        ("0044 20 7946 0958", 17),
        ("001-420-335-7509x38548", 22),
        ("+1 555 123 4567 2024", 15),
        ("+44 20", 0),
        ("+1 555 1234", 0),
        ("+999 123 456 789", 0),
        ("0012345678901234", 0),
        ("+11111111111", 0),
    ],
)
def test_a_calling_code_and_a_length_make_a_number_abroad(text: str, length: int) -> None:
    """Whole digit groups are dropped from the end until the country has such numbers."""
    assert international_length(text) == length


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("(212) 555-0187", 14),
        ("(317)652-7909", 13),
        ("212-555-0187 2024", 12),
        ("555.123.4567x890", 16),
        ("01 42 68 53 00", 14),
        ("06 12 34 56 78", 14),
        ("020 7946 0958", 13),
        ("0171/1234567", 12),
        ("(08) 8123 4567", 14),
        ("(96) 627-277", 12),
        ("612 345 678", 11),
        ("98765 43210", 11),
        ("98765 43210 12345", 0),
        ("2024-11-05 12", 0),
        ("05.11.2024", 0),
        ("10.20.30.40", 0),
        ("12 34 56 78 90", 0),
        ("1000-2000", 0),
        ("164.689.383", 0),
        ("331 449 281", 0),
        ("0110100 1101 0", 0),
        ("123 456 7890", 0),
        ("795-738-238", 0),
    ],
)
def test_the_longest_national_beginning_counts(text: str, length: int) -> None:
    """Where some country writes its numbers in these groups and gives them out."""
    assert national_length(text) == length


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(96) 627-277", True), ("5550123", True), ("600 123 456", True), ("123456", False), ("2024-11-05", False),
     ("20241105", False), ("0000000", False), ("1.234.567", False), ("1 250 000", False)],
)  # fmt: skip
def test_digits_said_to_be_a_number_need_its_length(text: str, expected: bool) -> None:
    """Beside a word such as `call`, seven to fifteen digits that are no date and no amount are enough."""
    assert is_phone(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "call >5550123< now",
        "Fax: >001-420-335-7509x38548<",
        "Mobile: >041-412-293<",
        "(>+1-944-435-4352x04732<)",
        "call me at >(96) 627-277< I'd like",
        "on >21 212 133 2727<? I have",
        "phone=>0236791988<",
        '"phoneNumber": ">18148224930<"',
        "My number is >21 212 133 2727<.",
        "Bob's number is >18148224930<",
        "reach me at >766 5 3021<",
        "T: >020 7946 0958< F:",
        "Handy >0176 12345678<,",
        "téléphone : >06.12.34.56.78<.",
        "\n>69 987 88 37< office\n",
        ">7460 1545< (mobile)",
        "+1 is >+44(0)1632 960 001<",
        "at >+1-202-555-0143 ext. 12<",
        "Kate, >03 9876 5432<",
    ],
)  # fmt: skip
def test_numbers_are_found_whole(text: str) -> None:
    """By their own shape, or by a word to the left or just behind them."""
    before, rest = text.split(">")
    number, after = rest.split("<")
    if "on 21" in before + number:
        before = "call me " + before

    assert scan(before + number + after) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "order 5550123 now",
        "call(1234567)",
        "ring[1234567:7654321]",
        "my order number is 1234567",
        "Order number 5551234567",
        "ISBN 978-0-306-40615-7",
        "invoice 2024-11-05 and 05.11.2024 10:30",
        "2024-11-05T12:30:45.123Z",
        "call on 2024-11-05 at 12:30",
        "v1.2.345 of 10.20.30.40",
        "costs 1,234,567.89 or 1.234.567,89",
        "lat 48.858370, lon 2.294481",
        "SKU 123-45678-90",
        "ticket 020 7946 0958",
        "GMT+0530 x+442079460958",
        "Nature 521 (7553) 436-444",
        "rows 74177 27209 60563",
        "text 20241105 please",
        "0x0123456789 deadbeef01234567",
        "Office 365 2021",
    ],
)
def test_other_digits_are_left_alone(text: str) -> None:
    """Orders, calls of functions, dates, versions, prices, coordinates, citations."""
    assert scan(text) == []
