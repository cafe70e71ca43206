"""The background sentences."""

from __future__ import annotations

from guardrails.checks.topic_background import BACKGROUND


def test_background_sentences_are_many_and_different() -> None:
    """A share of one in a hundred can be told, and no sentence counts twice."""
    assert len(BACKGROUND) >= 100
    assert len({sentence.casefold() for sentence in BACKGROUND}) == len(BACKGROUND)
    assert all(4 <= len(sentence.split()) <= 20 for sentence in BACKGROUND)
