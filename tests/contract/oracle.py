"""What the APIs say their answers look like: the official clients' types, taken strictly, and members they always have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import anthropic.types as claude
import orjson
from openai import types as gpt
from openai.types import chat, responses
from openai.types.shared import ErrorObject
from pydantic import BaseModel, TypeAdapter

from proxy.sse import Decoder


class OpenAIError(BaseModel):
    """OpenAI's envelope of an error."""

    error: ErrorObject


class ModelList(BaseModel):
    """The list of models."""

    object: str
    data: list[gpt.Model]


KINDS: dict[str, Any] = {
    "chat": chat.ChatCompletion,
    "chat chunk": chat.ChatCompletionChunk,
    "completion": gpt.Completion,
    "completion chunk": gpt.Completion,
    "response": responses.Response,
    "response event": responses.ResponseStreamEvent,
    "embeddings": gpt.CreateEmbeddingResponse,
    "moderation": gpt.ModerationCreateResponse,
    "models": ModelList,
    "model": gpt.Model,
    "message": claude.Message,
    "message event": claude.RawMessageStreamEvent,
    "count": claude.MessageTokensCount,
    "OpenAI's error": OpenAIError,
    "Anthropic's error": claude.ErrorResponse,
}
"""What each kind of document is."""

ALWAYS: dict[str, Sequence[tuple[str, tuple[str, ...]]]] = {
    "chat": [
        ("choices/*", ("finish_reason", "index", "logprobs", "message")),
        ("choices/*/message", ("role", "content", "refusal")),
    ],
    "chat chunk": [
        ("", ("choices", "created", "id", "model", "object")),
        ("choices/*", ("delta", "finish_reason", "index")),
    ],
    "completion": [("choices/*", ("finish_reason", "index", "logprobs", "text"))],
    "completion chunk": [("choices/*", ("finish_reason", "index", "logprobs", "text"))],
    "response": [
        ("", ("id", "object", "created_at", "error", "incomplete_details", "instructions", "model", "tools")),
        ("", ("output", "parallel_tool_calls", "metadata", "tool_choice", "temperature", "top_p")),
    ],
    "OpenAI's error": [("error", ("message", "type", "param", "code"))],
    "message": [("", ("stop_reason", "stop_sequence", "usage"))],
    "Anthropic's error": [("", ("request_id",))],
}
"""Members that are always there, though they may be null: the clients' types do not insist on those."""


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def conforms(kind: str, document: Any) -> None:
    """Raises ValidationError or AssertionError when a document is none of its kind."""
    if kind == "completion chunk":  # the client's type has only reasons, a chunk in the middle has none
        ended = [
            {**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in document["choices"]
        ]
        _adapter(kind).validate_json(json.dumps({**document, "choices": ended}), strict=True)
    else:
        _adapter(kind).validate_json(json.dumps(document), strict=True)
    for place, names in ALWAYS.get(kind, ()):
        for found in _at(document, place.split("/") if place else []):
            missing = [name for name in names if name not in found]
            assert not missing, f"{kind} {place}: {missing} missing"


def _at(value: Any, way: list[str]) -> Iterator[Any]:
    if not way:
        yield value
    elif way[0] == "*":
        for item in value:
            yield from _at(item, way[1:])
    else:
        yield from _at(value[way[0]], way[1:])


def events(data: bytes) -> list[dict[str, Any]]:
    """The events of a stream, without `[DONE]`."""
    return [orjson.loads(payload) for payload in Decoder().feed(data) if payload != b"[DONE]"]
