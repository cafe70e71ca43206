"""Finds what a text is about: sentences on a denied topic, and texts on none of the allowed ones.

A topic is a handful of example sentences. A sentence of the text is on the topic when the local encoder puts it
close to them; how close is calibrated from the examples themselves and from everyday background sentences.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from guardrails import embedding
from guardrails.check import Check, in_process
from guardrails.checks.topic_background import BACKGROUND
from guardrails.errors import CheckError
from guardrails.sentences import sentences
from guardrails.types import Segment, Span

DENIED_TOPIC = "DENIED_TOPIC"
"""Entity of a sentence on a denied topic."""

OFF_TOPIC = "OFF_TOPIC"
"""Entity of a text of which no sentence is on an allowed topic."""

FEWEST_EXAMPLES = 3
MOST_WINDOWS = 256
"""Sentences of one text that are looked at; of a longer text, as many evenly spread ones."""

_NEAREST = 3
"""Background sentences with which a sentence is compared."""

Vectors = NDArray[np.float32]
Closeness = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a topic was calibrated, to be shown to whoever wrote its examples."""

    name: str
    kind: Literal["allow", "deny"]
    examples: int
    threshold: float
    """Closeness from which a sentence counts as on the topic."""
    typical: float
    """Closeness of the middle example to the others."""
    missed: float
    """Share of the examples that the others would not have recognised: expected share of misses."""
    false_alarms: float
    """Share of everyday sentences about other things that count as on the topic."""


@in_process()
def topics(
    allow: Mapping[str, Sequence[str]] | None = None,
    deny: Mapping[str, Sequence[str]] | None = None,
    threshold: float | None = None,
    min_words: int = 4,
) -> Check:
    """A check for what a text is about. Sees whole texts; 3 to 6 ms a sentence, off the event loop.

    Args:
        allow: topic name to example sentences; a text on none of them is `OFF_TOPIC`.
        deny: topic name to example sentences; a sentence on one of them is `DENIED_TOPIC`.
        threshold: closeness between 0 and 1 for every topic, instead of the calibrated ones.
        min_words: texts and sentences with fewer words are let through.

    Raises CheckError when there is no topic, a topic has no name or too few different examples, an example is
    both allowed and denied, or a number is out of range; ModelError when the encoder cannot be loaded.
    """
    return Topics(allow or {}, deny or {}, threshold, min_words)


class Topics:
    """The check. Immutable after it was built; safe to share."""

    pure = True

    def __init__(
        self,
        allow: Mapping[str, Sequence[str]],
        deny: Mapping[str, Sequence[str]],
        threshold: float | None,
        min_words: int,
    ) -> None:
        _validate(allow, deny, threshold, min_words)
        self._min_words = min_words
        self._encoder = embedding.shipped()
        background = _background()
        self._topics: list[_Topic] = []
        named: list[tuple[Literal["allow", "deny"], str, Sequence[str]]] = [
            *(("allow", name, examples) for name, examples in allow.items()),
            *(("deny", name, examples) for name, examples in deny.items()),
        ]
        for kind, name, examples in named:
            vectors = self._encoder.encode(list(dict.fromkeys(examples)))
            self._topics.append(_calibrated(kind, name, vectors, background, threshold))

    def describe(self) -> tuple[Calibration, ...]:
        """How each topic was calibrated, allowed ones first."""
        return tuple(topic.calibration for topic in self._topics)

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """As in Check."""
        return await asyncio.to_thread(lambda: [self._look(segment.text) for segment in segments])

    def _look(self, text: str) -> list[Span]:
        windows = _windows(text, self._min_words)
        if not windows:
            return []
        vectors = self._encoder.encode([text[start:end] for start, end in windows])
        found: list[Span] = []
        allowed: list[float] = []
        for topic in self._topics:
            scores = [topic.score(float(closeness)) for closeness in topic.closeness(vectors)]
            if topic.calibration.kind == "allow":
                allowed.append(max(scores))
                continue
            hits = [(window, score) for window, score in zip(windows, scores, strict=True) if score >= 0.5]
            found += [Span(*window, DENIED_TOPIC, score) for window, score in hits]
        if allowed and max(allowed) < 0.5:
            found.append(Span(windows[0][0], windows[-1][1], OFF_TOPIC, 1.0 - max(allowed)))
        return sorted(found, key=lambda span: (span.start, span.end, span.entity))


def _windows(text: str, min_words: int) -> list[tuple[int, int]]:
    """Sentences, those of too few words together with the next; at most MOST_WINDOWS."""
    found: list[tuple[int, int]] = []
    pending: int | None = None
    for start, end in sentences(text):
        begin = start if pending is None else pending
        pending = begin if _words(text[begin:end]) < min_words else None
        if pending is None:
            found.append((begin, end))
    if len(found) > MOST_WINDOWS:
        found = [found[at] for at in np.linspace(0, len(found) - 1, MOST_WINDOWS).astype(int)]
    return found


