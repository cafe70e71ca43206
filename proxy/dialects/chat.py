"""The dialect of `/v1/chat/completions`: its shape, where its texts stand, and how they are changed.

Every string of a request and of a reply is a text, except the few that are words of the protocol (`chat_words`)
and encoded media. So a field that OpenAI adds tomorrow is inspected the day it appears.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from guardrails import arguments, redact
from guardrails.types import Edit, Segment, Stage
from proxy.dialects.chat_media import is_encoded, is_media, noted
from proxy.dialects.chat_words import MEMBERS, WORD, is_request_word
from proxy.dialects.extension import EXTENSION, retrieved
from proxy.dialects.instruction import instructed
from proxy.dialects.request_body import check_basics, wrong_type
from proxy.dialects.texts import MEMBER, edited, everything, step
from proxy.errors import BadRequest, Code
from proxy.exchange import ToolCall

NAME = "chat"

_REQUEST_SKIP = frozenset({"model", "messages", "stream", EXTENSION})
_DEFINITIONS = frozenset({"tools", "functions", "response_format"})
_ARGUMENTS = re.compile(
    r"(?:/messages/\d+|/choices/\d+/message)/(?:tool_calls/\d+/function|function_call)/arguments"
)
_NUMBERS = frozenset(
    {"seed", "temperature", "top_p", "n", "max_tokens"}
    | {"max_completion_tokens", "presence_penalty", "frequency_penalty"}
)
_CONTENT = re.compile(r"/messages/\d+/content/\d+/.*", re.DOTALL)
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_CHANNELS = {"system": "system", "developer": "system", "assistant": "assistant"}


# --- parse


def check(request: dict[str, Any]) -> None:
    """Check the shape of a request as far as anything here depends on it; unknown members are welcome.

    Raises BadRequest, naming the member as OpenAI does (`messages[0].content`).
    """
    check_basics(request)
    _check_messages(request)


def _check_messages(request: dict[str, Any]) -> None:
    messages = request.get("messages")
    if messages is None:
        raise BadRequest(
            "Missing required parameter: 'messages'.", code=Code.MISSING_REQUIRED_PARAMETER, param="messages"
        )
    if not isinstance(messages, list):
        raise wrong_type("messages", "an array of objects")
    if not messages:
        raise BadRequest(
            "Invalid 'messages': empty array. Expected at least one message.",
            code=Code.EMPTY_ARRAY,
            param="messages",
        )
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise wrong_type(f"messages[{place}]", "an object")
        role = message.get("role")
        if not isinstance(role, str):
            raise wrong_type(f"messages[{place}].role", "a string")
        if role not in _ROLES:
            raise BadRequest(
                f"Invalid value for 'messages[{place}].role': expected one of {', '.join(sorted(_ROLES))}.",
                code=Code.INVALID_VALUE,
                param=f"messages[{place}].role",
            )
        content = message.get("content")
        if isinstance(content, list):
            for number, part in enumerate(content):
                if not isinstance(part, dict):
                    raise wrong_type(f"messages[{place}].content[{number}]", "an object")
                if not isinstance(part.get("type"), str | None):
                    raise wrong_type(f"messages[{place}].content[{number}].type", "a string")
        elif not isinstance(content, str | None):
            raise wrong_type(f"messages[{place}].content", "a string or an array of objects")
        calls = message.get("tool_calls")
        if calls is not None and not (isinstance(calls, list) and all(isinstance(c, dict) for c in calls)):
            raise wrong_type(f"messages[{place}].tool_calls", "an array of objects")
        for number, call in enumerate(calls or ()):
            if not isinstance(call.get("function"), dict | None):
                raise wrong_type(f"messages[{place}].tool_calls[{number}].function", "an object")
        if not isinstance(message.get("function_call"), dict | None):
            raise wrong_type(f"messages[{place}].function_call", "an object")


# --- the texts of a request


def segments(request: dict[str, Any]) -> list[Segment]:
    """Every text of a request: messages, tool definitions, retrieved documents, and all other strings."""
    found: list[Segment] = []
    names = _tool_names(request["messages"])
    for place, message in enumerate(request["messages"]):
        found += _message(message, f"/messages/{place}", names)
    for name, value in request.items():
        if name in _REQUEST_SKIP:
            continue
        if name and name not in MEMBERS:
            found.append(Segment(name, step(name), Stage.INPUT, "user", MEMBER))
        if name in _NUMBERS and isinstance(value, int | float):
            continue
        definition = name in _DEFINITIONS
        stage, channel = (Stage.TOOL_DEFINITION, "system") if definition else (Stage.INPUT, "user")
        found += _texts(value, step(name), stage, channel)
    if EXTENSION in request:
        found += retrieved(request[EXTENSION])
    return found


def unscannable(request: dict[str, Any]) -> list[tuple[str, Stage]]:
    """(pointer, stage) of every content part that holds something other than text."""
    return [
        (f"/messages/{place}/content/{number}", _stage(message))
        for place, message in enumerate(request["messages"])
        if isinstance(message.get("content"), list)
        for number, part in enumerate(message["content"])
        if is_media(part)
    ]


def _message(message: dict[str, Any], pointer: str, names: dict[str, str]) -> list[Segment]:
    role = message["role"]
    stage, channel = _stage(message), _CHANNELS.get(role, "user")
    if stage is Stage.TOOL_RESULT:
        name = str(names.get(str(message.get("tool_call_id"))) or message.get("name") or "")
        channel = f"tool:{name if WORD.fullmatch(name) else 'unknown'}"
    found: list[Segment] = []
    for name, value in message.items():
        if name == "content" and isinstance(value, str):
            if value:
                found.append(Segment(value, pointer + "/content", stage, channel))
        elif name == "tool_calls" and value:
            for place, call in enumerate(value):
                at = f"{pointer}/tool_calls/{place}"
                found += _asked(call.get("function"), at + "/function", channel)
                rest = {member: inner for member, inner in call.items() if member != "function"}
                found += _texts(rest, at, Stage.INPUT, channel)
        elif name == "function_call":
            found += _asked(value, pointer + "/function_call", channel)
        elif name != "role":
            found += _texts(value, pointer + step(name), stage, channel)
            if name not in MEMBERS:
                found.append(Segment(name, pointer + step(name), stage, channel, MEMBER))
    return found


def _texts(value: Any, pointer: str, stage: Stage, channel: str) -> Iterator[Segment]:
    """Every text of a request's member, save the words of the protocol in their places, and encoded bytes."""
    for at, text, within in everything(value, pointer):
        if within == MEMBER:
            if text not in MEMBERS:
                yield Segment(text, at, stage, channel, within)
            continue
        if is_request_word(at, text):
            continue
        if _CONTENT.fullmatch(at) and is_encoded(at, text):
            continue
        yield Segment(text, at, stage, channel)


