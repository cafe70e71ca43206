"""Finds prompt injection: sentences that turn a model against its instructions, and, in documents, sentences
that ask an assistant for something.

Every window of one to three sentences is scored by a linear model, wherever it stands; nothing is cut off. The few
sentences of a document that may be requests are looked at again with the sentence encoder, beside the rest of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from guardrails import embedding
from guardrails.check import Check, in_process
from guardrails.checks.injection_features import Windows, blocks, pieces
from guardrails.checks.injection_model import (
    CANDIDATE,
    OVERRIDE,
    REQUEST,
    REQUEST_IN_MAIL,
    Model,
)
from guardrails.checks.injection_patterns import families
from guardrails.checks.injection_requests import CANDIDATES, context, features, sampled
from guardrails.errors import ModelError
from guardrails.types import Segment, Span, Stage

PROMPT_INJECTION = "PROMPT_INJECTION"
"""Entity of a window that looks like an injection or a jailbreak."""

TRUSTED = ("system",)
"""Channels of the request that are the operator's own words."""

EXPLICIT = 0.9
"""Lowest score of a window that also holds a known phrase; without one a score stays below it."""

_SURE = 0.7
_UNNAMED = 0.89
_FLOOR = 0.25
_MOST = 32
_INLINE = 4096

_HEADER = re.compile(
    r"^[ \t>*]*(?:subject|from|to|cc|sent|date|reply-to|received(?: date)?|email_from|content|message)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_MARKUP = re.compile(r"<(?:html|body|div|p|table|article|h[1-6])\b[^>]*>", re.IGNORECASE)


@in_process()
def injection(trusted: Sequence[str] = TRUSTED) -> Check:
    """A check for prompt injection. Sees whole texts; documents and long texts off the event loop.

    Args:
        trusted: channels whose messages in a request are not looked at: `user`, `system`, `assistant`.

    Raises ModelError when the model's files are missing, changed, or of another version.
    """
    return Injection(_model(), embedding.shipped(), frozenset(trusted))


class _Likely(NamedTuple):
    """A sentence that may be a request."""

    logit: float
    start: int
    end: int


class Injection:
    """The check. Immutable; safe to share."""

    pure = True

    def __init__(self, model: Model, encoder: embedding.Embedder, trusted: frozenset[str]) -> None:
        if encoder.sha256 != model.encoder:
            raise ModelError(
                "injection: its weights were fitted with another encoder. Run fit_injection.py again."
            )
        self._model, self._encoder, self._trusted = model, encoder, trusted

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """As in Check."""
        seen = [segment for segment in segments if not self._is_trusted(segment)]
        if sum(len(segment.text) for segment in seen) > _INLINE or any(map(is_document, seen)):
            return await asyncio.to_thread(self._all, segments)
        return self._all(segments)

    def _is_trusted(self, segment: Segment) -> bool:
        return segment.stage is Stage.INPUT and segment.channel in self._trusted

    def _all(self, segments: Sequence[Segment]) -> list[list[Span]]:
        return [
            [] if self._is_trusted(segment) else self.look(segment.text, document=is_document(segment))
            for segment in segments
        ]

    def look(self, text: str, *, document: bool) -> list[Span]:
        """What is found in a text: the strongest windows that do not overlap, in order.

        Args:
            text: any string.
            document: whether nobody who may give orders wrote it, so that every request in it is one too many.
        """
        spans = pieces(text)
        threshold = self._model.threshold(f"{OVERRIDE} {'document' if document else 'message'}")
        found: list[Span] = []
        likely: list[_Likely] = []
        for block in blocks(text, spans):
            scores = threshold.scores(self._model.logits(OVERRIDE, block), len(spans))
            found += _overrides(text, block, scores)
            if document:
                likely = _likeliest([*likely, *self._likely(block)])
        return _strongest([*found, *self._requests(text, likely, spans)])

    def _likely(self, block: Windows) -> list[_Likely]:
        """Single sentences that may be requests, by the words alone."""
        logits = np.where(block.counts == 1, self._model.logits(REQUEST, block), -np.inf)
        return [
            _Likely(float(logits[at]), int(block.starts[at]), int(block.ends[at]))
            for at in np.flatnonzero(logits >= CANDIDATE)
        ]

    def _requests(
        self, text: str, likely: Sequence[_Likely], spans: Sequence[tuple[int, int]]
    ) -> Iterator[Span]:
        """Those that are requests by their form, their meaning and the text around them too."""
        if not likely:
            return
        stands = [spans[place] for place in sampled(len(spans))]
        places = list(dict.fromkeys([*stands, *((each.start, each.end) for each in likely)]))
        texts = [text[start:end] for start, end in places]
        vectors = self._encoder.encode(texts).astype(np.float64)
        rows = []
        for each in likely:
            at = places.index((each.start, each.end))
            around = context(vectors[: len(stands)], at if at < len(stands) else None)
            rows.append(features(texts[at], each.logit, vectors[at], around))
        threshold = self._model.threshold(REQUEST_IN_MAIL if is_mail(text) else REQUEST)
        scores = threshold.scores(self._model.second(np.array(rows)), len(spans))
        for each, score in zip(likely, scores.tolist(), strict=True):
            if score >= _FLOOR:
                yield Span(each.start, each.end, PROMPT_INJECTION, min(score, _UNNAMED))


def _overrides(text: str, block: Windows, scores: NDArray[np.float64]) -> Iterator[Span]:
    for at in np.flatnonzero(scores >= _FLOOR):
        start, end, score = int(block.starts[at]), int(block.ends[at]), float(scores[at])
        if score >= _SURE and families(text[start:end]):
            score = EXPLICIT + (1 - EXPLICIT) * (score - _SURE) / (1 - _SURE)
        else:
            score = min(score, _UNNAMED)
        yield Span(start, end, PROMPT_INJECTION, score)


def _likeliest(found: Sequence[_Likely]) -> list[_Likely]:
    """The few that get a second look; a sentence on the border of two blocks counts once."""
    return sorted(set(found), key=lambda each: (-each.logit, each.start))[:CANDIDATES]


def is_document(segment: Segment) -> bool:
    """Whether a segment holds what somebody else wrote: a tool's answer, a retrieved text, a pasted mail or page."""
    if segment.channel.startswith(("tool:", "retrieved:")):
        return True
    if segment.stage in (Stage.TOOL_RESULT, Stage.RETRIEVAL):
        return segment.channel != "user"
    return is_mail(segment.text) or _MARKUP.match(segment.text.lstrip()[:200]) is not None


def is_mail(text: str) -> bool:
    """Whether a text begins with the header lines of a mail, two at least."""
    head = text.lstrip()[:2000]
    return _HEADER.match(head) is not None and len(_HEADER.findall(head)) > 1


def _strongest(found: Sequence[Span]) -> list[Span]:
    """The spans with the highest scores that do not overlap, shorter ones first where scores are equal."""
    kept: list[Span] = []
    for span in sorted(found, key=lambda span: (-span.score, span.end - span.start, span.start)):
        if len(kept) == _MOST:
            break
        if all(span.end <= other.start or other.end <= span.start for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


@cache
def _model() -> Model:
    return Model()
