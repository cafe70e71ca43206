"""Texts compared word by word: both come back whole, whatever they are, and the work stays bounded."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals import words
from evals.words import GONE, NEW, SAME, diff, excerpt

SENTENCES = st.lists(
    st.sampled_from(["a", "b", "the", " ", ".", "\n", "refund", "né", "🦀"]), max_size=60
).map("".join)


def joined(pieces: list[tuple[str, str]], *kinds: str) -> str:
    """The texts of some kinds of piece, one after the other."""
    return "".join(text for kind, text in pieces if kind in kinds)


@given(st.one_of(st.text(), SENTENCES), st.one_of(st.text(), SENTENCES))
def test_the_pieces_are_both_texts(before: str, after: str) -> None:
    """Shared and gone make the first, shared and new the second; no piece is empty, no two of a kind touch."""
    pieces = diff(before, after)

    assert joined(pieces, SAME, GONE) == before
    assert joined(pieces, SAME, NEW) == after
    assert all(text for _, text in pieces)
    assert all(one[0] != other[0] for one, other in pairwise(pieces))


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("", "", []),
        ("same", "same", [(SAME, "same")]),
        ("", "new", [(NEW, "new")]),
        (
            "Refunds take five days to arrive.",
            "Refunds take ten days to arrive.",
            [(SAME, "Refunds take "), (GONE, "five"), (NEW, "ten"), (SAME, " days to arrive.")],
        ),
        ("yes, all of it", "no idea", [(GONE, "yes, all of it"), (NEW, "no idea")]),
        ("the cat sat", "the big cat sat", [(SAME, "the"), (NEW, " big"), (SAME, " cat sat")]),
    ],
)
def test_a_reader_sees_what_changed(before: str, after: str, pieces: list[tuple[str, str]]) -> None:
    """Whole words; texts that share next to nothing stand one after the other."""
    assert diff(before, after) == pieces


def test_crumbs_between_changes_do_not_stand_alone() -> None:
    """A shared `a` between two changed words would make the reader jump."""
    pieces = diff("we ship on a Monday morning always", "we ship by a Friday morning always")

    assert pieces == [
        (SAME, "we ship "),
        (GONE, "on a Monday"),
        (NEW, "by a Friday"),
        (SAME, " morning always"),
    ]


def test_the_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long texts that differ everywhere are compared up to a number of edits, then shown whole."""
    steps: list[int] = []
    goes_down = words._goes_down
    monkeypatch.setattr(words, "_goes_down", lambda *given: steps.append(1) or goes_down(*given))
    before, after = "a b " * 20_000, "b c a " * 15_000

    pieces = diff(before, after)

    assert joined(pieces, SAME, GONE) == before
    assert len(steps) <= (words.MOST_EDITS + 2) ** 2


def test_an_excerpt_keeps_changes_and_their_surroundings() -> None:
    """Shared text far from a change is cut, and the cut is marked; the whole stays within a limit."""
    long = "word " * 100
    pieces = diff(long + "five" + " more" * 100, long + "ten" + " more" * 100)

    short = excerpt(pieces, around=10)

    assert [kind for kind, _ in short] == [SAME, GONE, NEW, SAME]
    assert short[0][1].startswith("…")
    assert sum(len(text) for _, text in short) < 60
    assert excerpt([(NEW, "x" * 50)], limit=10) == [(NEW, "x" * 10 + "…")]
    assert excerpt([(SAME, "one and the same")], around=3) == [(SAME, "one and the same")]
