"""The dialect of `/v1/chat/completions`: its shape, where its texts stand, and how they are changed.

Every string of a request and of a reply is a text, except the few that are structure (`role`, `type`, ids,
names of tools) and encoded media. So a field that OpenAI adds tomorrow is inspected the day it appears.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from guardrails import arguments, redact
from guardrails.types import Edit, Segment, Stage
from proxy.dialects.chat_media import is_encoded, is_media, noted
from proxy.dialects.instruction import instructed
from proxy.dialects.texts import MEMBER, edited, everything, step, strings
from proxy.errors import BadRequest, Code
from proxy.exchange import RetrievalHit, ToolCall

NAME = "chat"
EXTENSION = "guardhouse"
"""Member of a request that speaks to the proxy; it never reaches a provider."""

STRUCTURE = frozenset({"type", "role", "id", "tool_call_id", "call_id", "object", "format", "detail"})
"""Members whose strings are protocol, not text."""
MEDIA = frozenset({"data", "file_data", "file_id", "signature", "encrypted_content"})
"""Members whose strings are encoded bytes."""

NO_TEXT = STRUCTURE | MEDIA
"""What is left out when strings are collected."""
CALL_NO_TEXT = NO_TEXT | {"name"}
_REQUEST_SKIP = frozenset({"model", "messages", "stream", EXTENSION})
_DEFINITIONS = frozenset({"tools", "functions", "response_format"})
_ARGUMENTS = re.compile(
    r"(?:/messages/\d+|/choices/\d+/message)/(?:tool_calls/\d+/function|function_call)/arguments"
)
_PROTOCOL = re.compile(
    r"/messages/\d+/(?:role|tool_call_id|audio/id|content/\d+/(?:type|(?:image_url/|file/|input_audio/)?"
    r"(?:detail|format|file_id))|tool_calls/\d+/(?:id|type|(?:function|custom)/name)|function_call/name)"
    r"|/tools/\d+/(?:type|(?:function|custom)/name)|/functions/\d+/name"
    r"|/response_format/(?:type|json_schema/name)"
    r"|/tool_choice(?:/type|/(?:function|custom)/name)?|/function_call(?:/name)?"
)
"""Where a request has words of the protocol; there a plain word is not a text."""
_JSON_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_NUMBERS = frozenset(
    {"seed", "temperature", "top_p", "n", "max_tokens"}
    | {"max_completion_tokens", "presence_penalty", "frequency_penalty"}
)
_NAMES = _NUMBERS | frozenset(
    [
        "text",
        "type",
        "role",
        "content",
        "name",
        "id",
        "function",
        "custom",
        "arguments",
        "description",
        "parameters",
        "properties",
        "required",
        "enum",
        "items",
        "default",
        "strict",
        "additionalProperties",
        "schema",
        "json_schema",
        "anyOf",
        "tool_calls",
        "tool_call_id",
        "function_call",
        "refusal",
        "image_url",
        "url",
        "detail",
        "input_audio",
        "data",
        "format",
        "file",
        "file_data",
        "file_id",
        "filename",
        "metadata",
        "user",
        "stop",
        "tools",
        "functions",
        "tool_choice",
        "response_format",
        "prediction",
        "logit_bias",
        "stream_options",
        "include_usage",
        "model",
        "messages",
        "reasoning_effort",
        "parallel_tool_calls",
        "logprobs",
        "top_logprobs",
        "store",
        "service_tier",
        "reasoning_content",
        "audio",
        "voice",
        "modalities",
    ]
)
"""Member names of the protocol itself: never a text."""
_CONTENT = re.compile(r"/messages/\d+/content/\d+/.*", re.DOTALL)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)')
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_WORD = re.compile(r"[\w.:/+-]{1,256}", re.ASCII)
_CHANNELS = {"system": "system", "developer": "system", "assistant": "assistant"}
_MAX_HITS = 1000


# --- parse


def document(body: bytes) -> dict[str, Any]:
    """The JSON object that a body holds. Raises BadRequest for any other body."""
    if not body:
        raise BadRequest("The request has no body: send a JSON object.", code=Code.INVALID_JSON)
    try:
        found = orjson.loads(body)
        same = orjson.dumps(found) == body
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            f"The request body is not valid JSON: {error.msg} (character {error.pos}).",
            code=Code.INVALID_JSON,
        ) from None
    except orjson.JSONEncodeError:
        raise BadRequest("The request body is nested too deeply.", code=Code.INVALID_JSON) from None
    if not isinstance(found, dict):
        raise BadRequest("The request body must be a JSON object.", code=Code.INVALID_JSON)
    # A name given twice is read by us once and by the provider perhaps another way: nobody may hide text so.
    if not same and _members(found) != _key_ends(body):
        raise BadRequest("The request body gives a member twice in one object.", code=Code.INVALID_JSON)
    return found


def check(request: dict[str, Any]) -> None:
    """Check the shape of a request as far as anything here depends on it; unknown members are welcome.

    Raises BadRequest, naming the member as OpenAI does (`messages[0].content`).
    """
    model = request.get("model")
    if model is None:
        raise BadRequest(
            "You must provide a model parameter.", code=Code.MISSING_REQUIRED_PARAMETER, param="model"
        )
    if not isinstance(model, str) or not model:
        raise _wrong_type("model", "a non-empty string")
    if not isinstance(request.get("stream"), bool | None):
        raise _wrong_type("stream", "a boolean")
    count = request.get("n")
    if not isinstance(count, int | None) or isinstance(count, bool):
        raise _wrong_type("n", "an integer")
    _check_messages(request)


def _members(document: Any) -> int:
    """How many members all objects in a document have together."""
    total, stack = 0, [document]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            total += len(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return total


def _key_ends(body: bytes) -> int:
    """How many member names stand in a valid JSON text: the whole strings that a colon follows."""
    return _STRING.findall(body).count(b":")


def _check_messages(request: dict[str, Any]) -> None:
    messages = request.get("messages")
    if messages is None:
        raise BadRequest(
            "Missing required parameter: 'messages'.", code=Code.MISSING_REQUIRED_PARAMETER, param="messages"
        )
    if not isinstance(messages, list):
        raise _wrong_type("messages", "an array of objects")
    if not messages:
        raise BadRequest(
            "Invalid 'messages': empty array. Expected at least one message.",
            code=Code.EMPTY_ARRAY,
            param="messages",
        )
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise _wrong_type(f"messages[{place}]", "an object")
        role = message.get("role")
        if not isinstance(role, str):
            raise _wrong_type(f"messages[{place}].role", "a string")
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
                    raise _wrong_type(f"messages[{place}].content[{number}]", "an object")
                if not isinstance(part.get("type"), str | None):
                    raise _wrong_type(f"messages[{place}].content[{number}].type", "a string")
        elif not isinstance(content, str | None):
            raise _wrong_type(f"messages[{place}].content", "a string or an array of objects")
        calls = message.get("tool_calls")
        if calls is not None and not (isinstance(calls, list) and all(isinstance(c, dict) for c in calls)):
            raise _wrong_type(f"messages[{place}].tool_calls", "an array of objects")
        for number, call in enumerate(calls or ()):
            if not isinstance(call.get("function"), dict | None):
                raise _wrong_type(f"messages[{place}].tool_calls[{number}].function", "an object")
        if not isinstance(message.get("function_call"), dict | None):
            raise _wrong_type(f"messages[{place}].function_call", "an object")


def _wrong_type(param: str, expected: str) -> BadRequest:
    return BadRequest(
        f"Invalid type for '{param}': expected {expected}.", code=Code.INVALID_TYPE, param=param
    )


# --- the extension


def retrieval(request: dict[str, Any]) -> list[RetrievalHit]:
    """The hits that `guardhouse.retrieval` reports, in rank order, as they came. Raises BadRequest."""
    if EXTENSION not in request:
        return []
    extension = request[EXTENSION]
    if not isinstance(extension, dict):
        raise _wrong_type(EXTENSION, "an object")
    if extension.keys() - {"retrieval"}:
        # The caller's own name for it is text nobody has inspected, and errors are stored.
        raise BadRequest(f"Unknown member in '{EXTENSION}'.", code=Code.UNKNOWN_PARAMETER, param=EXTENSION)
    given, where = extension.get("retrieval"), f"{EXTENSION}.retrieval"
    if isinstance(given, dict):
        if not isinstance(given.get("query"), str | None):
            raise _wrong_type(f"{where}.query", "a string")
        given, where = given.get("hits"), f"{where}.hits"
    if not isinstance(given, list) or len(given) > _MAX_HITS:
        raise _wrong_type(where, f"an array of at most {_MAX_HITS} hits")
    return [_hit(hit, place, f"{where}[{place}]") for place, hit in enumerate(given)]


def _hit(hit: Any, place: int, where: str) -> RetrievalHit:
    if not isinstance(hit, dict):
        raise _wrong_type(where, "an object")
    if not isinstance(hit.get("doc_id"), str) or not hit["doc_id"]:
        raise _wrong_type(f"{where}.doc_id", "a non-empty string")
    score = hit.get("score")
    if not isinstance(score, int | float | None) or isinstance(score, bool):
        raise _wrong_type(f"{where}.score", "a number")
    if not isinstance(hit.get("text"), str):
        raise _wrong_type(f"{where}.text", "a string")
    return RetrievalHit(place + 1, hit["doc_id"], None if score is None else float(score), hit["text"])


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
        if name and name not in _NAMES:
            found.append(Segment(name, step(name), Stage.INPUT, "user", MEMBER))
        if name in _NUMBERS and isinstance(value, int | float):
            continue
        definition = name in _DEFINITIONS
        stage, channel = (Stage.TOOL_DEFINITION, "system") if definition else (Stage.INPUT, "user")
        found += _texts(value, step(name), stage, channel)
    if EXTENSION in request:
        found += _retrieved(request[EXTENSION])
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
        channel = f"tool:{name if _WORD.fullmatch(name) else 'unknown'}"
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
            if name not in _NAMES:
                found.append(Segment(name, pointer + step(name), stage, channel, MEMBER))
    return found


def call_segments(calls: list[Any], pointer: str, stage: Stage, channel: str) -> Iterator[Segment]:
    """The texts of tool calls: arguments value by value, everything else as it stands."""
    for place, call in enumerate(calls):
        at = f"{pointer}/{place}"
        if isinstance(call, dict):
            yield from function_segments(call.get("function"), at + "/function", stage, channel)
            call = {name: value for name, value in call.items() if name != "function"}
        for where, text in strings(call, at, CALL_NO_TEXT):
            yield Segment(text, where, stage, channel)


def function_segments(function: Any, pointer: str, stage: Stage, channel: str) -> Iterator[Segment]:
    """The texts of one called function, without its name."""
    if isinstance(function, dict):
        if isinstance(text := function.get("arguments"), str):
            yield from arguments.segments(text, pointer + "/arguments", stage, channel)
            function = {name: value for name, value in function.items() if name != "arguments"}
        for where, text in strings(function, pointer, CALL_NO_TEXT):
            yield Segment(text, where, stage, channel)


def _texts(value: Any, pointer: str, stage: Stage, channel: str) -> Iterator[Segment]:
    """Every text of a request's member, save plain words where the protocol has them, and encoded bytes."""
    for at, text, within in everything(value, pointer):
        if within == MEMBER:
            if text not in _NAMES:
                yield Segment(text, at, stage, channel, within)
            continue
        if text in _JSON_TYPES and at.endswith("/type"):
            continue
        if _PROTOCOL.fullmatch(at) and _WORD.fullmatch(text):
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


