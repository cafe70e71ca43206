"""A text as UTF-8: offsets there and back, and the clock between candidates."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.errors import OverBudget
from guardrails.source import Source


@given(st.text(st.characters()), st.data())
def test_offsets_lead_there_and_back(text: str, data: st.DataObject) -> None:
    """Any text, lone surrogates too, in any order of asking."""
    source = Source(text)
    for _ in range(4):
        point = data.draw(st.integers(0, len(text)))
        assert source.point(source.byte(point)) == point
        if point < len(text):
            assert source.byte(point) + source.width(source.byte(point)) == source.byte(point + 1)


def test_candidates_are_looked_at_until_the_deadline() -> None:
    """Past it the next look at the clock gives up; without one none does."""
    late, free = Source("text", time.perf_counter() - 1), Source("text")
    for _ in range(1000):
        free.look()

    with pytest.raises(OverBudget):
        for _ in range(1000):
            late.look()
