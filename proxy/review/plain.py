"""The bodies of a trace without roles (completions, embeddings, moderations) as turns of a conversation."""

from __future__ import annotations

from collections.abc import Mapping

from proxy.review.turns import Turn, answered, asked
from proxy.review.views import Json, Message, Page


def conversation(
    page: Page, request: Json, response: Json, joined: Mapping[str, Json]
) -> tuple[list[Message], list[Message]]:
    """What was asked, and what came of it."""
    messages = [_turn(page, "input", turn) for turn in asked(request)]
    return messages, [_turn(page, "output", turn) for turn in answered(response)]


def _turn(page: Page, side: str, turn: Turn) -> Message:
    before = set(page.placed)
    parts = [page.part(turn.text, side, turn.pointer)] if turn.text else []
    numbers, size = sorted(page.placed - before), sum(part.size for part in parts)
    return Message(turn.role, turn.label, parts, [], numbers, size, turn.note)