def _retrieved(extension: dict[str, Any]) -> Iterator[Segment]:
    given, pointer = extension.get("retrieval"), f"/{EXTENSION}/retrieval"
    if isinstance(given, dict):
        if given.get("query"):
            yield Segment(given["query"], f"{pointer}/query", Stage.RETRIEVAL, "user")
        given, pointer = given["hits"], f"{pointer}/hits"
    for place, hit in enumerate(given or ()):
        document_id = hit["doc_id"] if _WORD.fullmatch(hit["doc_id"]) else place + 1
        for where, text in strings(hit, f"{pointer}/{place}"):
            yield Segment(text, where, Stage.RETRIEVAL, f"retrieved:{document_id}")


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
    sent = {name: value for name, value in request.items() if name != EXTENSION}
    if first_token is not None:
        sent["messages"] = instructed(sent["messages"], first_token)
    return sent


def without_media(request: dict[str, Any]) -> dict[str, Any]:
    """The request with each part that holds something other than text replaced by a note of its type."""
    if not any(isinstance(message.get("content"), list) for message in request["messages"]):
        return request
    messages = [
        {**message, "content": [noted(part, _WORD) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else message
        for message in request["messages"]
    ]
    return {**request, "messages": messages}


def stored_retrieval(request: dict[str, Any], hits: list[RetrievalHit]) -> list[RetrievalHit]:
    """The hits with the texts and ids they have in a request to which edits were applied."""
    if not hits:
        return hits
    given = request[EXTENSION]["retrieval"]
    texts = given["hits"] if isinstance(given, dict) else given
    return [
        RetrievalHit(hit.rank, given["doc_id"], hit.score, given["text"], hit.source)
        for hit, given in zip(hits, texts, strict=True)
    ]


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
    for call in message.get("tool_calls") or ():
        body = call.get("function") or call.get("custom")
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
