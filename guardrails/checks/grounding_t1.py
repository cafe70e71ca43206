"""Groundedness, tier T1: what T0 counts, and how far each claim lies from its context in the encoder that ships.

As T0, the same input gives the same output on the same machine. The head stands in `grounding_t1.json`, with the T0 and
the encoder that it was fitted for. What it can and cannot see: docs/concepts/groundedness.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guardrails.checks import grounding as t0
from guardrails.checks.grounding import Counted, Grounding
from guardrails.checks.grounding_t1_compare import COMPARED, compared
from guardrails.checks.grounding_t1_reading import WORDS, choose, passages
from guardrails.errors import ModelError
from guardrails.token_vectors import TokenEncoder, shipped_tokens

HEAD = Path(__file__).resolve().parent / "grounding_t1.json"
"""The fitted weights; written by guardrails/models/fit_grounding_t1.py."""

FORMAT = "guardhouse.grounding-t1/2"
TIER = "T1"

ANSWER = ("far_mean", "far_max", "strange_mean", "strange_max", "stranger_mean", "beyond")
"""Names of one answer's features, in order: means and maxima over its claims, and the share of claims that are at least
BEYOND from every passage."""

BEYOND = 0.5
SURE = 1e-6
"""T0's values have six places: nearer to 0 or 1 no difference is made."""


@dataclass(frozen=True, slots=True)
class Added:
    """What distances add to one of T0's logits: never anything below zero where T0 saw a change in a copy."""

    centre: tuple[float, ...]
    """Distances at which nothing is added."""
    weights: tuple[float, ...]
    """Not negative."""

    @property
    def counts(self) -> bool:
        """Whether any distance is asked for; where none is, the encoder has nothing to read."""
        return any(self.weights)

    def of(self, features: Sequence[float], *, altered: bool) -> float:
        """The sum; with `altered`, only of what is farther than the centre."""
        return math.fsum(
            w * (max(0.0, x - c) if altered else x - c)
            for w, x, c in zip(self.weights, features, self.centre, strict=True)
        )


def score(
    question: str, context: Sequence[str], answer: str, embedder: TokenEncoder | None = None
) -> Grounding:
    """How far an answer to a question is supported by context strings (prose or JSON), with the sentences that are not.

    The reasons for no value are T0's. Every sentence of the context is read by T0 and weighed by its words; of long
    contexts the encoder then reads, for each claim, the passages that its words point to. `coverage` is the share of
    the context that the first of the two has read: always 1. Classes of spans are T0's. Where T0 saw an altered value
    or a contradiction in any claim, the value is never above T0's.

    Args:
        embedder: the encoder to use; the shipped one when none is given.

    Raises ModelError when the head was fitted for another T0 or another encoder, or a model file is damaged.
    """
    head, sha256 = _head()
    encoder = embedder or shipped_tokens()
    _same("tier T0", head["t0"], t0.version())
    _same("the encoder", head["encoder"], encoder.sha256)
    version = hashlib.sha256(f"{head['t0']} {encoder.sha256} {sha256}".encode()).hexdigest()[:12]
    threshold = float(head["threshold"])
    found = t0.count(question, context, answer)
    if isinstance(found, str):
        return Grounding(None, reason=found, threshold=threshold, tier=TIER, version=version)
    kind, changed = head["kinds"][found.kind], altered(found)
    whole, part = _added(kind["answer"]), _added(kind["sentence"])
    rows = [[0.0] * len(COMPARED)] * len(found.claims)
    if whole.counts or part.counts:
        rows = compare(found, context, answer, encoder)
    value = moved(found.value, whole.of(answer_row(rows), altered=any(changed)))
    doubts = [
        round(1.0 - moved(1.0 - doubt, part.of(row, altered=is_altered)), 6)
        for doubt, row, is_altered in zip(found.doubts, rows, changed, strict=True)
    ]
    limit = float(head["sentence_threshold"])
    if value < threshold:
        limit = min(limit, max(doubts))
    spans = t0.reported(found, doubts, limit)
    return Grounding(value, spans, threshold=threshold, tier=TIER, version=version)


def ready() -> None:
    """Open what `score` needs, so that its first call is as fast as the others. Raises ModelError as `score` does."""
    score("", ["ready"], "ready")


def compare(found: Counted, context: Sequence[str], answer: str, encoder: TokenEncoder) -> list[list[float]]:
    """Each claim's features, as named by COMPARED."""
    whole = passages(found.reference, context)
    read = [encoder.read(whole[index].text, keep=True) for index in choose(whole, found.claims)]
    return [compared(encoder.read(answer[piece.start : piece.end]), read) for piece in found.claims]


def altered(found: Counted) -> list[bool]:
    """Whether T0 saw an altered value or a contradiction, for each claim."""
    return [t0.class_of(row) != "baseless" for row in found.rows]


def answer_row(rows: Sequence[Sequence[float]]) -> list[float]:
    """One answer's features, as named by ANSWER, from those of its claims. None is negative."""
    columns = dict(zip(COMPARED, zip(*rows, strict=True), strict=True))
    far, strange, stranger = columns["far"], columns["strange"], columns["stranger"]
    return [
        math.fsum(far) / len(far),
        max(far),
        math.fsum(strange) / len(strange),
        max(strange),
        math.fsum(stranger) / len(stranger),
        sum(each >= BEYOND for each in far) / len(far),
    ]


def moved(value: float, doubt: float) -> float:
    """A probability of support with its logit lowered by `doubt`, rounded to 1e-6: never against its sign."""
    if not doubt:
        return value
    held = min(max(value, SURE), 1.0 - SURE)
    found = round(1.0 / (1.0 + (1.0 - held) / held * math.exp(min(30.0, max(-30.0, doubt)))), 6)
    return min(value, found) if doubt > 0.0 else max(value, found)


@cache
def _head() -> tuple[dict[str, Any], str]:
    content = HEAD.read_bytes()
    weights: dict[str, Any] = json.loads(content)
    expected = {"answer": list(ANSWER), "sentence": list(COMPARED), "words": WORDS}
    if weights.get("format") != FORMAT or weights.get("features") != expected:
        raise ModelError(f"{HEAD}: fitted for other features than this version's. {_AGAIN}")
    return weights, hashlib.sha256(content).hexdigest()


_AGAIN = "Run fit_grounding_t1.py again."


def _added(part: dict[str, Any]) -> Added:
    return Added(tuple(part["centre"]), tuple(part["weights"]))


def _same(what: str, fitted: str, found: str) -> None:
    if fitted != found:
        raise ModelError(f"{HEAD}: fitted for {what} {fitted[:12]}, this is {found[:12]}. {_AGAIN}")
