"""Which content blocks hold something other than text, and what is stored in their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from guardrails.types import Stage
from proxy.dialects.chat_media import is_encoded
from proxy.dialects.chat_words import WORD
from proxy.dialects.messages import blocks, stage_of
from proxy.dialects.texts import strings

_TYPES = ("image", "container_upload")
_WRITTEN = ("text", "content")
"""Kinds of a `source` that hold text."""
_OPAQUE = ("/signature", "/encrypted_content", "/encrypted_index", "/encrypted_stdout")


def unscannable(request: dict[str, Any]) -> list[tuple[str, Stage]]:
    """(pointer, stage) of every block that holds something other than text, also inside tool results."""
    return [
        (at, stage_of(block, role))
        for block, pointer, role in blocks(request)
        for at in _media(block, pointer)
    ]


def without_media(request: dict[str, Any]) -> dict[str, Any]:
    """The request with each block that holds something other than text replaced by a note of its type."""
    changed = {**request}
    if isinstance(request.get("system"), list):
        changed["system"] = [_noted(block) for block in request["system"]]
    changed["messages"] = [
        {**message, "content": [_noted(block) for block in message["content"]]}
        if isinstance(message["content"], list)
        else message
        for message in request["messages"]
    ]
    return changed


def _media(block: dict[str, Any], pointer: str) -> Iterator[str]:
    """Pointers of the block, or of the blocks in it, that are media."""
    if _is_media(_without_inner(block)):
        yield pointer
        return
    for place, item in enumerate(_inner(block)):
        if _is_media(item):
            yield f"{pointer}/content/{place}"


def _without_inner(block: dict[str, Any]) -> dict[str, Any]:
    """The block without the blocks in it."""
    return {name: value for name, value in block.items() if name != "content"} if _inner(block) else block


def _inner(block: dict[str, Any]) -> list[Any]:
    content = block.get("content")
    return content if isinstance(content, list) else []


def _is_media(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    if block.get("type") in _TYPES:
        return True
    source = block.get("source")
    if isinstance(source, dict):
        inner = source.get("content")
        pictured = isinstance(inner, list) and any(_is_media(item) for item in inner)
        return source.get("type") not in _WRITTEN or pictured
    if block.keys() <= {"type", "text", "cache_control", "thinking", "signature"}:
        return False
    if block.get("type") == "redacted_thinking":
        return False
    return any(is_encoded(at, text) for at, text in strings(block, "") if not at.endswith(_OPAQUE))


def _noted(block: dict[str, Any]) -> dict[str, Any]:
    """What is stored of a block: itself, or a note of its type where it is not text."""
    if _is_media(_without_inner(block)):
        kind = block.get("type")
        plain = isinstance(kind, str) and WORD.fullmatch(kind)
        return {"type": kind if plain else "unknown", "omitted": True}
    if any(_is_media(item) for item in _inner(block)):
        return {**block, "content": [_noted(i) if isinstance(i, dict) else i for i in block["content"]]}
    return block
