"""Groundedness, tier T0: how far an answer is supported by its context, counted without any model.

Pure and deterministic: features of the answer's sentences against the whole context, weighted by the
coefficients in `grounding_t0.json`. What it can and cannot see is written in docs/concepts/groundedness.md.
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

from guardrails.checks.grounding_features import (
    ANSWER_FEATURES,
    SENTENCE_FEATURES,
    Evidence,
    Reference,
    answer_features,
    claim_rows,
)
from guardrails.checks.grounding_text import Piece, claims, foreign_script, has_evidence, language
from guardrails.errors import ModelError

COEFFICIENTS = Path(__file__).resolve().parent / "grounding_t0.json"
"""The fitted weights; written by guardrails/models/fit_grounding.py."""

FORMAT = "guardhouse.grounding/1"
NO_CLAIM = "no_claim"
NO_CONTEXT = "no_context"
UNSUPPORTED_SCRIPT = "unsupported_script"
NO_EVIDENCE_WORDS = "no_evidence_words"
OTHER_LANGUAGE = "other_language"

_TRACE = 0.02
"""Share of an answer's language among the small words of a context under which the context is in another one."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A sentence of the answer that the context does not seem to support. Offsets are code points of the
    answer."""

    start: int
    end: int
    cls: str
    """`conflict`, `value_mismatch` (a number, time or name that is not where the rest is) or `baseless`."""
    evidence: Evidence | None
    """The place in the context that comes closest; None when no content word of the sentence stands there."""
    score: float
    """Estimated probability that the sentence is unsupported."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """How far an answer is grounded in its context."""

    value: float | None
    """Estimated probability that everything in the answer is supported; None when that could not be
    measured."""
    spans: tuple[Unsupported, ...] = ()
    """The unsupported sentences, in order. At least one whenever value is below threshold."""
    reason: str = ""
    """Why there is no value: `no_claim`, `no_context`, `unsupported_script`, `no_evidence_words` or
    `other_language`; else empty."""
    threshold: float = 0.5
    """The value under which an answer counts as unsupported: the point of best balanced accuracy when it was
    fitted."""
    coverage: float = 1.0
    """Share of the context that was read. Always 1: nothing is truncated."""
    tier: str = "T0"
    version: str = ""
    """First 12 hex digits of the SHA-256 of the coefficients."""

    @property
    def supported(self) -> bool | None:
        """Whether the value reaches the threshold; None when there is no value."""
        return None if self.value is None else self.value >= self.threshold


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted about one answer that could be measured; lists have one entry a claim, in order."""

    reference: Reference
    kind: str
    claims: list[Piece]
    rows: list[list[float]]
    """As named by SENTENCE_FEATURES."""
    value: float
    doubts: list[float]
    """Estimated probability that each claim is unsupported."""


def score(question: str, context: Sequence[str], answer: str) -> Grounding:
    """How far an answer to a question is supported by context strings (prose or JSON), with the sentences
    that are not.

    Answers that claim nothing ("Hello!", "I do not know."), empty contexts, answers mostly in another script
    than Latin, answers without any word or number to look for and answers in another language than their
    context get no value but a reason. The same input gives the same output, bit for bit, rounded to 1e-6.
    """
    weights, version = _coefficients()
    threshold = float(weights["threshold"])
    found = count(question, context, answer)
    if isinstance(found, str):
        return Grounding(None, reason=found, threshold=threshold, version=version)
    limit = float(weights["sentence_threshold"])
    if found.value < threshold:
        limit = min(limit, max(found.doubts))
    return Grounding(found.value, reported(found, found.doubts, limit), threshold=threshold, version=version)


def count(question: str, context: Sequence[str], answer: str) -> Counted | str:
    """All that `score` counts, before anything is reported; the reason where there is no value."""
    weights, _ = _coefficients()
    reference, pieces = Reference(context, question), claims(answer)
    reason = _unmeasurable(pieces, context, answer) or _languages(pieces, reference, context)
    if reason:
        return reason
    named = kind(reference, question)
    model = weights["kinds"][named]
    rows = claim_rows(reference, answer, pieces)
    value = round(1.0 - _probability(model["answer"], answer_features(pieces, rows)), 6)
    doubts = [round(_probability(model["sentence"], row), 6) for row in rows]
    return Counted(reference, named, pieces, rows, value, doubts)


def reported(found: Counted, doubts: Sequence[float], limit: float) -> tuple[Unsupported, ...]:
    """The claims that are doubted at least that much."""
    return tuple(
        Unsupported(piece.start, piece.end, class_of(row), found.reference.evidence(piece), doubt)
        for piece, row, doubt in zip(found.claims, found.rows, doubts, strict=True)
        if doubt >= limit
    )


def version() -> str:
    """First 12 hex digits of the SHA-256 of the coefficients. Raises ModelError when they are another version's."""
    return _coefficients()[1]


def kind(reference: Reference, question: str) -> str:
    """Which set of coefficients applies: `structured` (JSON in the context), `question`, or `text` (no
    question asked)."""
    if reference.structured:
        return "structured"
    return "question" if question.strip() else "text"


def _unmeasurable(pieces: Sequence[Piece], context: Sequence[str], answer: str) -> str:
    """Why nothing can be said about an answer; empty when something can."""
    if not pieces:
        return NO_CLAIM
    if not any(text.strip() for text in context):
        return NO_CONTEXT
    if foreign_script(answer):
        return UNSUPPORTED_SCRIPT
    return "" if any(has_evidence(piece) for piece in pieces) else NO_EVIDENCE_WORDS


def _languages(pieces: Sequence[Piece], reference: Reference, context: Sequence[str]) -> str:
    """The reason when no part of the context is in the language of an answer in Latin letters: then words that
    are not found there say nothing."""
    written = [text for text in context if text.strip()]
    if all(foreign_script(text) for text in written):
        return OTHER_LANGUAGE
    spoken, _ = language([stem for piece in pieces for stem in piece.words])
    read, shares = language([stem for piece in reference.pieces for stem in piece.words])
    return OTHER_LANGUAGE if spoken and read and spoken != read and shares[spoken] < _TRACE else ""


@cache
def _coefficients() -> tuple[dict[str, Any], str]:
    content = COEFFICIENTS.read_bytes()
    weights: dict[str, Any] = json.loads(content)
    expected = {"answer": list(ANSWER_FEATURES), "sentence": list(SENTENCE_FEATURES)}
    if weights.get("format") != FORMAT or weights.get("features") != expected:
        raise ModelError(
            f"{COEFFICIENTS}: fitted for other features than this version's. Run fit_grounding.py again."
        )
    return weights, hashlib.sha256(content).hexdigest()[:12]


def _probability(model: dict[str, Any], features: Sequence[float]) -> float:
    """Probability of unsupported content."""
    total = math.fsum([model["intercept"], *(w * x for w, x in zip(model["weights"], features, strict=True))])
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))


def class_of(row: Sequence[float]) -> str:
    """The class of an unsupported claim with these features: `conflict`, `value_mismatch` or `baseless`."""
    named = dict(zip(SENTENCE_FEATURES, row, strict=True))
    covered = 1.0 - named["uncovered_by_two"]
    values = sum(
        named[name] for name in ("unseen_numbers", "unseen_times", "misplaced_numbers", "wrong_hours")
    )
    names = named["unseen_names"] + named["misplaced_names"]
    if named["false_claimed"] or named["true_denied"]:
        return "conflict"
    if covered >= 0.5 and (values or (names and not named["contradicted"])):
        return "value_mismatch"
    return "conflict" if named["contradicted"] else "baseless"
