"""What one exchange is, and short ways to write one down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

CHAT = "/v1/chat/completions"
COMPLETIONS = "/v1/completions"
EMBEDDINGS = "/v1/embeddings"
MODERATIONS = "/v1/moderations"
RESPONSES = "/v1/responses"
MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
OPENAI = {
    "x-request-id": "req_8f1b2c3d4e5f60718293a4b5c6d7e8f9",
    "openai-organization": "org-quiet-harbour",
    "openai-processing-ms": "412",
    "openai-version": "2020-10-01",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999968",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "0s",
}
"""Headers of OpenAI's that a caller reads."""


@dataclass(frozen=True)
class Recorded:
    """One request and the bytes that a provider answered with."""

    name: str
    path: str
    request: bytes
    answer: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {**JSON, **OPENAI})
    vendor: str = "openai"

    @property
    def streamed(self) -> bool:
        """Whether the answer is an event stream."""
        return self.headers["content-type"].startswith("text/event-stream")


def asked(**members: Any) -> bytes:
    """A request as Python's clients write it."""
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()


def told(document: Any, indent: int | None = 2) -> bytes:
    """A reply as OpenAI writes it: indented, and with a line end. Others leave `indent` out."""
    return json.dumps(document, indent=indent).encode() + b"\n" * bool(indent)


def chunks(parts: Sequence[Any], done: bool = True, end: bytes = b"\n\n") -> bytes:
    """Events without names; a part that is bytes stands as it is."""
    frames = [
        part
        if isinstance(part, bytes)
        else b"data: " + json.dumps(part, separators=(",", ":")).encode() + end
        for part in parts
    ]
    return b"".join(frames) + (b"data: [DONE]" + end) * done


def events(parts: Sequence[dict[str, Any]], numbered: bool = True) -> bytes:
    """Events named by their type, numbered as OpenAI's Responses are, or not as Anthropic's are."""
    frames = []
    for number, part in enumerate(parts):
        data = {**part, "sequence_number": number} if numbered else part
        frames.append(f"event: {part['type']}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n")
    return "".join(frames).encode()


def user(content: Any) -> list[dict[str, Any]]:
    """A conversation of one message."""
    return [{"role": "user", "content": content}]
