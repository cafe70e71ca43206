"""The tool calls of the Responses dialect: for checks that judge them, and as they are kept with a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from guardrails.conversation import Conversation, Tool, ToolCall
from guardrails.types import Segment
from proxy.dialects.responses import items
from proxy.dialects.responses_texts import is_call, is_result, kind
from proxy.exchange import ToolCall as StoredCall

_ASKED = ("arguments", "input", "action", "actions", "operation", "code", "queries")
"""Members in which a call says what it asks for, the first that is there."""
_BUILT_IN = (
    *("web_search", "file_search", "code_interpreter", "image_generation", "computer", "local_shell"),
    *("shell", "apply_patch", "tool_search"),
)
"""Tools without a name of their own: their types begin so (`web_search_preview`), and their calls end in `_call`."""
_WRITTEN = ("arguments", "input")
"""Those of them that are what the model wrote."""
_ANSWERED = ("output", "outputs", "results", "result")


def conversation(request: dict[str, Any], texts: Sequence[Segment], key: str) -> Conversation:
    """What a request says, with its texts as `responses.segments` gives them and the caller's public key id."""
    given = request.get("input")
    return Conversation(
        texts=texts,
        sent=texts,
        calls=calls(given if isinstance(given, list) else (), "/input"),
        tools=[*_tools(request.get("tools"), "/tools")],
        key=key,
        model=request["model"],
    )


def calls(found: Iterable[Any], pointer: str) -> list[ToolCall]:
    """The tool calls among some items, which stand at that pointer."""
    made = (call(item, f"{pointer}/{place}") for place, item in enumerate(found))
    return [each for each in made if each is not None]


def call(item: Any, pointer: str) -> ToolCall | None:
    """The tool call that an item is; None for any other item."""
    if not isinstance(item, dict) or not is_call(kind(item)) or kind(item) == "program":
        return None
    member, text = _asked(item)
    named = isinstance(item.get("name"), str)
    return ToolCall(
        name=_name(item),
        arguments=text,
        pointer=f"{pointer}/{member}",
        name_pointer=f"{pointer}/{'name' if named else 'type'}",
        id=_id(item),
        served=kind(item).startswith("mcp_"),
    )


def requested(reply: Mapping[str, Any]) -> list[StoredCall]:
    """The tool calls of a reply, with the results of those that the provider ran itself."""
    return [
        _stored(item, _answer(item))
        for item in reply["output"]
        if isinstance(item, dict) and is_call(kind(item))
    ]


def answered(request: Mapping[str, Any]) -> list[StoredCall]:
    """The tool calls that the items after the model's last one answer, joined by id.

    A call of an earlier response that only its provider knows has no arguments here.
    """
    found = items(request)
    last = max((n for n, item in enumerate(found) if _is_models(item)), default=-1)
    asked = {_id(item): item for item in found[: last + 1] if is_call(kind(item))}
    told = []
    for item in found[last + 1 :]:
        if is_result(kind(item)):
            result, of = _plain(item.get("output", item.get("result"))), asked.get(_id(item))
            if of is not None:
                told.append(_stored(of, result))
            elif request.get("previous_response_id") or request.get("conversation"):
                told.append(StoredCall(_id(item), _own_name(item), "", result, "answered"))
    return told


def _is_models(item: Mapping[str, Any]) -> bool:
    type_ = kind(item)
    return item.get("role") == "assistant" or is_call(type_) or type_ == "reasoning"


def _stored(item: Mapping[str, Any], result: str | None) -> StoredCall:
    state = "requested" if result is None else "answered"
    return StoredCall(_id(item), _name(item), _asked(item)[1], result, state)


def _answer(item: Mapping[str, Any]) -> str | None:
    found = next((item[name] for name in _ANSWERED if item.get(name)), None)
    return None if found is None else _plain(found)


def _asked(item: Mapping[str, Any]) -> tuple[str, str]:
    """(member, text) of what a call asks for: a JSON object, save for the input of a custom tool."""
    member = next((name for name in _ASKED if item.get(name) is not None), "arguments")
    value = item.get(member)
    if isinstance(value, dict) or member in _WRITTEN:
        return member, _plain(value)
    return member, _plain({member: value})


def _name(item: Mapping[str, Any]) -> str:
    return _own_name(item) or kind(item).removesuffix("_call")


def _own_name(item: Mapping[str, Any]) -> str:
    return item["name"] if isinstance(item.get("name"), str) else ""


def _id(item: Mapping[str, Any]) -> str:
    return str(item.get("call_id") or item.get("id") or "")


def _plain(value: Any) -> str:
    """A string as it is, the texts of a list of parts joined, anything else as JSON."""
    if isinstance(value, str):
        return value
    if (
        isinstance(value, list)
        and value
        and all(isinstance(p, dict) and isinstance(p.get("text"), str) for p in value)
    ):
        return "".join(part["text"] for part in value)
    return "" if value is None else orjson.dumps(value).decode()


def _tools(offered: Any, pointer: str) -> Iterator[Tool]:
    for place, tool in enumerate(offered if isinstance(offered, list) else ()):
        if not isinstance(tool, dict):
            continue
        at = f"{pointer}/{place}"
        if isinstance(tool.get("name"), str):
            given = tool.get("parameters")
            yield Tool(tool["name"], f"{at}/name", given if isinstance(given, dict) else None)
        else:
            type_ = str(tool.get("type"))
            yield from (Tool(name, f"{at}/type") for name in _BUILT_IN if f"{type_}_".startswith(f"{name}_"))
        yield from _tools(tool.get("tools"), f"{at}/tools")
