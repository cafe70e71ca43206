"""The second look of the injection fit: sentences that look like requests, weighed by the sentence encoder too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from guardrails import embedding
from guardrails.checks.injection_features import is_question, pieces
from guardrails.checks.injection_model import CANDIDATE, CANDIDATES, QUESTION, REQUEST
from guardrails.models.injection_examples import Example

Vector = NDArray[np.float64]

PENALTY = 0.3
REQUESTS = 3
"""Sentences of a text full of requests that are fitted on, the likeliest."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """Candidate sentences: the text each is from, its place there, and its features: the logit, then the vector."""

    text: NDArray[np.int64]
    place: NDArray[np.int64]
    features: Vector


def candidates(examples: Sequence[Example], logits: Sequence[Vector]) -> Sentences:
    """The sentences of each text that look most like a request, encoded."""
    texts, places, found = [], [], []
    encoder = embedding.load()
    for number, (example, values) in enumerate(zip(examples, logits, strict=True)):
        if example.request is None:
            continue
        spans = pieces(example.text)
        most = REQUESTS if example.request else CANDIDATES
        for place in np.argsort(-values)[:most]:
            if values[place] >= CANDIDATE:
                start, end = spans[place]
                vector = encoder.encode([example.text[start:end]])[0]
                texts.append(number)
                places.append(int(place))
                found.append(np.append(values[place], vector))
    return Sentences(np.array(texts), np.array(places), np.array(found, dtype=np.float64))


def fit(features: Vector, label: Vector, weight: Vector) -> Vector:
    """Intercept, the weight of the first logit, and the encoder's weights: an L2-regularised logistic regression."""
    share = float(weight[label > 0].sum() / weight.sum())
    balanced = weight * np.where(label > 0, 0.5 / share, 0.5 / (1 - share))

    def loss(b: Vector) -> tuple[float, Vector]:
        z = features @ b[1:] + b[0]
        gradient = (0.5 * (1 + np.tanh(0.5 * z)) - label) * balanced
        value = ((np.logaddexp(0, z) - label * z) * balanced).sum() + PENALTY / 2 * (b[2:] @ b[2:])
        back = features.T @ gradient
        back[1:] += PENALTY * b[2:]
        return float(value), np.append(gradient.sum(), back)

    start = np.zeros(features.shape[1] + 1)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x)


def out_of_fold(
    found: Sentences, examples: Sequence[Example], weight: Vector, folds: NDArray[np.int64]
) -> Vector:
    """The candidates' logits after the second look, from a fit that has not seen their text."""
    label = labels(found, examples)
    logits = np.zeros(len(label))
    for fold in np.unique(folds):
        seen = folds[found.text] != fold
        solution = fit(found.features[seen], label[seen], weight[found.text][seen])
        logits[~seen] = found.features[~seen] @ solution[1:] + solution[0]
    return logits


def by_form(found: Sentences, examples: Sequence[Example], logits: Vector) -> dict[str, list[Vector]]:
    """The logits of each text's candidates, apart for questions and for the others."""
    spans = [pieces(example.text) for example in examples]
    asks = np.array(
        [
            is_question(examples[text].text[slice(*spans[text][place])])
            for text, place in zip(found.text, found.place, strict=True)
        ]
    )
    return {
        name: [logits[(found.text == number) & (asks == asked)] for number in range(len(examples))]
        for name, asked in ((REQUEST, False), (QUESTION, True))
    }


def labels(found: Sentences, examples: Sequence[Example]) -> Vector:
    """1 for candidates from texts that are requests, else 0."""
    return np.array([float(examples[number].request or 0) for number in found.text])
