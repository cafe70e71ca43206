"""Words are cut alike for the index and for a search, whatever the script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.words import BREAK, LONGEST_WORD, MOST_PLACES, Phrase, indexed, tsvector, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World-2!", ["hello", "world", "2"]),
        ("EMAIL_ADDRESS_0a1b", ["email", "address", "0a1b"]),
        ("Café naïve STRASSE straße", ["cafe", "naive", "strasse", "strasse"]),
        ("退款a政策", ["退", "款", "a", "政", "策"]),
        ("ｆｕｌｌ ﬁt", ["full", "fit"]),
        ("環境 ガ", ["環", "境", "ガ"]),
        ("x" * 100, ["x" * LONGEST_WORD]),
        ("!?_ \ue000", []),
    ],
)
def test_a_text_is_cut_into_words(text: str, expected: list[str]) -> None:
    """Folded, without accents, with each character of an unspaced script by itself."""
    assert words(text) == expected


@given(st.text(max_size=200))
def test_a_word_holds_nothing_that_a_database_would_read(text: str) -> None:
    """Only letters and digits; cutting what was cut changes nothing."""
    found = words(text)

    assert all(word.isalnum() and len(word) <= LONGEST_WORD for word in found)
    assert words(" ".join(found)) == found


@given(st.lists(st.text(max_size=80), max_size=8), st.integers(1, 200))
def test_the_index_is_bounded(texts: list[str], longest: int) -> None:
    """In characters, and in places of one word."""
    found = indexed(texts, longest)

    assert sum(len(word) + 1 for word in found) <= longest + 2


def test_no_phrase_runs_from_one_text_into_another() -> None:
    """And a word that is everywhere is found in its first places only."""
    assert indexed(["a b", "c"], 99) == ["a", "b", BREAK, "c", BREAK]
    often = indexed(["a " * 300], 9_999)
    assert (often.count("a"), often.count(BREAK)) == (MOST_PLACES, 51)


def test_a_phrase_stands_or_does_not() -> None:
    """Word by word; the last may be a beginning."""
    found = ["the", "refund", "policy"]

    assert Phrase(("refund", "policy")).stands_in(found)
    assert Phrase(("refund", "pol"), prefix=True).stands_in(found)
    assert not Phrase(("refund", "pol")).stands_in(found)
    assert not Phrase(("policy", "refund")).stands_in(found)
    assert Phrase(("a", "b"), True).for_sqlite() == '"a b" *'
    assert Phrase(("a", "b"), True).for_postgresql() == "'a' <-> 'b':*"


def test_a_tsvector_tells_places() -> None:
    """Counted from 1; a break takes a place and is not there."""
    assert tsvector(["a", BREAK, "b", "a"]) == "'a':1,4 'b':3"
