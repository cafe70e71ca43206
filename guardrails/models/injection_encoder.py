"""The second look of the injection fit: sentences that look like requests, weighed by their form, by the sentence
encoder, and by how far they lie from the document around them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from guardrails import embedding
from guardrails.checks.injection import is_mail
from guardrails.checks.injection_features import pieces
from guardrails.checks.injection_model import CANDIDATE
from guardrails.checks.injection_requests import CANDIDATES, context, features, sampled
from guardrails.models.injection_examples import DOCUMENTS, Example

Vector = NDArray[np.float64]

PENALTY = 4.0
STEPS = 150
MAILS = 3.0
"""What a sentence of a clean mail counts beside one of another text: mails ask for much themselves."""
REQUESTS = 3
"""Sentences of a text full of requests that are fitted on, the likeliest."""
ALONE = 0.2
"""Share of the texts that are no documents which are seen without a document around them."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """Candidate sentences: the text each is from, and its features."""

    text: NDArray[np.int64]
    features: NDArray[np.float32]


class Encoder:
    """The shipped encoder; a sentence that comes again is not encoded again."""

    def __init__(self) -> None:
        self._encoder = embedding.load()
        self._known: dict[str, Vector] = {}

    def __call__(self, sentence: str) -> Vector:
        """Its vector."""
        if sentence not in self._known:
            self._known[sentence] = self._encoder.encode([sentence])[0].astype(np.float64)
        return self._known[sentence]


def hosts(examples: Sequence[Example], folds: NDArray[np.int64], seed: int = 0) -> list[int | None]:
    """The document around each text: itself for documents, for others one of the same fold, half of them mails;
    None for a few that stand alone."""
    pick = random.Random(seed)  # noqa: S311  (not a secret)
    pools: dict[tuple[int, bool], list[int]] = {}
    for at, example in enumerate(examples):
        if example.source in DOCUMENTS:
            pools.setdefault((int(folds[at]), is_mail(example.text)), []).append(at)
    found: list[int | None] = []
    for at, example in enumerate(examples):
        mail = example.source in ("own-prose", "own-talk") or pick.random() < 0.5
        if example.source in DOCUMENTS:
            found.append(at)
        else:
            chosen = pick.choice(pools[int(folds[at]), mail])
            found.append(None if pick.random() < ALONE else chosen)
    return found


def candidates(
    examples: Sequence[Example], logits: Sequence[Vector], around: Sequence[int | None]
) -> Sentences:
    """The sentences of each text that look most like a request, as the second look sees them in their document."""
    encode = Encoder()
    texts, found = [], []
    for number, (example, values) in enumerate(zip(examples, logits, strict=True)):
        if example.request is None:
            continue
        spans = pieces(example.text)
        most = REQUESTS if example.request else CANDIDATES
        host, of_host = around[number], _document(examples, around[number], encode)
        stands = sampled(len(spans)) if host == number else []
        for place in np.argsort(-values, kind="stable")[:most].tolist():
            if values[place] < CANDIDATE:
                continue
            sentence = example.text[slice(*spans[place])]
            left_out = stands.index(place) if place in stands else None
            seen = features(sentence, float(values[place]), encode(sentence), context(of_host, left_out))
            texts.append(number)
            found.append(seen.astype(np.float32))
    return Sentences(np.array(texts), np.array(found))


def _document(examples: Sequence[Example], host: int | None, encode: Encoder) -> Vector:
    """Vectors of the sentences that stand for a document."""
    if host is None:
        return np.zeros((0, 384))
    text = examples[host].text
    spans = pieces(text)
    return np.array([encode(text[slice(*spans[place])]) for place in sampled(len(spans))])


def fit(features: NDArray[np.float32], label: Vector, weight: Vector) -> Vector:
    """Intercept and a weight for each feature: an L2-regularised logistic regression, the first one free."""
    share = float(weight[label > 0].sum() / weight.sum())
    balanced = weight * np.where(label > 0, 0.5 / share, 0.5 / (1 - share))
    transposed = np.ascontiguousarray(features.T)

    def loss(b: Vector) -> tuple[float, Vector]:
        z = (features @ b[1:].astype(np.float32)).astype(np.float64) + b[0]
        gradient = (0.5 * (1 + np.tanh(0.5 * z)) - label) * balanced
        value = ((np.logaddexp(0, z) - label * z) * balanced).sum() + PENALTY / 2 * (b[2:] @ b[2:])
        back = (transposed @ gradient.astype(np.float32)).astype(np.float64)
        back[1:] += PENALTY * b[2:]
        return float(value), np.append(gradient.sum(), back)

    start = np.zeros(features.shape[1] + 1)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": STEPS}).x)


def out_of_fold(
    found: Sentences, examples: Sequence[Example], weight: Vector, folds: NDArray[np.int64]
) -> list[Vector]:
    """The logits of each text's candidates after the second look, from a fit that has not seen the text."""
    label = labels(found, examples)
    counted = weights(found, examples, weight)
    logits = np.zeros(len(label))
    for fold in np.unique(folds):
        seen = folds[found.text] != fold
        solution = fit(found.features[seen], label[seen], counted[seen])
        logits[~seen] = found.features[~seen] @ solution[1:] + solution[0]
    return [logits[found.text == number] for number in range(len(examples))]


def weights(found: Sentences, examples: Sequence[Example], weight: Vector) -> Vector:
    """The weight of each candidate, from those of the texts."""
    mail = np.array([example.request == 0 and is_mail(example.text) for example in examples])
    return (weight * np.where(mail, MAILS, 1.0))[found.text]


def labels(found: Sentences, examples: Sequence[Example]) -> Vector:
    """1 for candidates from texts that are requests, else 0."""
    return np.array([float(examples[number].request or 0) for number in found.text])
