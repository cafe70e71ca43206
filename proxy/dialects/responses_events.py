"""A whole response told as the events of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from proxy import sse

Event = dict[str, Any]
Cut = Callable[[str], list[str]]
"""A text to the pieces in which it is told."""

_TERMINAL = ("completed", "incomplete", "failed")
_STREAMED = {
    ("message", "output_text"): ("output_text", "text"),
    ("message", "refusal"): ("refusal", "refusal"),
    ("reasoning", "reasoning_text"): ("reasoning_text", "text"),
}
"""By types of item and part: the kind of its events, and the member with its text."""
_ARGUED = {
    "function_call": ("function_call_arguments", "arguments"),
    "mcp_call": ("mcp_call_arguments", "arguments"),
    "custom_tool_call": ("custom_tool_call_input", "input"),
    "code_interpreter_call": ("code_interpreter_call_code", "code"),
}
"""The same for items whose own text is streamed."""


def frame(event: Event) -> bytes:
    """An event on the wire: its type as the event's name, then itself."""
    return named(event.get("type"), orjson.dumps(event))


def named(type_: Any, payload: bytes) -> bytes:
    """A payload on the wire under the name of its type, where that can be one."""
    data = sse.event(payload)
    plain = isinstance(type_, str) and type_.isprintable() and type_
    return b"event: " + type_.encode("utf-8", "replace") + b"\n" + data if plain else data


def frames(reply: dict[str, Any]) -> bytes:
    """A whole response as the bytes of its stream, each text in one piece."""
    return b"".join(frame(event) for event in events(reply, lambda text: [text]))


def events(reply: dict[str, Any], cut: Cut) -> list[Event]:
    """The events of a stream that tells this response, numbered from 0."""
    begun = {**reply, "status": "in_progress", "output": [], "incomplete_details": None, "error": None}
    begun.pop("usage", None)
    found: list[Event] = [{"type": "response.created", "response": begun}]
    found.append({"type": "response.in_progress", "response": begun})
    for place, item in enumerate(reply["output"]):
        found += _item(item, place, cut)
    status = reply.get("status")
    found.append({"type": f"response.{status if status in _TERMINAL else 'completed'}", "response": reply})
    return [{**event, "sequence_number": number} for number, event in enumerate(found)]


def _item(item: Any, place: int, cut: Cut) -> Iterator[Event]:
    if not isinstance(item, dict):
        return
    at = {"output_index": place, "item_id": str(item.get("id") or "")}
    opened = {**item, **({"status": "in_progress"} if "status" in item else {})}
    for name in ("content", "summary"):
        if isinstance(item.get(name), list):
            opened[name] = []
    argued = _ARGUED.get(str(item.get("type")))
    if argued and isinstance(item.get(argued[1]), str):
        opened[argued[1]] = ""
    yield {"type": "response.output_item.added", "output_index": place, "item": opened}
    yield from _summary(item, at, cut)
    for number, part in enumerate(item["content"] if isinstance(item.get("content"), list) else ()):
        yield from _part(str(item.get("type")), part, {**at, "content_index": number}, cut)
    if argued and isinstance(text := item.get(argued[1]), str):
        told = {"name": item["name"]} if argued[0] == "function_call_arguments" and "name" in item else {}
        yield from _told(argued[0], argued[1], text, at, cut, told)
    yield {"type": "response.output_item.done", "output_index": place, "item": item}


def _summary(item: dict[str, Any], at: Event, cut: Cut) -> Iterator[Event]:
    for number, part in enumerate(item["summary"] if isinstance(item.get("summary"), list) else ()):
        here = {**at, "summary_index": number}
        text = part.get("text") if isinstance(part, dict) else None
        if not isinstance(text, str):
            continue
        yield {"type": "response.reasoning_summary_part.added", **here, "part": {**part, "text": ""}}
        yield from _told("reasoning_summary_text", "text", text, here, cut, {})
        yield {"type": "response.reasoning_summary_part.done", **here, "part": part}


def _part(type_: str, part: Any, at: Event, cut: Cut) -> Iterator[Event]:
    if not isinstance(part, dict):
        return
    kind, member = _STREAMED.get((type_, str(part.get("type"))), ("", ""))
    if not isinstance(text := part.get(member), str):
        yield {"type": "response.content_part.added", **at, "part": part}
        yield {"type": "response.content_part.done", **at, "part": part}
        return
    empty = {**part, member: "", **({"annotations": []} if "annotations" in part else {})}
    spelled = {"logprobs": part.get("logprobs") or []} if kind == "output_text" else {}
    yield {
        "type": "response.content_part.added",
        **at,
        "part": {**empty, **({"logprobs": []} if spelled else {})},
    }
    yield from _told(kind, member, text, at, cut, spelled)
    for number, annotation in enumerate(part.get("annotations") or ()):
        yield {
            "type": "response.output_text.annotation.added",
            **at,
            "annotation_index": number,
            "annotation": annotation,
        }
    yield {"type": "response.content_part.done", **at, "part": part}


def _told(kind: str, member: str, text: str, at: Event, cut: Cut, more: Event) -> Iterator[Event]:
    """The deltas of a text and its end; `more` goes with the end."""
    spelled: Event = {"logprobs": []} if "logprobs" in more else {}
    for piece in cut(text):
        if piece:
            yield {"type": f"response.{kind}.delta", **at, "delta": piece, **spelled}
    yield {"type": f"response.{kind}.done", **at, member: text, **more}


def spells(event: Event) -> bool:
    """Whether the tokens of a delta's logprobs, if it has any, spell its text and nothing else.

    What others spell could go on from event to event, and nobody would read it together.
    """
    tokens = event.get("logprobs")
    if not tokens:
        return True
    if not isinstance(tokens, list):
        return False
    named = [token.get("token") for token in tokens if isinstance(token, dict)]
    told = [token for token in named if isinstance(token, str)]
    return len(told) == len(tokens) and "".join(told) == event.get("delta")
