"""Cards of every issuer are found, and numbers that only look like one are not."""

from __future__ import annotations

import pytest

from guardrails.checks.cards import card_length, cards, is_issued
from guardrails.checks.checksums import luhn
from guardrails.checks.context import REACH
from guardrails.patterns import PatternSet

SCANNER = PatternSet(cards())


def scan(text: str) -> list[str]:
    """What is found."""
    return [text[span.start : span.end] for span in SCANNER.scan(text)]


@pytest.mark.parametrize(
    "number",
    [
        "4111111111111111",
        "4222222222222",
        "4222 222 222 222",
        "5555 5555 5555 4444",
        "5555-5555-5555-4444",
        "5555.5555.5555.4444",
        "2223003122003222",
        "3782 822463 10005",
        "378282246310005",
        "6011111111111117",
        "3530111333300000",
        "30569309025904",
        "3056 930902 5904",
        "501800000009",
        "6304000000000000",
        "6200000000000000000",
        "4000000000000000006",
    ],
)
@pytest.mark.parametrize(
    "frame", ["card {}.", "paid by {} 12/27", "{}", "number is {}", '{{"pan":"{}"}}', "card #{}"]
)
def test_cards_of_every_issuer_are_found(number: str, frame: str) -> None:
    """Twelve to nineteen digits with an issuer's beginning and a check digit, however grouped."""
    assert scan(frame.format(number)) == [number]


def test_an_unknown_issuer_needs_a_word_beside_it() -> None:
    """A check digit alone is what one number in ten has; ids and clocks are long, too."""
    number, unknown = "4000000000000000006", "7000000000000005"
    assert luhn(number)
    assert luhn(unknown)

    assert scan(f"id {number}") == []
    assert scan(f"order id: {number}, paid") == []
    assert scan(f"Visa card {number}") == [number]
    assert scan(f"for {unknown}") == []
    assert scan(f"credit card {unknown}") == [unknown]
    assert scan("credit card 7000 0000 0000 0005") == ["7000 0000 0000 0005"]
    assert scan("card" + " " * REACH + unknown) == []


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "1730809845123",
        "1111111111111111",
        "x4111111111111111",
        "41111111111111111111",
        "4111 1111 1111 1112",
        "1700 0000 0000 0003",
        "2759 3134 8523 4667 units",
        "EAN 4006381333931",
        "v-4111111111111111",
    ],
)
def test_other_digits_are_no_card(text: str) -> None:
    """A wrong check digit, a clock, one digit repeated, part of a longer word or number."""
    assert scan(text) == []


@pytest.mark.parametrize(
    ("text", "length"),
    [("4111 1111 1111 1111 12", 19), ("4111 1111 1111 1112", 0), ("5018 0000 0009", 14), ("4111 1111", 0)],
)
def test_whole_groups_are_dropped_from_the_end(text: str, length: int) -> None:
    """A date or a code may follow the card."""
    assert card_length(text) == length


def test_an_issuer_has_its_lengths() -> None:
    """Fifteen digits that begin with 34 are a card, fourteen are not."""
    assert is_issued("340000000000009")
    assert not is_issued("34000000000000")
