"""What a caller received, read off the wire alone: the texts by where they stand, how it ended, and any error."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy.sse import Decoder

ENDED_BY_POLICY = frozenset({"content_filter", "refusal"})
"""Reasons to finish that say that a rule ended the reply; the second is Anthropic's word."""


@dataclass(frozen=True, slots=True)
class Received:
    """One reply."""

    status: int
    id: str
    """The trace that the reply's header names."""
    lanes: dict[str, str]
    """Each text under a name that is the same whole and streamed."""
    finish: tuple[str, ...]
    error: dict[str, Any] | None
    """As the reply itself, or the last event of a stream."""
    body: bytes

    @property
    def refused(self) -> bool:
        """Whether a rule refused it: by an error, or by how a choice ended."""
        told = self.error or {}
        said = str(told.get("message"))
        by_rule = "blocked by the rule" in said or "could not check it" in said
        return by_rule or bool(ENDED_BY_POLICY & set(self.finish))


def received(dialect: str, status: int, headers: dict[str, str], body: bytes) -> Received:
    """The reply as its caller can read it."""
    if headers.get("content-type", "").startswith("text/event-stream"):
        events = [json.loads(data) for data in Decoder().feed(body) if data != b"[DONE]"]
        error = next((e["error"] for e in events if isinstance(e.get("error"), dict)), None)
        lanes, finish = _STREAMED[dialect](events)
    else:
        told = json.loads(body)
        error = told.get("error") if isinstance(told.get("error"), dict) else None
        lanes, finish = ({}, []) if error else said(dialect, told)
    return Received(status, headers.get("x-guardhouse-trace-id", ""), lanes, tuple(finish), error, body)


def said(dialect: str, reply: dict[str, Any] | None) -> tuple[dict[str, str], list[str]]:
    """The texts of a whole reply, and how it ended."""
    lanes, finish = _WHOLE[dialect](reply or {})
    return {name: text for name, text in lanes if text}, [word for word in finish if word]


def strings(value: Any) -> Iterator[str]:
    """Every string in a document, member names too; one that holds JSON is looked into as well."""
    if isinstance(value, str):
        yield value
        if value[:1] in "{[":
            try:
                yield from strings(json.loads(value))
            except ValueError:
                pass
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


# --- chat and completions

Lanes = Iterator[tuple[str, Any]]
_SPOKEN = ("content", "reasoning_content", "refusal")


def _chat(reply: dict[str, Any]) -> tuple[Lanes, list[str]]:
    def lanes() -> Lanes:
        for choice in reply.get("choices", ()):
            at, message = choice["index"], choice["message"]
            yield from ((f"{at}/{name}", message.get(name)) for name in _SPOKEN)
            for n, call in enumerate(message.get("tool_calls") or ()):
                yield f"{at}/call/{n}", call["function"]["arguments"]

    return lanes(), [choice.get("finish_reason") for choice in reply.get("choices", ())]


def _chat_stream(events: list[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    lanes: dict[str, str] = defaultdict(str)
    finish = {}
    for choice in (each for event in events for each in event.get("choices", ())):
        at, delta = choice["index"], choice["delta"]
        for name in _SPOKEN:
            lanes[f"{at}/{name}"] += delta.get(name) or ""
        for call in delta.get("tool_calls") or ():
            lanes[f"{at}/call/{call['index']}"] += call.get("function", {}).get("arguments") or ""
        if choice.get("finish_reason"):
            finish[at] = choice["finish_reason"]
    return {name: text for name, text in lanes.items() if text}, [finish[at] for at in sorted(finish)]


def _completion(reply: dict[str, Any]) -> tuple[Lanes, list[str]]:
    choices = reply.get("choices", ())
    lanes = ((f"{choice['index']}/text", choice["text"]) for choice in choices)
    return lanes, [choice.get("finish_reason") for choice in choices]


def _completion_stream(events: list[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    lanes: dict[str, str] = defaultdict(str)
    finish = {}
    for choice in (each for event in events for each in event.get("choices", ())):
        lanes[f"{choice['index']}/text"] += choice["text"]
        if choice.get("finish_reason"):
            finish[choice["index"]] = choice["finish_reason"]
    return {name: text for name, text in lanes.items() if text}, [finish[at] for at in sorted(finish)]


# --- responses


def _response(reply: dict[str, Any]) -> tuple[Lanes, list[str]]:
    def lanes() -> Lanes:
        for n, item in enumerate(reply.get("output", ())):
            for part in (*(item.get("content") or ()), *(item.get("summary") or ())):
                yield f"{n}/{part['type']}", part.get("text", part.get("refusal"))
            yield f"{n}/arguments", item.get("arguments")

    return lanes(), [(reply.get("incomplete_details") or {}).get("reason") or reply.get("status", "")]


def _response_stream(events: list[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    lanes: dict[str, str] = defaultdict(str)
    named = {
        "response.output_text.delta": "output_text",
        "response.refusal.delta": "refusal",
        "response.reasoning_summary_text.delta": "summary_text",
        "response.reasoning_text.delta": "reasoning_text",
        "response.function_call_arguments.delta": "arguments",
    }
    finish: list[str] = []
    for event in events:
        if event["type"] in named:
            lanes[f"{event['output_index']}/{named[event['type']]}"] += event["delta"]
        if event["type"] in ("response.completed", "response.incomplete", "response.failed"):
            # The last event repeats all that was told before, and what was cleared in the very event that was blocked.
            told, finish = said("responses", event["response"])
            assert all(told.get(name, "").startswith(text) for name, text in lanes.items())
            return told, finish
    return dict(lanes), finish


# --- messages


def _message(reply: dict[str, Any]) -> tuple[Lanes, list[str]]:
    def lanes() -> Lanes:
        for n, block in enumerate(reply.get("content", ())):
            for name in ("text", "thinking"):
                yield f"{n}/{name}", block.get(name)
            if "input" in block:
                yield f"{n}/input", "".join(strings(block["input"]))

    return lanes(), [reply.get("stop_reason", "")]


def _message_stream(events: list[dict[str, Any]]) -> tuple[dict[str, str], list[str]]:
    lanes: dict[str, str] = defaultdict(str)
    finish: list[str] = []
    for event in events:
        delta = event.get("delta", {})
        for name in ("text", "thinking"):
            lanes[f"{event.get('index')}/{name}"] += delta.get(name, "")
        lanes[f"{event.get('index')}/input"] += delta.get("partial_json", "")
        if event["type"] == "message_delta":
            finish = [delta["stop_reason"]]
    for name in [name for name in lanes if name.endswith("/input") and lanes[name]]:
        lanes[name] = "".join(strings(json.loads(lanes[name])))
    return {name: text for name, text in lanes.items() if text}, finish


_WHOLE = {
    "chat": _chat,
    "completions": _completion,
    "responses": _response,
    "messages": _message,
    "embeddings": lambda reply: (iter(()), []),
    "moderations": lambda reply: (iter(()), []),
}
_STREAMED = {
    "chat": _chat_stream,
    "completions": _completion_stream,
    "responses": _response_stream,
    "messages": _message_stream,
}
