"""A chat request as checks know it that judge by the conversation: its texts, tools and tool calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from guardrails.conversation import Conversation, Tool, ToolCall
from guardrails.types import Segment
from proxy.dialects.chat_calls import Call
from proxy.dialects.texts import step

_CALLING = frozenset({"tool_calls", "function_call"})
"""Members of a message that hold the tool calls which `calls` gives."""


def conversation(request: dict[str, Any], texts: Sequence[Segment], key: str) -> Conversation:
    """What a request says, with its texts as `chat.segments` gives them and the caller's public key id."""
    return Conversation(
        texts=texts,
        sent=texts,
        calls=[
            call
            for place, message in enumerate(request["messages"])
            if not _CALLING.isdisjoint(message)
            for call in calls(message, f"/messages/{place}")
        ],
        tools=[*_tools(request)],
        key=key,
        model=request["model"],
    )


def reply_calls(reply: dict[str, Any]) -> list[ToolCall]:
    """The tool calls that all choices of a whole reply ask for."""
    return [
        call
        for place, choice in enumerate(reply["choices"])
        if not _CALLING.isdisjoint(choice["message"])
        for call in calls(choice["message"], f"/choices/{place}/message")
    ]


def streamed_call(call: Call) -> ToolCall:
    """A tool call that came in pieces and is complete."""
    name = str(call.head.get("id") or "")
    return ToolCall(call.name, "".join(call.text), call.text_pointer, call.name_pointer, name)


def calls(message: dict[str, Any], pointer: str) -> Iterator[ToolCall]:
    """The tool calls of one message, in any of the shapes that the dialect has for them."""
    asked = message.get("tool_calls")
    for place, call in enumerate(asked if isinstance(asked, list) else ()):
        if not isinstance(call, dict):
            continue
        at, id = f"{pointer}/tool_calls/{place}", str(call.get("id") or "")
        # What nobody knows the shape of is a call too: a client may carry it out.
        for kind, body in call.items():
            if isinstance(body, dict):
                yield _call(body, "input" if kind == "custom" else "arguments", at + step(kind), id)
        if call.get("name"):
            yield _call(call, "arguments", at, id)
    body = message.get("function_call")
    if isinstance(body, dict):
        yield _call(body, "arguments", f"{pointer}/function_call", "")


def _call(body: dict[str, Any], text: str, pointer: str, id: str) -> ToolCall:
    written = body.get(text, "")
    if not isinstance(written, str):
        written = orjson.dumps(written).decode()
    return ToolCall(str(body.get("name") or ""), written, f"{pointer}/{text}", f"{pointer}/name", id)


def _tools(request: dict[str, Any]) -> Iterator[Tool]:
    for name in ("tools", "functions"):
        offered = request.get(name)
        for place, tool in enumerate(offered if isinstance(offered, list) else ()):
            at = f"/{name}/{place}"
            if not isinstance(tool, dict):
                continue
            if name == "functions":
                yield from _tool(tool, at)
            else:
                for kind in ("function", "custom"):
                    yield from _tool(tool.get(kind), f"{at}/{kind}")


def _tool(body: Any, pointer: str) -> Iterator[Tool]:
    if isinstance(body, dict) and isinstance(body.get("name"), str):
        given = body.get("parameters")
        yield Tool(body["name"], f"{pointer}/name", given if isinstance(given, dict) else None)