def _asked(function: Any, pointer: str, channel: str) -> Iterator[Segment]:
    """The texts of one called function of the history."""
    if isinstance(function, dict):
        if isinstance(text := function.get("arguments"), str):
            yield from arguments.segments(text, pointer + "/arguments", Stage.INPUT, channel)
            function = {name: value for name, value in function.items() if name != "arguments"}
        yield from _texts(function, pointer, Stage.INPUT, channel)


def _stage(message: dict[str, Any]) -> Stage:
    return Stage.TOOL_RESULT if message["role"] in ("tool", "function") else Stage.INPUT


def _tool_names(messages: list[dict[str, Any]]) -> dict[str, str]:
    """Name of the called tool by the id of the call."""
    return {
        str(call["id"]): call["function"]["name"]
        for message in messages
        for call in message.get("tool_calls") or ()
        if call.get("id") and isinstance(call.get("function"), dict) and call["function"].get("name")
    }


# --- changes


def apply_edits(document: dict[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """A request or a reply with its edits applied: a copy where something changes, the rest shared."""
    return edited(document, edits, _rewrite)


def _rewrite(pointer: str, text: str, edits: list[Edit]) -> str:
    if _ARGUMENTS.fullmatch(pointer):
        return arguments.rewrite(text, edits)
    return redact.apply(text, edits)


def outgoing(request: dict[str, Any], first_token: int | None = None) -> dict[str, Any]:
    """The request for the provider: without our extension, and with what the model must know of tokens.

    `first_token` is the first message that holds one, as `instruction.first_token` finds it.
    """
    if first_token is None and EXTENSION not in request:
        return request
    sent = {name: value for name, value in request.items() if name != EXTENSION}
    if first_token is not None:
        sent["messages"] = instructed(sent["messages"], first_token)
    return sent


def without_media(request: dict[str, Any]) -> dict[str, Any]:
    """The request with each part that holds something other than text replaced by a note of its type."""
    if not any(isinstance(message.get("content"), list) for message in request["messages"]):
        return request
    messages = [
        {**message, "content": [noted(part, WORD) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in request["messages"]
    ]
    return {**request, "messages": messages}


def answered_calls(request: dict[str, Any]) -> list[ToolCall]:
    """The tool calls that the messages after the last assistant message answer, joined by id."""
    messages = request["messages"]
    last = max((n for n, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    results = {str(m.get("tool_call_id")): m for m in messages[last + 1 :] if m["role"] == "tool"}
    if last < 0 or not results:
        return []
    return [
        ToolCall(call.call_id, call.name, call.arguments, _plain(results[call.call_id]), "answered")
        for call in requested_calls(messages[last])
        if call.call_id in results
    ]


def requested_calls(message: dict[str, Any]) -> list[ToolCall]:
    """The tool calls an assistant message asks for."""
    calls = []
    asked = message.get("tool_calls")
    for call in asked if isinstance(asked, list) else ():
        body = (call.get("function") or call.get("custom")) if isinstance(call, dict) else None
        if not isinstance(body, dict):
            continue
        text = body.get("arguments", body.get("input", ""))
        text = text if isinstance(text, str) else orjson.dumps(text).decode()
        calls.append(ToolCall(str(call.get("id") or ""), str(body.get("name") or ""), text))
    if isinstance(body := message.get("function_call"), dict):
        calls.append(ToolCall("", str(body.get("name") or ""), str(body.get("arguments") or "")))
    return calls


def _plain(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    return content or ""
