"""A request of the Messages dialect as the chat request that asks the same of another vendor's model. Pure.

What a chat request cannot say is refused, save what only tunes the answer: LEFT_OUT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from proxy.errors import BadRequest, Code

LEFT_OUT = frozenset(
    {"thinking", "top_k", "service_tier", "cache_control", "context_management", "speed", "inference_geo"}
    | {"diagnostics"}
)
"""Members of a request that are not told to another vendor's model."""

_COPIED = {"temperature": "temperature", "top_p": "top_p", "stop_sequences": "stop", "model": "model"}
_READ = frozenset(
    {*_COPIED, "max_tokens", "messages", "system", "tools", "tool_choice", "metadata", "stream"}
    | {"output_config", "output_format"}
)
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_COUNTED_WHOLE = ("openai", "azure")
"""Vendors that count the tokens of reasoning too, and call the limit so."""


def chat_request(payload: Mapping[str, Any], vendor: str) -> dict[str, Any]:
    """The chat request. Raises BadRequest for what it could not say."""
    if payload.keys() - _READ - LEFT_OUT:
        raise _refused("A member of this request", "")
    asked: dict[str, Any] = {_COPIED[name]: payload[name] for name in _COPIED if name in payload}
    asked["messages"] = [*_system(payload.get("system")), *_messages(payload["messages"])]
    if "max_tokens" in payload:
        limit = "max_completion_tokens" if vendor in _COUNTED_WHOLE else "max_tokens"
        asked[limit] = payload["max_tokens"]
    if payload.get("tools"):
        asked["tools"] = [_tool(tool) for tool in payload["tools"]]
    asked |= _choice(payload.get("tool_choice"))
    user = _dict(payload.get("metadata")).get("user_id")
    if isinstance(user, str):
        asked["user"] = user
    wanted = _dict(_dict(payload.get("output_config")).get("format") or payload.get("output_format"))
    if wanted.get("type") == "json_schema":
        schema = {"name": "answer", "schema": wanted.get("schema"), "strict": True}
        asked["response_format"] = {"type": "json_schema", "json_schema": schema}
    if payload.get("stream"):
        asked |= {"stream": True, "stream_options": {"include_usage": True}}
    return asked


def _system(system: Any) -> list[dict[str, Any]]:
    text = "\n\n".join(_texts(system))
    return [{"role": "system", "content": text}] if text else []


def _messages(messages: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    for message in messages:
        content = message["content"]
        if isinstance(content, str) or message["role"] == "system":
            yield {"role": message["role"], "content": "\n\n".join(_texts(content))}
        elif message["role"] == "assistant":
            yield _assistant(content)
        else:
            yield from _user(content)


def _assistant(content: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    said, calls = list[str](), list[dict[str, Any]]()
    for block in content:
        match block.get("type"):
            case "text":
                said.append(_string(block, "text"))
            case "tool_use":
                written = orjson.dumps(block.get("input") or {}).decode()
                function = {"name": block.get("name"), "arguments": written}
                calls.append({"id": block.get("id"), "type": "function", "function": function})
            case "thinking" | "redacted_thinking":
                pass  # another model's thoughts: signed for it alone
            case _:
                raise _refused("A content block of an assistant's message", "messages")
    message: dict[str, Any] = {"role": "assistant", "content": "".join(said) or None}
    return {**message, "tool_calls": calls} if calls else message


def _user(content: Sequence[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    """First the tools' results, then all else that the user says, pictures in a result too."""
    parts: list[dict[str, Any]] = []
    for block in content:
        if block.get("type") != "tool_result":
            parts += _parts(block)
            continue
        inner = block.get("content") or ""
        told = [{"type": "text", "text": inner}] if isinstance(inner, str) else _listed(inner)
        made = [part for item in told for part in _parts(item)]
        text = "\n".join(part["text"] for part in made if part["type"] == "text")
        yield {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": text}
        parts += [part for part in made if part["type"] != "text"]
    if len(parts) == 1 and parts[0]["type"] == "text":
        yield {"role": "user", "content": parts[0]["text"]}
    elif parts:
        yield {"role": "user", "content": parts}


def _listed(content: Any) -> Sequence[Any]:
    if not isinstance(content, list):
        raise _refused("A tool's result that is neither text nor a list", "messages")
    return content


def _parts(given: Any) -> list[dict[str, Any]]:
    """A block of the user's as content parts."""
    block = _dict(given)
    source = _dict(block.get("source"))
    match block.get("type"), source.get("type"):
        case "text", _:
            return [_text(_string(block, "text"))]
        case "image", "base64":
            return [{"type": "image_url", "image_url": {"url": _data_url(source)}}]
        case "image", "url":
            return [{"type": "image_url", "image_url": {"url": source.get("url")}}]
        case "document", "text":
            return [_text("\n".join([*_named(block), _string(source, "data")]))]
        case "document", "content":
            return [_text("\n".join([*_named(block), *_texts(source.get("content"))]))]
        case "document", "base64":
            file = {"filename": str(block.get("title") or "document"), "file_data": _data_url(source)}
            return [{"type": "file", "file": file}]
        case "search_result", _:
            return [_text("\n".join([*_named(block), *_texts(block.get("content"))]))]
    raise _refused("A content block of a user's message", "messages")


def _string(holder: Mapping[str, Any], name: str) -> str:
    text = holder.get(name)
    if not isinstance(text, str):
        raise _refused("A content block without a text", "messages")
    return text


def _named(block: Mapping[str, Any]) -> list[str]:
    told = [block.get(name) for name in ("title", "source", "context")]
    return [text for text in told if isinstance(text, str) and text]


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content] if content else []
    blocks = content if isinstance(content, list) else []
    if any(not isinstance(_dict(block).get("text"), str) for block in blocks):
        raise _refused("A content block", "messages")
    return [block["text"] for block in blocks]


def _tool(tool: Any) -> dict[str, Any]:
    given = _dict(tool)
    if given.get("type", "custom") != "custom" or not isinstance(given.get("name"), str):
        raise _refused("A tool that the provider itself runs", "tools")
    function = {"name": given["name"], "parameters": given.get("input_schema") or {"type": "object"}}
    kept = {name: given[name] for name in ("description", "strict") if name in given}
    return {"type": "function", "function": {**function, **kept}}


def _choice(choice: Any) -> dict[str, Any]:
    given = _dict(choice)
    kind, made = given.get("type"), dict[str, Any]()
    if kind == "tool":
        made["tool_choice"] = {"type": "function", "function": {"name": given.get("name")}}
    elif isinstance(kind, str) and kind in _CHOICES:
        made["tool_choice"] = _CHOICES[kind]
    elif choice is not None:
        raise _refused("A choice of tools", "tool_choice")
    if given.get("disable_parallel_tool_use"):
        made["parallel_tool_calls"] = False
    return made


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _data_url(source: Mapping[str, Any]) -> str:
    return f"data:{source.get('media_type')};base64,{source.get('data')}"


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _refused(what: str, param: str) -> BadRequest:
    return BadRequest(
        f"{what} cannot be translated for this model, which is not one of Anthropic's."
        " Leave it out, or use a model of Anthropic's.",
        code=Code.UNSUPPORTED_ENDPOINT,
        param=param or None,
    )
