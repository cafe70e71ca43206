"""RE2's searches give places in code points."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from guardrails.linear import Source, finder


@given(st.text("aбx😀", max_size=30))
def test_spans_are_those_of_python(text: str) -> None:
    """From left to right, none overlapping, whatever the width of the characters."""
    assert list(Source(text).spans(finder("x+a?|б"))) == [
        match.span() for match in re.finditer("x+a?|б", text)
    ]


def test_a_whole_search_takes_all_or_nothing() -> None:
    """A match must reach to the end."""
    assert [finder("a+", whole=True)(data, 1)[0] for data in (b"baa", b"baab")] == [1, -1]
