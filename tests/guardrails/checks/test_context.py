"""Words and signs to the left decide what a number may be."""

from __future__ import annotations

import pytest

from guardrails.checks.context import ends, near, says, starts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my tax id: ", True),
        ("taxId=", True),
        ('"TAX_ID": ', True),
        ("user_ssn ", True),
        ("userSsn: ", True),
        ("ssnValue=", True),
        ("SSN#", True),
        ("testing ", False),
        ("TINY ", False),
        ("itinerary ", False),
        ("National-Insurance no ", True),
        ("thenationalinsurancething", True),
        ("\ud800 ssn ", True),
        ("", False),
    ],
)
def test_short_words_stand_alone_and_long_ones_anywhere(text: str, expected: bool) -> None:
    """A space in a word is any joint; camel case and snake case are read as words."""
    assert says("tax id|itin|tin|national insurance|ssn")(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call ", True),
        ("call me: ", True),
        ("call me, please: ", False),
        ("call\n", False),
        ("call 1 ", False),
        ("call" + " " * 10, False),
    ],
)
def test_a_word_can_be_asked_to_stand_just_before(text: str, expected: bool) -> None:
    """No digit, no line break and few code points may follow it."""
    assert says("call|telephone", within=8)(text) is expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [("", True), ("a ", True), ("(", True), ("#", True), ("no #", True), ("a", False), ("é", False), ("1-", False),
     ("a.", False), (". ", True), ("$", False), ("_", False), (", ", True), ("a,", True), ("1,", True),
     ("Ada,1,", True), ("\n12,", True), ("2026-01-02,", True), ("09:15,", True), ("x = 1,", False), ("(12,", False), ("€ 123,", False), ("x 1234,", True)],
)  # fmt: skip
def test_a_number_begins_outside_words_and_numbers(before: str, expected: bool) -> None:
    """Letters, joints after letters, and signs of currency go on into the number."""
    assert starts(before) is expected
    assert near("a|é|no|1")(before) is (expected and any(sign in before for sign in "aé1n"))


@pytest.mark.parametrize(
    ("following", "expected"),
    [("", True), (" ", True), (".", True), ("a", False), ("_", False), ("%", False)],
)
def test_a_number_ends_before_a_sign_that_is_no_part_of_it(following: str, expected: bool) -> None:
    """Letters, digits, per cent and currencies belong to it."""
    assert ends(following) is expected
