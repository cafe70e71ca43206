"""Where the model of a Responses request is told what tokens are: at a place that stays the same from turn to turn.

That place is an item of the input and not `instructions`: these are not carried over to the response that names
this one as its previous one, items are. So the line is there for every later turn, whoever keeps the history.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from guardrails.pseudonyms import INSTRUCTION, Vault
from guardrails.types import Edit
from proxy.dialects.responses import items
from proxy.dialects.responses_texts import is_result, kind

_ITEM = re.compile(r"/input/(\d+)/")
_SYSTEM = ("system", "developer")
_LINE = {"type": "message", "role": "system", "content": INSTRUCTION}


def first_token(edits: Iterable[Edit], vault: Vault) -> int | None:
    """Index of the first item that got a token; 0 when only something else did, None when nothing did."""
    pointers = [edit.pointer for edit in edits if vault.is_token(edit.replacement)]
    places = [int(found[1]) for pointer in pointers if (found := _ITEM.match(pointer))]
    return min(places, default=0 if pointers else None)


def instructed(request: dict[str, Any], first: int) -> dict[str, Any]:
    """The request with the line as an item of its own.

    It comes first when the conversation begins with the item that got the first token. When that item came later
    the earlier ones have been sent without, and a provider's cache knows them so: then the line follows it, after
    the results of tools that belong together with it.
    """
    given = items(request)
    opening = next((n for n, item in enumerate(given) if item.get("role") not in _SYSTEM), len(given))
    place = 0 if first <= opening else _after(given, first)
    return {**request, "input": [*given[:place], _LINE, *given[place:]]}


def _after(given: list[dict[str, Any]], first: int) -> int:
    """Where the line can stand after an item: not between calls and their results, nor between two results."""
    place = first
    while place < len(given) and kind(given[place]) != "message" and not is_result(kind(given[place])):
        place += 1
    if place < len(given) and kind(given[place]) == "message":
        return place + 1
    while place < len(given) and is_result(kind(given[place])):
        place += 1
    return place
