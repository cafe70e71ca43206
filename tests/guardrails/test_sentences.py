"""Where sentences stand."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.sentences import sentences
from tests.cost import metered


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n ", []),
        ("One.", ["One."]),
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ('He said "stop." Then he left.', ['He said "stop."', "Then he left."]),
        ("Dr. Ada met Mr. Bell. They left.", ["Dr. Ada met Mr. Bell.", "They left."]),
        ("J. S. Bach wrote it. Yes.", ["J. S. Bach wrote it.", "Yes."]),
        ("It costs 3.50 euros. Cheap.", ["It costs 3.50 euros.", "Cheap."]),
        ("1. Open it.\n2. Close it.", ["1. Open it.", "2. Close it."]),
        ("Wait... what? Go.", ["Wait... what?", "Go."]),
        ("Heading\nText without a stop", ["Heading", "Text without a stop"]),
        ("今日は晴れ。明日は雨。", ["今日は晴れ。", "明日は雨。"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    """Full stops inside numbers, after abbreviations, initials and list numbers end nothing; line breaks always do."""
    assert [text[start:end] for start, end in sentences(text)] == expected


@given(st.text(alphabet="ab A.!?…\n\t\"')1。 ", max_size=60))
def test_every_visible_character_lies_in_exactly_one_sentence(text: str) -> None:
    """Ranges are ordered, do not overlap, are stripped, and leave out white space alone."""
    found = sentences(text)

    assert all(text[start:end] == text[start:end].strip() != "" for start, end in found)
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(found))
    assert "".join(text[start:end] for start, end in found).split() == text.split() or "".join(
        "".join(text[start:end].split()) for start, end in found
    ) == "".join(text.split())


@pytest.mark.parametrize("unit", [".", "?!", '."', ". ", "\n", "a. "])
def test_a_hostile_text_takes_linear_time(unit: str) -> None:
    """A hundred thousand stops in a row do not make it quadratic."""
    text = unit * 100_000
    with metered() as spent:
        sentences(text)
    assert spent.seconds < 2.0
