"""A Messages request as checks know it that judge by the conversation, and its tool calls as they are kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from guardrails.conversation import Conversation, Tool, ToolCall
from guardrails.types import Segment
from proxy.dialects.messages import blocks
from proxy.exchange import ToolCall as StoredCall

_RUNS_CODE = ("bash_code_execution", "text_editor_code_execution")
"""What the provider's tool `code_execution` is called as, besides its own name."""


def conversation(request: dict[str, Any], texts: Sequence[Segment], key: str) -> Conversation:
    """What a request says, with its texts as `messages.segments` gives them and the caller's public key id."""
    return Conversation(
        texts=texts,
        sent=texts,
        calls=[call(block, at) for block, at, _ in blocks(request) if is_call(block)],
        tools=[*_tools(request)],
        key=key,
        model=request["model"],
    )


def is_call(block: Any) -> bool:
    """Whether a content block is a call of a tool, the caller's or the provider's own."""
    return isinstance(block, dict) and isinstance(block.get("name"), str) and "input" in block


def call(block: dict[str, Any], pointer: str) -> ToolCall:
    """The call that a block asks for."""
    return ToolCall(
        name=block["name"],
        arguments=_written(block),
        pointer=f"{pointer}/input",
        name_pointer=f"{pointer}/name",
        id=str(block.get("id") or ""),
        served=block.get("type") == "mcp_tool_use",
    )


def reply_calls(reply: dict[str, Any]) -> list[ToolCall]:
    """The tool calls that a whole reply asks for."""
    return [call(block, f"/content/{n}") for n, block in enumerate(reply["content"]) if is_call(block)]


def requested_calls(content: Any) -> list[StoredCall]:
    """The tool calls that the content of an assistant's message asks for, as they are kept."""
    asked = [block for block in content if is_call(block)] if isinstance(content, list) else []
    return [StoredCall(str(block.get("id") or ""), block["name"], _written(block)) for block in asked]


def answered_calls(request: dict[str, Any]) -> list[StoredCall]:
    """The tool calls that the messages after the last assistant message answer, joined by id."""
    messages = request["messages"]
    last = max((n for n, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    results = {
        str(block["tool_use_id"]): block
        for message in messages[last + 1 :]
        for block in (message["content"] if isinstance(message["content"], list) else ())
        if "tool_use_id" in block
    }
    if last < 0 or not results:
        return []
    return [
        StoredCall(asked.call_id, asked.name, asked.arguments, _said(results[asked.call_id]), "answered")
        for asked in requested_calls(messages[last]["content"])
        if asked.call_id in results
    ]


def _written(block: dict[str, Any]) -> str:
    given = block["input"]
    return given if isinstance(given, str) else orjson.dumps(given).decode()


def _said(result: dict[str, Any]) -> str:
    content = result.get("content")
    if isinstance(content, list):
        return "".join(b["text"] for b in content if isinstance(b, dict) and isinstance(b.get("text"), str))
    return content if isinstance(content, str) else ""


def _tools(request: dict[str, Any]) -> Iterator[Tool]:
    for place, tool in enumerate(request.get("tools") or ()):
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            given, at = tool.get("input_schema"), f"/tools/{place}/name"
            yield Tool(tool["name"], at, given if isinstance(given, dict) else None)
            if str(tool.get("type")).startswith("code_execution_"):
                yield from (Tool(name, at) for name in _RUNS_CODE)
