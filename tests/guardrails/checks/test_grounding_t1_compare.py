"""Distances between a claim and what it may rest on."""

from __future__ import annotations

import pytest

from guardrails.checks.grounding_t1_compare import COMPARED, compared
from guardrails.token_vectors import shipped_tokens

FIRST = "The crossing takes 45 minutes."
SECOND = "Dogs travel free, but must stay on a lead."


def features(claim: str, *passages: str) -> list[float]:
    """The features of a claim beside some passages."""
    read = shipped_tokens().read
    return compared(read(claim), [read(passage) for passage in passages])


@pytest.mark.parametrize("passages", [(FIRST,), (FIRST, SECOND), (SECOND, FIRST)])
def test_a_copy_is_at_no_distance(passages: tuple[str, ...]) -> None:
    """Whatever stands beside it."""
    assert features(FIRST, *passages) == pytest.approx([0.0] * len(COMPARED), abs=1e-5)


def test_what_was_said_in_other_words_is_nearer_than_what_was_not() -> None:
    """Each feature orders a copy, a paraphrase and an invention."""
    copy, same, other = (
        features(claim, FIRST, SECOND)
        for claim in (
            FIRST,
            "The trip lasts three quarters of an hour.",
            "Penguins founded Brazil in secret.",
        )
    )

    assert all(a < b < c for a, b, c in zip(copy, same, other, strict=True))


def test_two_neighbours_together_are_nearer_than_each() -> None:
    """A claim that sums up two sentences is compared with both at once."""
    claim = f"{FIRST} {SECOND}"

    assert features(claim, FIRST, SECOND)[0] < min(features(claim, FIRST)[0], features(claim, SECOND)[0])


@pytest.mark.parametrize(("claim", "passage"), [("", FIRST), (FIRST, ""), ("", "")])
def test_without_word_pieces_there_is_no_distance(claim: str, passage: str) -> None:
    """Nothing to compare is 0, not an error."""
    assert features(claim, passage) == [0.0] * len(COMPARED)
    assert compared(shipped_tokens().read(FIRST), []) == [0.0] * len(COMPARED)
