"""Common stretches of texts, whatever their case, spaces and punctuation."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.checks.copies import SHORTEST, Texts, fold
from tests.cost import metered

TEXT = "The merger with Blue Heron closes on the fourteenth of March; 42.5 million."


def test_folding_leaves_letters_and_digits() -> None:
    """In lower case; other scripts stay."""
    assert fold("A-b c_1!\n\0É") == "abc1é".encode()


def test_a_stretch_is_found_whatever_stands_around_it() -> None:
    """The longest of two, and none that is shorter than asked for."""
    texts = Texts([TEXT, "and quite another text about boats"])
    assert texts.copied("x MERGER-with-blue-heron y closes on the fourteenth z") == b"closesonthefourteenth"
    assert texts.copied("merger with Blue") == b""
    assert texts.copied("merger with Blue Heron", 30) == b""
    assert texts.copied("") == b""
    assert Texts([]).copied(TEXT) == b""


def test_two_texts_are_not_read_as_one() -> None:
    """A stretch over their border is none."""
    assert Texts(["abcdefghij", "klmnopqrst"]).copied("abcdefghijklmnopqrst") == b""


def test_what_is_known_of_a_beginning() -> None:
    """As written, up to the first character that is not."""
    texts = Texts(["see https://a.example/p?d=DATA there"])
    assert texts.known("https://a.example/p?d=secret") == len("https://a.example/p?d=")
    assert (texts.hold("a.example/p"), texts.hold("A.example")) == (True, False)


@settings(max_examples=200, deadline=None)
@given(
    st.text("ab1 .", max_size=120), st.integers(0, 80), st.integers(SHORTEST, 40), st.text("xyz", max_size=9)
)
def test_every_long_stretch_of_a_text_is_found(text: str, first: int, size: int, around: str) -> None:
    """Wherever it begins; what is found stands in both."""
    part = text[first : first + size]
    found = Texts([f"zz{text}"]).copied(f"{around}{part}{around}")
    if len(fold(part)) >= SHORTEST:
        assert len(found) >= SHORTEST
    assert not found or (found in fold(f"zz{text}") and found in fold(f"{around}{part}{around}"))


def test_alike_texts_end_soon() -> None:
    """A megabyte of one letter against another."""
    with metered() as spent:
        assert len(Texts(["a" * 200_000]).copied("a" * 400_000)) == 200_000
        Texts(["ab" * 100_000]).copied("abc" * 100_000)
    assert spent.seconds < 3
