"""Many fixed texts at once: the longest, as words, in one pass, and decided as early as can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.literals import Literals

KNOWN = (
    "Maria",
    "Maria Lopez",
    "Lopez Maria",
    "+1 (573) 555-0103",
    "198.18.0.1",
    "198.18.0.11",
    "m.lopez.x@example.com",
)


MORE = tuple(f"Number {n}" for n in range(40))
"""Enough texts for the other way of looking."""


def literals(*more: str) -> Literals:
    """A set of texts."""
    made = Literals()
    for text in (*KNOWN, *more):
        made.add(text)
    return made


def found(text: str) -> list[str]:
    """What is found in a text, among few texts as among many."""
    few, many = list(literals().find(text, 0)), list(literals(*MORE).find(text, 0))
    assert few == many
    return [literal for _, _, literal in few]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Maria Lopez's cat", ["Maria Lopez"]),
        ("_Maria_ **Maria**", ["Maria", "Maria"]),
        ("请问Maria在吗", ["Maria"]),
        ("Mariah xMaria Mariaé 7Maria", []),
        ("call +1 (573) 555-0103.", ["+1 (573) 555-0103"]),
        ("+1 (573) 555-01034", []),
        ("198.18.0.11/24, 198.18.0.1", ["198.18.0.11", "198.18.0.1"]),
        ("198.18.0.12", []),
        ("<m.lopez.x@example.com>", ["m.lopez.x@example.com"]),
        ("maria", []),
        ("", []),
    ],
)
def test_texts_are_found_as_words(text: str, expected: list[str]) -> None:
    """Signs, markup and letters of scripts without spaces may touch them; letters and digits may not."""
    assert found(text) == expected


def test_a_start_inside_a_word_is_no_beginning() -> None:
    """What stands before `start` still counts."""
    for known in (literals(), literals(*MORE)):
        assert list(known.find("xMaria Maria", 1)) == [(7, 12, "Maria")]


PIECES = [*KNOWN, "Mar", "ia", " ", "Lo", "pez", "x", "你", "+1 (", "198.", "18.0.1", "1", "_"]


@given(st.lists(st.sampled_from(PIECES), max_size=8), st.booleans(), st.data())
def test_whatever_follows_what_is_before_the_hold_stays(
    pieces: list[str], many: bool, data: st.DataObject
) -> None:
    """What begins before the hold is the same with the rest of the text as without it."""
    known, text = literals(*(MORE if many else ())), "".join(pieces)
    cut = data.draw(st.integers(0, len(text)))
    hold = known.hold(text[:cut], 0)

    assert [each for each in known.find(text, 0) if each[0] < hold] == [
        each for each in known.find(text[:cut], 0) if each[0] < hold
    ]


def test_prose_is_not_held() -> None:
    """Only what may become one of the texts waits, a finished one until it is known that no letter follows."""
    known = literals()

    assert known.hold("I am in the sum", 0) == 15
    assert known.hold("I met Mar", 0) == 6
    assert known.hold("I met Maria", 0) == 6
    assert known.hold("I met Maria!", 0) == 12
    assert known.hold("I met Maria Le", 0) == 14
    assert Literals().hold("Maria", 0) == 5


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("198.18.0.1.7", []),
        ("7.198.18.0.1", []),
        ("foo.m.lopez.x@example.com", []),
        ("m.lopez.x@example.com.evil.com", []),
        ("at 198.18.0.1.", ["198.18.0.1"]),
        ("198.18.0.1, m.lopez.x@example.com. So", ["198.18.0.1", "m.lopez.x@example.com"]),
        ("Maria Lopez-Smith", ["Maria Lopez"]),
    ],
)
def test_an_address_inside_a_longer_one_is_another(text: str, there: list[str]) -> None:
    """A host behind an address makes it somebody else's; a full stop behind it does not."""
    assert found(text) == there


@pytest.mark.parametrize("follows", [".7", ".", "-x", "", " "])
def test_an_address_waits_for_what_follows_it(follows: str) -> None:
    """Until then it may be part of a longer one."""
    text = "at 198.18.0.1"

    assert literals().hold(text + follows[:1], 0) == (3 if follows[:1] in (".", "-", "") else len(text) + 1)
