"""Places in the stored texts of a trace: the text that a side, a pointer and what is within it lead to. Pure.

Findings and reviewers name places alike; offsets count code points of the stored text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from proxy.dialects.texts import walk
from proxy.document import at
from proxy.errors import BadRequest

SIDES = {"input": "request", "output": "response"}
"""The two sides of an exchange, each with the member of a trace document that holds it."""
HIT = re.compile(r"/guardhouse/retrieval(?:/hits)?/(\d{1,6})/(?:text|content)")
"""Pointers of retrieved texts: they stand among the hits of a trace, not in its request."""

_ENTITY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def text_at(trace: Mapping[str, Any], side: str, pointer: str, within: str = "") -> str | None:
    """The stored text at a place; None when there is none."""
    member = SIDES.get(side)
    if member is None:
        return None
    found = at(trace.get(member), pointer)
    if found is None and side == "input" and (hit := HIT.fullmatch(pointer)):
        found = at(trace.get("retrieval"), f"/{hit[1]}/text")
    return _written(at(_opened(found), within) if within else found)


def texts(trace: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(side, pointer, within, text) of every stored text, in the order of the exchange."""
    for side, member in SIDES.items():
        for pointer, item, _ in walk(trace.get(member), ""):
            if not isinstance(item, str):
                continue
            inner = [
                (within, _written(value)) for within, value, _ in walk(_opened(item), "") if within
            ] if item[:1] in ("{", "[") else []  # fmt: skip
            yield from ((side, pointer, within, text) for within, text in inner if text)
            if item and not inner:
                yield side, pointer, "", item
    for place, hit in enumerate(trace.get("retrieval") or ()):
        if isinstance(hit.get("text"), str) and hit.get("source") == "request":
            yield "input", f"/guardhouse/retrieval/{place}/text", "", hit["text"]


def check_place(trace: Mapping[str, Any], side: str, pointer: str, within: str, start: int, end: int) -> None:
    """Raises BadRequest unless a range lies in a stored text of the trace."""
    text = text_at(trace, side, pointer, within)
    if text is None:
        raise BadRequest("place is not in this trace: no text stands at its pointer.", param="place")
    if not 0 <= start < end <= len(text):
        raise BadRequest(f"place is not in this trace: its text has {len(text)} characters.", param="place")


def checked_entity(text: str) -> str:
    """The kind of a missed thing, in capitals. Raises BadRequest for what is no name of a kind."""
    if not _ENTITY.fullmatch(text):
        raise BadRequest(
            "entity takes a name such as EMAIL_ADDRESS: letters, digits and _, at most 64.", param="entity"
        )
    return text.upper()


def _opened(value: Any) -> Any:
    """What is inside a JSON text; a value that is no text, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except (orjson.JSONDecodeError, UnicodeEncodeError):
        return None


def _written(value: Any) -> str | None:
    """A value as the characters that offsets count; None for what has none of its own."""
    if value is None or isinstance(value, dict | list):
        return None
    return value if isinstance(value, str) else orjson.dumps(value).decode()
