"""Responses as a provider sends them, whole and streamed."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.dialects.responses_events import Cut, events, frame
from tests.servers import Script, raw, stream

USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 3,
}


def message(text: str, **more: Any) -> dict[str, Any]:
    """An item that says a text."""
    part = {"type": "output_text", "text": text, "annotations": [], **more}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def call(arguments: str, name: str = "send", id: str = "call_1") -> dict[str, Any]:
    """An item that calls a function."""
    told = {"call_id": id, "name": name, "arguments": arguments, "status": "completed"}
    return {"type": "function_call", "id": f"fc_{id}", **told}


def reply(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A completed response of these items."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-real",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "output": list(items),
        "usage": USAGE,
        **more,
    }


def payloads(whole: dict[str, Any], cut: Cut = list) -> list[bytes]:
    """The payloads of a stream that tells this response."""
    return [orjson.dumps(event) for event in events(whole, cut)]


def script(body: dict[str, Any], whole: dict[str, Any], cut: Cut = list) -> Script:
    """The provider's answer to a request: a stream where it asks for one."""
    if body.get("stream"):
        return stream([frame(event) for event in events(whole, cut)])
    return raw(orjson.dumps(whole))
