"""A rewriting knows where each part of its result came from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guardrails.rewriting import Stretches, without


def test_each_stretch_counts_in_its_own_measure() -> None:
    """Text as it is, three characters for one, four for three, a block, and a gap."""
    stretches = Stretches("ab%41%42QUJDcd&lt;x y ")
    stretches.keep(2)
    stretches.whole(2, 8)
    stretches.put(8, "AB", 3, 1)
    stretches.put(12, "ABC", 4, 3)
    stretches.put(14, "", 1, 1)
    stretches.block(18, "<")
    stretches.put(22, "xy", 2, 1, 1)
    rewriting = stretches.done()

    assert rewriting.text == "abABABC<xy"
    assert [rewriting.start(index) for index in range(11)] == [0, 1, 2, 5, 8, 8, 8, 14, 18, 20, 22]
    assert [rewriting.end(index) for index in range(11)] == [0, 1, 2, 5, 8, 12, 12, 12, 18, 19, 21]
    assert [rewriting.outside(place) for place in (1, 2, 3, 7, 8, 9)] == [1, 2, 2, 2, 8, 9]


def test_neighbours_of_one_measure_keep_their_widths() -> None:
    """Three for one without a gap, then three for one with a gap of one, are two stretches."""
    stretches = Stretches("%41%4241 42 ")
    stretches.put(6, "AB", 3, 1)
    stretches.put(12, "AB", 3, 1, 2)
    rewriting = stretches.done()

    assert [rewriting.end(index) for index in range(5)] == [0, 3, 6, 8, 11]


@given(st.text("ab-", max_size=60), st.integers(1, 5))
def test_what_is_left_out_leaves_the_rest_where_it_was(text: str, breaks: int) -> None:
    """Runs of dashes go, or become a newline when they are long; every letter is found again in its place."""
    gaps = []
    for place, character in enumerate(text):
        if character == "-" and gaps and gaps[-1][1] == place:
            gaps[-1] = (gaps[-1][0], place + 1)
        elif character == "-":
            gaps.append((place, place + 1))
    rewriting = without(text, gaps, breaks)

    assert rewriting.text.replace("\n", "") == text.replace("-", "")
    assert rewriting.text.count("\n") == sum(end - start > breaks for start, end in gaps)
    for index, character in enumerate(rewriting.text):
        start, end = rewriting.start(index), rewriting.end(index + 1)
        assert text[start:end] == character or (character == "\n" and set(text[start:end]) == {"-"})
        assert rewriting.index(start) == index
