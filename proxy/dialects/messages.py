"""The dialect of `/v1/messages`: the shape of a request, where its texts stand, and how they are changed.

Every string of a request is a text, except the few that are words of the protocol (`messages_words`) and
encoded media. So a field that Anthropic adds tomorrow is inspected the day it appears.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from guardrails import arguments, redact
from guardrails.types import Edit, Segment, Stage
from proxy.dialects.chat_words import WORD
from proxy.dialects.extension import EXTENSION, retrieved
from proxy.dialects.messages_words import texts_of
from proxy.dialects.request_body import wrong_type
from proxy.dialects.texts import edited
from proxy.errors import BadRequest, Code

NAME = "messages"

_ROLES = frozenset({"user", "assistant", "system"})
_APART = frozenset({"model", "messages", "system", "stream", EXTENSION})
_DEFINITIONS = frozenset({"tools", "output_config", "output_format"})
_RETRIEVED = frozenset({"search_result", "document"})


# --- parse


def check(request: dict[str, Any]) -> None:
    """Check the shape of a request as far as anything here depends on it; unknown members are welcome.

    Raises BadRequest, naming the member as Anthropic does (`messages.0.content`).
    """
    if request.get("model") is None:
        raise BadRequest("model: Field required", code=Code.MISSING_REQUIRED_PARAMETER, param="model")
    if not isinstance(request["model"], str) or not request["model"]:
        raise wrong_type("model", "a non-empty string")
    if not isinstance(request.get("stream"), bool | None):
        raise wrong_type("stream", "a boolean")
    if not isinstance(request.get("tools"), list | None):
        raise wrong_type("tools", "an array of objects")
    if request.get("system") is not None:
        _check_content(request["system"], "system")
    _check_messages(request.get("messages"))


def _check_messages(messages: Any) -> None:
    if messages is None:
        raise BadRequest("messages: Field required", code=Code.MISSING_REQUIRED_PARAMETER, param="messages")
    if not isinstance(messages, list):
        raise wrong_type("messages", "an array of objects")
    if not messages:
        raise BadRequest(
            "messages: at least one message is required", code=Code.EMPTY_ARRAY, param="messages"
        )
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise wrong_type(f"messages.{place}", "an object")
        role = message.get("role")
        if not isinstance(role, str) or role not in _ROLES:
            expected = ", ".join(sorted(_ROLES))
            raise BadRequest(
                f"Invalid value for 'messages.{place}.role': expected one of {expected}.",
                param=f"messages.{place}.role",
            )
        _check_content(message.get("content"), f"messages.{place}.content")


def _check_content(content: Any, where: str) -> None:
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise wrong_type(where, "a string or an array of objects")
    for place, block in enumerate(content):
        if not isinstance(block, dict):
            raise wrong_type(f"{where}.{place}", "an object")
        if not isinstance(block.get("type"), str | None):
            raise wrong_type(f"{where}.{place}.type", "a string")


# --- the texts of a request


def blocks(request: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """(block, pointer, role) of every content block of the system prompt and the messages."""
    holders = [("", "system", request.get("system"))]
    holders += [(f"/messages/{n}", m["role"], m.get("content")) for n, m in enumerate(request["messages"])]
    for pointer, role, content in holders:
        at = f"{pointer}/content" if pointer else "/system"
        for place, block in enumerate(content if isinstance(content, list) else ()):
            yield block, f"{at}/{place}", role


def segments(request: dict[str, Any]) -> list[Segment]:
    """Every text of a request: messages, system prompt, tools, retrieved documents, and all other strings."""
    found: list[Segment] = []
    names = tool_names(request)
    if "system" in request:
        found += _content(request["system"], "/system", Stage.INPUT, "system", names)
    for place, message in enumerate(request["messages"]):
        channel, at = message["role"], f"/messages/{place}"
        found += _content(message["content"], f"{at}/content", Stage.INPUT, channel, names)
        rest = {name: value for name, value in message.items() if name not in ("role", "content")}
        found += texts_of(rest, at, Stage.INPUT, channel, asked=True)
    for name, value in request.items():
        if name not in _APART:
            definition = name in _DEFINITIONS
            stage, channel = (Stage.TOOL_DEFINITION, "system") if definition else (Stage.INPUT, "user")
            found += texts_of({name: value}, "", stage, channel, asked=True)
    if EXTENSION in request:
        found += retrieved(request[EXTENSION])
    return found


def _content(
    content: Any, pointer: str, stage: Stage, channel: str, names: dict[str, str]
) -> Iterator[Segment]:
    """The texts of a content: a string, or blocks."""
    if isinstance(content, str):
        if content:
            yield Segment(content, pointer, stage, channel)
        return
    for place, block in enumerate(content or ()):
        at = f"{pointer}/{place}"
        yield from _block(block, at, *_speaker(block, place, stage, channel, names))


def _block(block: dict[str, Any], pointer: str, stage: Stage, channel: str) -> Iterator[Segment]:
    rest = block
    if isinstance(given := block.get("input"), dict | list):
        rest = {name: value for name, value in block.items() if name != "input"}
        yield from arguments.segments(orjson.dumps(given).decode(), f"{pointer}/input", stage, channel)
    yield from texts_of(rest, pointer, stage, channel, asked=True)


def _speaker(
    block: dict[str, Any], place: int, stage: Stage, channel: str, names: dict[str, str]
) -> tuple[Stage, str]:
    """Stage and channel of one block."""
    if "tool_use_id" in block:
        name = names.get(str(block["tool_use_id"]), "")
        return Stage.TOOL_RESULT, f"tool:{name if WORD.fullmatch(name) else 'unknown'}"
    if block.get("type") in _RETRIEVED and channel == "user":
        told = block.get("source") if block["type"] == "search_result" else block.get("title")
        known = isinstance(told, str) and WORD.fullmatch(told)
        return Stage.RETRIEVAL, f"retrieved:{told if known else place + 1}"
    return stage, channel


def stage_of(block: dict[str, Any], role: str) -> Stage:
    """The stage at which a block of a message stands."""
    return _speaker(block, 0, Stage.INPUT, role, {})[0]


def tool_names(request: dict[str, Any]) -> dict[str, str]:
    """Name of the called tool by the id of the call."""
    return {
        block["id"]: block["name"]
        for block, _, _ in blocks(request)
        if isinstance(block.get("id"), str) and isinstance(block.get("name"), str)
    }


# --- changes


def apply_edits(document: dict[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """A request or a reply with its edits applied: a copy where something changes, the rest shared."""
    return edited(document, edits, _rewrite)


def _rewrite(pointer: str, text: str, edits: list[Edit]) -> str:
    """Edits with a `within` are of the values of a JSON text: a tool's input."""
    if any(edit.within for edit in edits):
        return arguments.rewrite(text, edits)
    return redact.apply(text, edits)


def without_extension(request: dict[str, Any]) -> dict[str, Any]:
    """The request without what it says to the proxy."""
    return {name: value for name, value in request.items() if name != EXTENSION}
