"""Finds prompt injection: sentences that turn a model against its instructions, and, in documents, sentences
that ask an assistant for something.

Every window of one to three sentences is scored by a linear model, wherever it stands; nothing is cut off.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np

from guardrails.check import Check
from guardrails.checks.injection_features import Windows, blocks, pieces
from guardrails.checks.injection_model import OVERRIDE, QUESTION, REQUEST, Model
from guardrails.checks.injection_patterns import families
from guardrails.types import Segment, Span, Stage

PROMPT_INJECTION = "PROMPT_INJECTION"
"""Entity of a window that looks like an injection or a jailbreak."""

TRUSTED = ("system",)
"""Channels of the request that are the operator's own words."""

EXPLICIT = 0.9
"""Lowest score of a window that also holds a known phrase; without one a score stays below it."""

_SURE = 0.7
_FLOOR = 0.25
_MOST = 32
_INLINE = 4096

_HEADER = re.compile(
    r"^[ \t>*]*(?:subject|from|to|cc|sent|date|reply-to|received(?: date)?|email_from|content|message)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_MARKUP = re.compile(r"<(?:html|body|div|p|table|article|h[1-6])\b[^>]*>", re.IGNORECASE)


def injection(trusted: Sequence[str] = TRUSTED) -> Check:
    """A check for prompt injection. Sees whole texts; long ones are looked at off the event loop.

    Args:
        trusted: channels whose messages in a request are not looked at: `user`, `system`, `assistant`.

    Raises ModelError when the model's files are missing, changed, or of another version.
    """
    return Injection(_model(), frozenset(trusted))


class Injection:
    """The check. Immutable; safe to share."""

    def __init__(self, model: Model, trusted: frozenset[str]) -> None:
        self._model, self._trusted = model, trusted

    async def __call__(self, segments: Sequence[Segment], /) -> list[list[Span]]:
        """As in Check."""
        if sum(len(segment.text) for segment in segments) > _INLINE:
            return await asyncio.to_thread(self._all, segments)
        return self._all(segments)

    def _all(self, segments: Sequence[Segment]) -> list[list[Span]]:
        return [
            []
            if segment.stage is Stage.INPUT and segment.channel in self._trusted
            else self.look(segment.text, document=is_document(segment))
            for segment in segments
        ]

    def look(self, text: str, *, document: bool) -> list[Span]:
        """What is found in a text: the strongest windows that do not overlap, in order.

        Args:
            text: any string.
            document: whether nobody who may give orders wrote it, so that every request in it is one too many.
        """
        spans = pieces(text)
        found: list[Span] = []
        for block in blocks(text, spans):
            found += self._scored(text, block, len(spans), document)
        return _strongest(found)

    def _scored(self, text: str, block: Windows, count: int, document: bool) -> Iterator[Span]:
        kind = "document" if document else "message"
        model = self._model
        override = model.threshold(f"{OVERRIDE} {kind}").scores(model.logits(OVERRIDE, block), count)
        scores = override
        if document:
            logits = model.logits(REQUEST, block)
            asked = model.threshold(QUESTION).scores(logits, count)
            told = model.threshold(REQUEST).scores(logits, count)
            request = np.where(block.questions, asked, told)
            scores = np.maximum(override, np.where(block.counts == 1, request, 0.0))
        for at in np.flatnonzero(scores >= _FLOOR):
            start, end = int(block.starts[at]), int(block.ends[at])
            score = min(float(scores[at]), EXPLICIT - 0.01)
            if override[at] >= _SURE and families(text[start:end]):
                score = EXPLICIT + (1 - EXPLICIT) * (float(override[at]) - _SURE) / (1 - _SURE)
            yield Span(start, end, PROMPT_INJECTION, score)


def is_document(segment: Segment) -> bool:
    """Whether a segment holds what somebody else wrote: a tool's answer, a retrieved text, a pasted mail or page."""
    if segment.channel.startswith(("tool:", "retrieved:")):
        return True
    if segment.stage in (Stage.TOOL_RESULT, Stage.RETRIEVAL):
        return segment.channel != "user"
    head = segment.text.lstrip()[:2000]
    headers = _HEADER.findall(head)
    return (len(headers) > 1 and _HEADER.match(head) is not None) or _MARKUP.match(head) is not None


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
