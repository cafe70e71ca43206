"""Two texts, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxy.review.diff import Piece, shown, words

TEXT = st.text(st.sampled_from("ab é\u0301.\n\U0001f600\u200b"), max_size=40)


@given(TEXT, TEXT)
def test_the_pieces_are_the_texts(before: str, after: str) -> None:
    """Joined, each side is its text again, and what is unchanged is the same on both."""
    old, new = words(before, after)
    assert ("".join(piece.text for piece in old), "".join(piece.text for piece in new)) == (before, after)
    same = ["".join(piece.text for piece in side if not piece.changed) for side in (old, new)]
    assert same[0] == same[1]


@given(TEXT)
def test_a_text_does_not_differ_from_itself(text: str) -> None:
    """Nothing is marked."""
    assert not any(piece.changed for side in words(text, text) for piece in side)


def test_whole_words_are_marked() -> None:
    """A masked address is one piece, not the letters that it happens to share."""
    old, new = words("mail ada@example.com now", "mail EMAIL_ADDRESS_1a now")
    assert [piece for piece in old if piece.changed] == [Piece("ada@example.com", True)]
    assert [piece for piece in new if piece.changed] == [Piece("EMAIL_ADDRESS_1a", True)]


def test_a_huge_change_is_one_piece() -> None:
    """What would take long to compare is shown whole."""
    old, new = words(" ".join("ab" * 9 for _ in range(2_000)), " ".join("cd" * 9 for _ in range(2_000)))
    assert [piece.changed for piece in (*old, *new)] == [True, True]


def test_hostile_text_is_escaped() -> None:
    """Changed or not, and hidden characters are shown."""
    page = str(shown([Piece("<b>", False), Piece("<script>\u202e", True)], "ins"))
    assert page.startswith("&lt;b&gt;<ins>&lt;script&gt;<bdi") and page.endswith("</ins>")
