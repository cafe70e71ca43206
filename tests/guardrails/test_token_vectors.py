"""Vectors of word pieces, and what is kept of them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from guardrails.embedding import shipped
from guardrails.token_vectors import TokenEncoder, shipped_tokens, unit

TEXTS = ["Orders can be returned within 30 days.", "é 東京 !", "x" * 300, "word " * 600, "\ud800 lone"]


@pytest.mark.parametrize("text", TEXTS)
def test_pieces_are_those_that_the_embedder_counts(text: str) -> None:
    """One vector of length 1 for each; texts longer than the window included."""
    tokens = shipped_tokens().read(text)

    assert tokens.count == shipped().count_tokens(text) > 0
    assert np.linalg.norm(tokens.vectors, axis=1) == pytest.approx(np.ones(tokens.count), abs=1e-5)


@pytest.mark.parametrize("text", TEXTS[:2])
def test_the_sum_points_where_the_embedding_does(text: str) -> None:
    """The two ways into one model agree."""
    assert unit(shipped_tokens().read(text).total) == pytest.approx(shipped().encode([text])[0], abs=1e-4)


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_text_without_pieces_has_none(text: str) -> None:
    """And its sum is zero, also as a direction."""
    tokens = shipped_tokens().read(text)

    assert (tokens.count, float(np.abs(unit(tokens.total)).sum())) == (0, 0.0)


def test_kept_texts_are_bounded_and_the_same_as_fresh_ones() -> None:
    """Only texts that were asked to be kept are, the least recently used go first, and no vector depends on it."""
    encoder = TokenEncoder(kept_bytes=60_000)
    texts = [f"Parcel number {number} weighs nine kilograms." for number in range(12)]
    fresh = [encoder.read(text) for text in texts]
    assert encoder.read(texts[0]) is not fresh[0]

    kept = [encoder.read(text, keep=True) for text in texts]
    again = [encoder.read(text) for text in reversed(texts)]

    assert again[0] is kept[-1] and again[-1] is not kept[0]
    assert (
        sum(tokens.vectors.nbytes for tokens, old in zip(again, reversed(kept), strict=True) if tokens is old)
        < 60_000
    )
    for first, second in zip(fresh, reversed(again), strict=True):
        assert np.array_equal(first.vectors, second.vectors) and np.array_equal(first.total, second.total)
    encoder.forget()
    assert encoder.read(texts[-1]) is not kept[-1]


def test_threads_share_it() -> None:
    """Reading the same texts from many threads keeps the count of bytes right: nothing is lost, nothing is left over."""
    encoder = TokenEncoder(kept_bytes=40_000)
    texts = [f"Ferry {number} sails." for number in range(8)]

    def read() -> None:
        for text in texts * 3:
            encoder.read(text, keep=True)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    encoder.forget()

    first = encoder.read(texts[0], keep=True)
    assert encoder.read(texts[0]) is first
