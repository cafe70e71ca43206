"""Where the model is told what tokens are: at a place that stays the same from turn to turn."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit

_MESSAGE = re.compile(r"/messages/(\d+)/")
_SYSTEM = ("system", "developer")


def first_token(edits: Iterable[Edit], vault: Vault) -> int | None:
    """Index of the first message that got a token; 0 when only something else did, None when nothing did."""
    pointers = [edit.pointer for edit in edits if vault.is_token(edit.replacement)]
    places = [int(found[1]) for pointer in pointers if (found := _MESSAGE.match(pointer))]
    return min(places, default=0 if pointers else None)


def instructed(messages: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    """The messages with the instruction, once.

    When the conversation begins with the message that got the first token, it stands in the system prompt: the first
    one with plain content, else a new one in front. When that message came later the earlier ones have been sent
    without, and a provider's cache knows them so: then it stands at the end of that message.
    """
    opening = next((n for n, message in enumerate(messages) if message["role"] not in _SYSTEM), len(messages))
    if first > opening and (told := _told(messages[first])):
        return [*messages[:first], told, *messages[first + 1 :]]
    for place, message in enumerate(messages[:opening]):
        if isinstance(message.get("content"), str) and message["content"]:
            told = {**message, "content": f"{message['content']}\n\n{INSTRUCTION}"}
            return [*messages[:place], told, *messages[place + 1 :]]
    return [{"role": "system", "content": INSTRUCTION}, *messages]


def _told(message: dict[str, Any]) -> dict[str, Any] | None:
    """The message with the instruction at its end; None for one without content."""
    content = message.get("content")
    if isinstance(content, str) and content:
        return {**message, "content": f"{content}\n\n{INSTRUCTION}"}
    if isinstance(content, list):
        return {**message, "content": [*content, {"type": "text", "text": INSTRUCTION}]}
    return None
