"""Passports and birthdays are known by the words before them; machine-readable lines by their check digits."""

from __future__ import annotations

import pytest

from guardrails.checks.documents import documents, is_day
from guardrails.patterns import PatternSet

ALL = documents()


def scan(text: str, entity: str) -> list[str]:
    """What is found for one entity."""
    found = PatternSet(pattern for pattern in ALL if pattern.entity == entity).scan(text)
    return [text[span.start : span.end] for span in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("born 12 March 1990 in Bonn", ["12 March 1990"]),
        ("DOB: 03/12/1990", ["03/12/1990"]),
        ("geb. 12.03.1990", ["12.03.1990"]),
        ("née le 3 février 1987", ["3 février 1987"]),
        ("date of birth: March 12th, 1990", ["March 12th, 1990"]),
        ('"birthDate": "1990-03-12"', ["1990-03-12"]),
        ("nacido el 5 de mayo de 1988", ["5 de mayo de 1988"]),
        ("due 03/12/1990", []),
        ("born 33/13/1990", []),
        ("born 30.02.1990", []),
        ("newborn 12 units", []),
    ],
)
def test_dates_are_of_birth_when_the_text_says_so(text: str, found: list[str]) -> None:
    """Any other day is nobody's secret."""
    assert scan(text, "DATE_OF_BIRTH") == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [("29.02.2000", True), ("29.02.1900", False), ("31 April 1990", False), ("12/31/1999", True), ("1/2", False),
     ("90-01-01", True), ("12 Brumaire 1990", False)],
)  # fmt: skip
def test_a_day_is_in_the_calendar(text: str, expected: bool) -> None:
    """In whichever order day, month and year are written."""
    assert is_day(text) is expected


@pytest.mark.parametrize(
    ("entity", "text", "found"),
    [
        ("US_PASSPORT", "passport 123456789", ["123456789"]),
        ("US_PASSPORT", "US passport: A12345678.", ["A12345678"]),
        ("US_PASSPORT", "passport no A12345678", ["A12345678"]),
        ("US_PASSPORT", "A12345678", []),
        ("US_PASSPORT", "passport A123456789", []),
        ("US_PASSPORT", "passport XA12345678", []),
        ("UK_PASSPORT", "passport number AB1234567", ["AB1234567"]),
        ("UK_PASSPORT", "British passport 123456789", ["123456789"]),
        ("UK_PASSPORT", "passport: 987654321", ["987654321"]),
        ("UK_PASSPORT", "AB1234567", []),
        ("UK_PASSPORT", "passport ABC1234567", []),
        ("UK_PASSPORT", "passport AB12345678", []),
        ("PASSPORT", "passport no C01X00T47", ["C01X00T47"]),
        ("PASSPORT", "Reisepass C01X00T47", ["C01X00T47"]),
        ("PASSPORT", "passeport 12AB34567", ["12AB34567"]),
        ("PASSPORT", "C01X00T47", []),
        ("PASSPORT", "passport TREATMENT", []),
        ("PASSPORT", "passport is valid 2024", []),
    ],
)
def test_passport_numbers_need_the_word(entity: str, text: str, found: list[str]) -> None:
    """Nine signs are anything."""
    assert scan(text, entity) == found


LINES = [
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    "I<UTOD231458907<<<<<<<<<<<<<<<",
    "7408122F1204159UTO<<<<<<<<<<<6",
]


@pytest.mark.parametrize("line", LINES)
def test_machine_readable_lines_are_found(line: str) -> None:
    """The specimens of ICAO 9303; with a check digit changed, cut short or inside a word they are none."""
    assert scan(f"scan:\n{line}\n", "PASSPORT") == [line]
    assert scan(line[:-1], "PASSPORT") == []
    assert scan("X" + line, "PASSPORT") == []
    if line[0] != "P":
        assert scan(line.replace("6", "5").replace("7", "8"), "PASSPORT") == []
