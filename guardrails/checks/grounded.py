"""Finds sentences of a reply that nothing retrieved supports: the groundedness of the evals, on live traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Literal

from guardrails.check import Check, ConversationCheck, in_process
from guardrails.checks.grounding import Grounding, score
from guardrails.conversation import Conversation, Outside
from guardrails.errors import CheckError
from guardrails.types import Segment, Span

UNGROUNDED = "UNGROUNDED"
"""Entity of a sentence that the retrieved texts do not support."""

_SOURCES = ("retrieved:", "tool:")
Measure = Callable[[str, Sequence[str], str], Grounding]
"""Question, context and answer in, groundedness out."""

_ASIDE = ("refusal", "reasoning", "reasoning_content", "thinking")
"""Members of a reply that are no answer."""


@in_process()
def grounding(
    sources: Sequence[str] = _SOURCES, min_chars: int = 40, tier: Literal["T0", "T1"] = "T0"
) -> Check:
    """A check for replies to requests that carry retrieved texts or results of tools. Off the event loop.

    Args:
        sources: beginnings of the channels whose texts are the evidence.
        min_chars: replies with fewer code points are let through.
        tier: `T0` counts, without a model; `T1` also reads with the encoder that ships, and is slower.

    The score of a span is the estimated probability that its sentence is unsupported. A reply without evidence, or
    whose groundedness cannot be measured, has no findings: nothing was found, which is not the same as supported.
    Raises CheckError when no source is named, and ModelError when the files of T1 are damaged or do not fit together.
    """
    if not sources or min_chars < 0:
        raise CheckError("check 'grounding' needs at least one source, and min_chars that is not negative.")
    return Grounded(tuple(sources), min_chars, _measure_of(tier))


class Grounded(ConversationCheck):
    """See `grounding`."""

    def __init__(self, sources: tuple[str, ...], min_chars: int, measure: Measure) -> None:
        self._sources, self._min_chars, self._measure = sources, min_chars, measure

    async def judge(
        self, segments: Sequence[Segment], conversation: Conversation, outside: Outside
    ) -> list[list[Span]]:
        """The unsupported sentences of each text."""
        evidence = [text.text for text in conversation.texts if text.channel.startswith(self._sources)]
        asked = next((text.text for text in reversed(conversation.texts) if text.channel == "user"), "")
        return [
            await asyncio.to_thread(_unsupported, self._measure, asked, evidence, segment.text)
            if evidence and self._is_answer(segment)
            else []
            for segment in segments
        ]

    def _is_answer(self, segment: Segment) -> bool:
        told = segment.pointer.rpartition("/")[2]
        return len(segment.text) >= self._min_chars and told not in _ASIDE


def _measure_of(tier: str) -> Measure:
    if tier == "T0":
        return score
    # Imported only for those who ask for it: it opens the encoder.
    from guardrails.checks import grounding_t1

    grounding_t1.ready()
    return grounding_t1.score


def _unsupported(measure: Measure, question: str, evidence: Sequence[str], answer: str) -> list[Span]:
    return [
        Span(found.start, found.end, UNGROUNDED, found.score)
        for found in measure(question, evidence, answer).spans
    ]
