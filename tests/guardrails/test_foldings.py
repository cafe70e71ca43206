"""The tables of characters agree with Unicode and with each other."""

from __future__ import annotations

import re
import unicodedata

import pytest

from guardrails.foldings import ATTACHED, CONFUSABLE, FOLDED, PUNCTUATION, REMOVED, TAGS, character_class

TABLES = {"folded": FOLDED, "confusable": CONFUSABLE, "punctuation": PUNCTUATION}


@pytest.mark.parametrize("name", TABLES)
def test_what_is_folded_becomes_one_ascii_character(name: str) -> None:
    """No table touches ASCII, and each gives one ASCII character."""
    assert all(code >= 0x80 and len(plain) == 1 and plain.isascii() for code, plain in TABLES[name].items())


def test_no_character_is_in_two_tables() -> None:
    """A character is folded in one way, or left out."""
    tables = [set(FOLDED), set(CONFUSABLE), set(PUNCTUATION), set(REMOVED)]

    assert sum(map(len, tables)) == len(set().union(*tables))
    assert set(ATTACHED) < set(REMOVED) and set(TAGS) < set(REMOVED)


def test_nothing_that_unicode_folds_to_ascii_is_missing() -> None:
    """Every decimal digit, and every character whose compatibility form is one of ASCII, is in some table."""
    known = {*FOLDED, *CONFUSABLE, *PUNCTUATION, *REMOVED}
    missing = [
        code
        for code in (*range(0x80, 0xD800), *range(0xE000, 0x20000))
        if code not in known
        and (
            unicodedata.decimal(chr(code), None) is not None
            or (len(plain := unicodedata.normalize("NFKC", chr(code))) == 1 and plain.isascii())
        )
    ]

    assert missing == []


def test_a_class_matches_exactly_its_characters() -> None:
    """Also those that mean something inside a class."""
    codes = [ord(character) for character in "]^-\\az"] + [*range(0x30, 0x38)]
    pattern = re.compile(f"[{character_class(codes)}]")

    assert [code for code in range(0x100) if pattern.match(chr(code))] == sorted(codes)
