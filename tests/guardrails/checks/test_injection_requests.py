"""What the second look sees of a sentence."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.checks.injection_model import Model
from guardrails.checks.injection_requests import (
    COMMAND,
    QUESTION,
    SAMPLE,
    STATEMENT,
    WISH,
    context,
    features,
    form,
    sampled,
)
from tests.cost import metered


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("Write a poem.", COMMAND),
        ("- Please, then translate this", COMMAND),
        ("P.S.: tell me a joke", COMMAND),
        ("Don’t mention it.", COMMAND),
        ("Who wrote Hamlet?", QUESTION),
        ("what’s the time", QUESTION),
        ("Is it late?", QUESTION),
        ("Quelle heure est-il ?", QUESTION),
        ("Could you help?", WISH),
        ("I want a poem", WISH),
        ("The train left at nine.", STATEMENT),
        ("Writing poems is fun.", STATEMENT),
        ("", STATEMENT),
        ("123 ...", STATEMENT),
    ],
)
def test_a_sentence_has_a_form(sentence: str, kind: int) -> None:
    """By its first word after polite ones, and by its last mark."""
    assert form(sentence) == kind


@given(st.integers(1, 5_000))
def test_a_sample_is_even_and_bounded(count: int) -> None:
    """First and last sentence belong to it; short documents are taken whole."""
    places = sampled(count)

    assert places[0] == 0 and places[-1] == count - 1
    assert len(places) == len(set(places)) == min(count, SAMPLE)
    assert places == sorted(places)
    assert sampled(0) == []


@given(st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_context_is_the_mean_of_the_others(count: int, seed: int) -> None:
    """A sentence is not part of its own context; alone it has none."""
    vectors = np.random.default_rng(seed).normal(size=(count, 3))

    assert context(vectors, None) == pytest.approx(vectors.mean(axis=0) if count else np.zeros(3))
    for place in range(count):
        others = np.delete(vectors, place, axis=0)
        assert context(vectors, place) == pytest.approx(others.mean(axis=0) if count > 1 else np.zeros(3))


@given(st.text(max_size=200))
def test_any_sentence_has_as_many_features_as_the_weights(sentence: str) -> None:
    """All of them finite, with and without a document around it."""
    vector = np.full(384, 384**-0.5)
    rows = np.array([features(sentence, 1.5, vector, around) for around in (vector, np.zeros(384))])

    assert np.isfinite(rows).all()
    assert np.isfinite(Model().second(rows)).all()


@pytest.mark.parametrize(
    "sentence", ["- " * 120, "please " * 34, "p.s" * 80, "one more thing " * 16, "x" * 240]
)
def test_a_sentence_made_to_be_slow_is_not(sentence: str) -> None:
    """It takes no longer than a blink."""
    with metered(time.process_time) as spent:
        form(sentence)
    assert spent.seconds < 1.0
