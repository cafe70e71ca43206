"""Where a Messages request tells the model what tokens are: at a place that stays the same from turn to turn."""

from __future__ import annotations

from typing import Any

from guardrails.pseudonyms import INSTRUCTION


def instructed(request: dict[str, Any], first: int) -> dict[str, Any]:
    """The request with the instruction, once. `first` is the first message that holds a token.

    It stands at the end of the system prompt when the conversation begins with that message, or no user's
    message follows. Else the earlier ones have been sent without, and a provider's cache knows them so: then it
    stands at the end of the first message of the user from there on.
    """
    messages = request["messages"]
    told = next((n for n in range(first, len(messages)) if messages[n]["role"] == "user"), None)
    if first == 0 or told is None:
        return {**request, "system": _extended(request.get("system"))}
    changed = {**messages[told], "content": _extended(messages[told]["content"])}
    return {**request, "messages": [*messages[:told], changed, *messages[told + 1 :]]}


def _extended(content: str | list[dict[str, Any]] | None) -> str | list[dict[str, Any]]:
    if isinstance(content, list):
        return [*content, {"type": "text", "text": INSTRUCTION}]
    return f"{content}\n\n{INSTRUCTION}" if content else INSTRUCTION
