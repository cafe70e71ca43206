"""The scripted model's answer in the shapes of the Responses API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.dialects.responses_events import events, frame
from proxy.providers.fake_reader import crc
from proxy.providers.fake_scripts import Said, content_text

PATH, COUNT = "/v1/responses", "/v1/responses/input_tokens"
_ROLES = {"function_call_output": "tool", "custom_tool_call_output": "tool"}


def as_chat(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The request as the scripts read one: its texts as chat messages, its functions as chat tools."""
    messages = [*_messages(payload)]
    tools = payload.get("tools")
    functions = [
        {"type": "function", "function": tool}
        for tool in (tools if isinstance(tools, list) else ())
        if isinstance(tool, Mapping) and tool.get("type") == "function"
    ]
    choice = payload.get("tool_choice")
    if isinstance(choice, Mapping):
        choice = {"function": {"name": choice.get("name")}}
    return {"messages": messages, "tools": functions, "tool_choice": choice}


def _messages(payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(payload.get("instructions"), str):
        yield {"role": "system", "content": payload["instructions"]}
    given = payload.get("input")
    if isinstance(given, str):
        yield {"role": "user", "content": given}
        return
    for item in given if isinstance(given, list) else ():
        if not isinstance(item, Mapping):
            continue
        role = _ROLES.get(str(item.get("type")), item.get("role"))
        content = item.get("output") if role == "tool" else item.get("content")
        if role:
            yield {"role": role, "content": content_text(content)}


@dataclass(frozen=True, slots=True)
class ResponseAnswer:
    """An answer and everything its JSON needs."""

    said: Said
    model: str
    asked: int
    """Words of the request."""
    created: int
    """Seconds since the epoch."""
    piece: int
    """Characters of each delta."""

    def whole(self) -> dict[str, Any]:
        """The answer as a `response`."""
        given = len(self.said.text.split()) + sum(len(tool.arguments.split()) for tool in self.said.tools)
        return {
            "id": f"resp_{crc(self.said.text + str(self.asked)):08x}",
            "object": "response",
            "created_at": self.created,
            "status": "completed",
            "model": self.model,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "output": self._items(),
            "usage": {
                "input_tokens": self.asked,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens": given,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": self.asked + given,
            },
        }

    def _items(self) -> list[dict[str, Any]]:
        if not self.said.tools:
            part = {"type": "output_text", "text": self.said.text, "annotations": []}
            name = f"msg_{crc(self.said.text):08x}"
            return [
                {"id": name, "type": "message", "role": "assistant", "status": "completed", "content": [part]}
            ]
        return [
            {
                "id": f"fc_{tool.id.removeprefix('call_')}",
                "type": "function_call",
                "status": "completed",
                "call_id": tool.id,
                "name": tool.name,
                "arguments": tool.arguments,
            }
            for tool in self.said.tools
        ]

    def _frames(self) -> list[bytes]:
        told = events(self.whole(), self._cut)
        return [frame(event) for event in told]

    def _cut(self, text: str) -> list[str]:
        return [text[at : at + self.piece] for at in range(0, len(text), self.piece)]

    def parts(self) -> list[bytes]:
        """The events that carry the answer, without the closing one."""
        return self._frames()[:-1]

    def closing(self) -> list[bytes]:
        """The event that ends the stream."""
        return self._frames()[-1:]
