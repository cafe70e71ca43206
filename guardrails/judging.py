"""Asks a check that knows the conversation: texts with values in place of pseudonyms in, spans of the real text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guardrails.check import ConversationCheck
from guardrails.conversation import ALONE, NOTHING_SAID, Conversation, Outside, ToolCall
from guardrails.errors import BadResult
from guardrails.pseudonyms import Vault
from guardrails.types import Segment, Span, Stage


@dataclass(frozen=True, slots=True)
class Around:
    """What a check that knows the conversation is asked with."""

    conversation: Conversation = NOTHING_SAID
    outside: Outside = ALONE
    vault: Vault | None = None
    """Whose pseudonyms in the texts are ours, to be turned back; None when none are."""


async def judged(
    check: ConversationCheck,
    segments: Sequence[Segment],
    around: Around,
    shown: Sequence[Segment] | None = None,
) -> list[Sequence[Span]]:
    """The spans that a check finds in each segment. Raises BadResult when its answer is none.

    `shown` is what it gets to see in place of the segments; None for the segments with values in place of pseudonyms.
    """
    results: dict[int, Sequence[Span]] = {}
    asked = [
        place for place, each in enumerate(segments) if not (check.streams and each.stage is Stage.OUTPUT)
    ]
    if len(asked) < len(segments):
        scanner = check.scanner(around.conversation)
        for place in set(range(len(segments))).difference(asked):
            results[place] = scanner.scan(segments[place].text)
    if asked:
        seen = [shown[place] if shown else _restored(segments[place], around.vault) for place in asked]
        conversation = around.conversation if shown else _calls_restored(around)
        answers = await check.judge(seen, conversation, around.outside)
        if not isinstance(answers, Sequence) or len(answers) != len(asked):
            raise BadResult
        for place, text, spans in zip(asked, seen, answers, strict=True):
            whole = segments[place].text
            results[place] = spans if text.text == whole else [_all_of(whole, span) for span in spans]
    return [results[place] for place in range(len(segments))]


def _restored(segment: Segment, vault: Vault | None) -> Segment:
    return replace(segment, text=vault.restore(segment.text)) if vault else segment


def _calls_restored(around: Around) -> Conversation:
    vault, conversation = around.vault, around.conversation
    if not vault or not conversation.called:
        return conversation
    inside = vault.in_json()

    def turned_back(call: ToolCall) -> ToolCall:
        return replace(call, name=vault.restore(call.name), arguments=inside.restore(call.arguments))

    return replace(conversation, called=[turned_back(call) for call in conversation.called])


def _all_of(text: str, span: Span) -> Span:
    """The span over a whole text: where a value stands is not where its pseudonym does."""
    return replace(span, start=0, end=len(text))
