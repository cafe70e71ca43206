"""A trace of `/v1/messages` in the shape that the page of a trace reads: as a chat. Pure.

Texts keep their characters, so the places of findings stay true; only their pointers change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

Json = Mapping[str, Any]

ORIGINAL = "/original"
"""Under this member of a side stands what came, for findings in what a chat has no place for."""
_THOUGHTS = ("reasoning_content", "reasoning")


@dataclass(slots=True)
class _Side:
    """One side of a trace while it is turned into a chat."""

    moved: dict[str, str] = field(default_factory=dict)
    """Old pointer to new one; what stands below an address moves along."""
    messages: list[dict[str, Any]] = field(default_factory=list)

    def pointer(self, old: str) -> str:
        """Where a text stands now."""
        steps = old.split("/")
        for count in range(len(steps), 1, -1):
            if (new := self.moved.get("/".join(steps[:count]))) is not None:
                return "/".join([new, *steps[count:]])
        return ORIGINAL + old

    def turn(self, role: str, content: Any, old: str, base: str = "/messages") -> None:
        """Take in one turn, whose content stood at `old`. Results of tools become turns of their own."""
        if not isinstance(content, list):
            at = f"{base}/{len(self.messages)}"
            self.moved[old] = f"{at}/content"
            self.messages.append({"role": role, "content": content})
            return
        blocks = [(f"{old}/{place}", _dict(block)) for place, block in enumerate(content)]
        for at, block in blocks:
            if block.get("type") == "tool_result":
                self.moved[f"{at}/content"] = f"{base}/{len(self.messages)}/content"
                told = {"tool_call_id": block.get("tool_use_id"), "content": block.get("content")}
                self.messages.append({"role": "tool", **told})
        rest = [(at, block) for at, block in blocks if block.get("type") != "tool_result"]
        if rest:
            self.messages.append(self._message(role, rest, f"{base}/{len(self.messages)}"))

    def _message(self, role: str, blocks: list[tuple[str, Json]], at: str) -> dict[str, Any]:
        message: dict[str, Any] = {"role": role, "content": [], "tool_calls": []}
        for old, block in blocks:
            free = next((name for name in _THOUGHTS if name not in message), None)
            if "input" in block and isinstance(block.get("name"), str):
                new = f"{at}/tool_calls/{len(message['tool_calls'])}/function"
                self.moved |= {f"{old}/name": f"{new}/name", f"{old}/input": f"{new}/arguments"}
                message["tool_calls"].append(_call(block))
            elif isinstance(block.get("thinking"), str) and free is not None:
                self.moved[f"{old}/thinking"] = f"{at}/{free}"
                message[free] = block["thinking"]
            else:
                self._part(message["content"], old, block, f"{at}/content")
        return message

    def _part(self, parts: list[Any], old: str, block: Json, at: str) -> None:
        """The texts of a block, each a part; the block itself when it has none."""
        source, inner = _dict(block.get("source")), block.get("content")
        told = [(f"{old}/{name}", block.get(name)) for name in ("text", "thinking")]
        told.append((f"{old}/source/data", source.get("data") if source.get("type") == "text" else None))
        lists = [(f"{old}/content", inner), (f"{old}/source/content", source.get("content"))]
        for pointer, items in lists:
            for place, item in enumerate(items if isinstance(items, list) else ()):
                told.append((f"{pointer}/{place}/text", _dict(item).get("text")))
        texts = [(pointer, text) for pointer, text in told if isinstance(text, str)]
        for pointer, text in texts:
            self.moved[pointer] = f"{at}/{len(parts)}/text"
            parts.append({"type": "text", "text": text})
        if not texts:
            parts.append({"type": block.get("type")})


def as_chat(trace: Json) -> Json:
    """The trace with its request and reply as a chat has them, and its findings where they stand there."""
    request, response = _dict(trace["request"]), _dict(trace["response"])
    asked, told = _Side(), _Side()
    if request.get("system"):
        asked.turn("system", request["system"], "/system")
    for place, message in enumerate(_list(request.get("messages"))):
        given = _dict(message)
        role = given.get("role")
        asked.turn(str(role), given.get("content"), f"/messages/{place}/content")
    tools = []
    for place, tool in enumerate(_list(request.get("tools"))):
        asked.moved[f"/tools/{place}"] = f"/tools/{place}/function"
        tools.append({"type": "function", "function": _dict(tool)})
    told.turn("assistant", _list(response.get("content")), "/content", "/choices")
    said = told.messages or [{"role": "assistant", "content": ""}]
    told.moved = {old: new.replace("/choices/0", "/choices/0/message", 1) for old, new in told.moved.items()}
    choices = [{"message": message, "finish_reason": response.get("stop_reason")} for message in said]
    sides = {"input": asked, "output": told}
    return {
        **trace,
        "request": trace["request"] and {"messages": asked.messages, "tools": tools, "original": request},
        "response": trace["response"] and {"choices": choices, "original": response},
        "origins": {side: {new: old for old, new in each.moved.items()} for side, each in sides.items()},
        "findings": [
            {**found, "pointer": sides[found["side"]].pointer(str(found["pointer"]))}
            for found in trace["findings"]
        ],
        "reviews": [
            {**said, "pointer": sides[said["side"]].pointer(str(said["pointer"]))}
            for said in trace.get("reviews") or ()
            if said.get("side") in sides
        ],
    }


def _call(block: Json) -> dict[str, Any]:
    given = block["input"]
    written = given if isinstance(given, str) else orjson.dumps(given).decode()
    return {
        "id": block.get("id"),
        "type": "function",
        "function": {"name": block["name"], "arguments": written},
    }


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