def _words(text: str) -> int:
    return sum(any(map(str.isalnum, word)) for word in text.split())


@dataclass(frozen=True, slots=True)
class _Topic:
    """A topic's examples and the everyday sentences that are not about it, as vectors."""

    calibration: Calibration
    examples: Vectors
    others: Vectors

    def closeness(self, vectors: Vectors) -> Closeness:
        """How much closer each vector is to the examples than to everyday sentences."""
        return _closeness(_cosines(vectors, self.examples), _cosines(vectors, self.others))

    def score(self, closeness: float) -> float:
        """0.5 at the threshold, 0.9 as close as the examples are to each other."""
        typical = self.calibration.typical - self.calibration.threshold
        score = 0.5 + 0.4 * (closeness - self.calibration.threshold) / max(typical, 0.05)
        return min(1.0, max(0.0, score))


def _calibrated(
    kind: Literal["allow", "deny"], name: str, examples: Vectors, background: Vectors, given: float | None
) -> _Topic:
    """The topic with the threshold between its examples and everyday sentences, each seen by the others alone."""
    among = _cosines(examples, examples)
    inside = np.array([_similarity(np.delete(row, at)[None])[0] for at, row in enumerate(among)])
    # A background sentence as close as the middle example is on this topic: it says nothing about others.
    others = background[_similarity(_cosines(background, examples)) < np.median(inside)]
    to_others = _cosines(examples, others)
    inside = np.array(
        [_closeness(np.delete(row, at)[None], to_others[[at]])[0] for at, row in enumerate(among)]
    )
    between = _cosines(others, others)
    np.fill_diagonal(between, -1.0)
    outside = _closeness(_cosines(others, examples), between)
    typical = float(np.median(inside))
    threshold = (float(np.quantile(outside, 0.99)) + float(np.quantile(inside, 0.1))) / 2
    threshold = threshold if given is None else given
    missed, alarms = float(np.mean(inside < threshold)), float(np.mean(outside >= threshold))
    return _Topic(
        Calibration(name, kind, len(examples), threshold, typical, missed, alarms), examples, others
    )


def _cosines(vectors: Vectors, others: Vectors) -> Closeness:
    cosines: Closeness = (vectors @ others.T).astype(np.float64)
    return cosines


def _similarity(to_examples: Closeness) -> Closeness:
    """Half the closest example, half the mean of all."""
    similar: Closeness = 0.5 * to_examples.max(axis=1) + 0.5 * to_examples.mean(axis=1)
    return similar


def _closeness(to_examples: Closeness, to_others: Closeness) -> Closeness:
    """Similarity to the examples, less half of that to the nearest everyday sentences."""
    nearest = np.sort(to_others, axis=1)[:, -_NEAREST:].mean(axis=1)
    closeness: Closeness = _similarity(to_examples) - 0.5 * nearest
    return closeness


@cache
def _background() -> Vectors:
    return embedding.shipped().encode(BACKGROUND)


def _validate(
    allow: Mapping[str, Sequence[str]],
    deny: Mapping[str, Sequence[str]],
    threshold: float | None,
    min_words: int,
) -> None:
    if not allow and not deny:
        raise CheckError("topics: there is no topic. Give examples in `allow`, `deny` or both.")
    if threshold is not None and not 0 < threshold < 1:
        raise CheckError("topics: `threshold` must be between 0 and 1. Leave it out to have it calibrated.")
    if min_words < 1:
        raise CheckError("topics: `min_words` must be 1 or more.")
    for option, given in (("allow", allow), ("deny", deny)):
        for at, (name, examples) in enumerate(given.items()):
            if not name.strip():
                raise CheckError(f"topics: topic {at + 1} of `{option}` has an empty name. Name it.")
            if any(not example.strip() for example in examples):
                raise CheckError(f"topics: {option}.{name} has an empty example. Remove it.")
            if len({_key(example) for example in examples}) < FEWEST_EXAMPLES:
                raise CheckError(
                    f"topics: {option}.{name} has fewer than {FEWEST_EXAMPLES} different examples. "
                    "Add sentences that users would write; ten make a good topic."
                )
    allowed = {_key(example): name for name, examples in allow.items() for example in examples}
    for name, examples in deny.items():
        for number, example in enumerate(examples, 1):
            if _key(example) in allowed:
                raise CheckError(
                    f"topics: example {number} of deny.{name} is also an example of allow.{allowed[_key(example)]}. "
                    "Keep it on one side."
                )


def _key(example: str) -> str:
    return " ".join(example.casefold().split())
