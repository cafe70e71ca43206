"""Two texts word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.review.compare_texts import LONGEST, word_diff
from proxy.review.diff import MOST_WORDS

TEXTS = st.text(st.sampled_from("ab c\n\t"), max_size=60) | st.text(max_size=30)


@given(TEXTS, TEXTS)
def test_the_pieces_of_a_side_are_its_text(before: str, after: str) -> None:
    """Nothing is lost, and what is not marked is the same in both, character for character."""
    old, new = word_diff(before, after)

    assert "".join(piece.text for piece in old.pieces) == before
    assert "".join(piece.text for piece in new.pieces) == after
    same = ["".join(piece.text for piece in side.pieces if not piece.changed) for side in (old, new)]
    assert same[0] == same[1]


def test_what_changed_is_marked() -> None:
    """One word of a sentence."""
    old, new = word_diff("open until 18:30 today", "open until 21:00 today")

    assert [piece.text for piece in old.pieces if piece.changed] == ["18", "30"]
    assert [piece.text for piece in new.pieces if piece.changed] == ["21", "00"]


def test_long_texts_are_bounded() -> None:
    """A text of one word again and again is shown up to its bound; what is left out is counted."""
    old, new = word_diff("a " * 10 * LONGEST, "b a " * MOST_WORDS * 3)

    assert sum(len(piece.text) for piece in old.pieces) == LONGEST
    assert old.hidden == 19 * LONGEST and new.hidden == MOST_WORDS * 12 - LONGEST
