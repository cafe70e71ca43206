"""What the scripted model says: pure functions from a chat request to an answer, the same every time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from proxy.providers.fake_reader import careful, careless, crc, has_passages, read_prompt

CARD = "Your card on file is 4111 1111 1111 1111 and it expires in 12/27."

_NUMBER = re.compile(r"\d+")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_QUOTED = re.compile(r"[\"“]([^\"”]+)[\"”]")
_NAME = re.compile(r"(?<=[\w,:] )[A-Z][\w-]*(?: [A-Z][\w-]*)*")
_LETTERS = re.compile(r"[a-z]+")
_ONLY = re.compile(r"\bonly\b", re.IGNORECASE)
_SOURCES = re.compile(r"\b(passages?|documents?|context|sources?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool the model wants to call."""

    id: str
    name: str
    arguments: str
    """JSON text of an object."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer: text, or tools to call."""

    text: str = ""
    tools: tuple[ToolUse, ...] = ()


def content_text(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list joined by newlines."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, Mapping)]
    return "\n".join(text for text in parts if isinstance(text, str))


def messages(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The request's messages, those that are objects."""
    found = payload.get("messages")
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def last_text(payload: Mapping[str, Any], *roles: str) -> str:
    """The text of the last message with one of those roles; empty when there is none."""
    for message in reversed(messages(payload)):
        if message.get("role") in roles:
            return content_text(message.get("content"))
    return ""


def echo(payload: Mapping[str, Any]) -> Said:
    """The last user message, word for word."""
    return Said(last_text(payload, "user"))


def card(payload: Mapping[str, Any]) -> Said:
    """A sentence with a card number in it."""
    return Said(CARD)


def friendly(payload: Mapping[str, Any]) -> Said:
    """A short answer that quotes the user."""
    return Said(f'Thank you, I have read your message: "{last_text(payload, "user")}"')


def tool(payload: Mapping[str, Any]) -> Said:
    """A call of the caller's first tool; after its result, a sentence that quotes the result."""
    answered = tool_answer(payload)
    tools = functions(payload)
    if answered is not None:
        return answered
    return use(payload, tools[0]) if tools else friendly(payload)


def assistant(payload: Mapping[str, Any]) -> Said:
    """Whatever fits: quote a tool's result, call the tool asked for, answer from passages, or be friendly."""
    answered = tool_answer(payload)
    if answered is not None:
        return answered
    wanted = asked_for(payload)
    if wanted is not None:
        return use(payload, wanted)
    prompt = last_text(payload, "user")
    if has_passages(prompt):
        return rag(payload)
    return friendly(payload)


def tool_answer(payload: Mapping[str, Any]) -> Said | None:
    """A sentence that quotes the tool result at the end of the conversation; None when there is none."""
    history = messages(payload)
    if not history or history[-1].get("role") != "tool":
        return None
    return Said(f"The tool answered: {content_text(history[-1].get('content'))}")


def functions(payload: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The functions the caller offers, none when `tool_choice` is `none`."""
    tools = payload.get("tools")
    if not isinstance(tools, list) or payload.get("tool_choice") == "none":
        return []
    offered = [item.get("function") for item in tools if isinstance(item, Mapping)]
    return [item for item in offered if isinstance(item, Mapping) and isinstance(item.get("name"), str)]


def asked_for(payload: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The function whose name shares most words with the user's text; None when none shares any.

    A `tool_choice` that demands one gets one; a text with `args:` too.
    """
    text = last_text(payload, "user")
    offered = functions(payload)
    if not offered:
        return None
    choice = payload.get("tool_choice")
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        named = [item for item in offered if item["name"] == choice["function"].get("name")]
        return named[0] if named else offered[0]
    said = set(_LETTERS.findall(text.lower()))
    shared = [len(said & set(item["name"].lower().split("_"))) for item in offered]
    if not any(shared) and choice != "required" and written_arguments(text) is None:
        return None
    return offered[shared.index(max(shared))]


def use(payload: Mapping[str, Any], function: Mapping[str, Any]) -> Said:
    """A call of the function, its arguments taken from the JSON after `args:` or made up from the schema."""
    text = last_text(payload, "user")
    arguments = written_arguments(text)
    if arguments is None:
        arguments = orjson.dumps(made_arguments(function.get("parameters"), text)).decode()
    name = str(function["name"])
    return Said(tools=(ToolUse(f"call_{crc(name + arguments):08x}", name, arguments),))


def written_arguments(text: str) -> str | None:
    """The JSON object after `args:`, as written; None when there is none."""
    _, found, rest = text.partition("args:")
    rest = rest.strip()
    start, end = rest.find("{"), rest.rfind("}")
    if not found or start < 0 or end < start:
        return None
    candidate = rest[start : end + 1]
    try:
        orjson.loads(candidate)
    except orjson.JSONDecodeError:
        return None
    return candidate


def made_arguments(schema: Any, text: str) -> dict[str, Any]:
    """A value for each required property of a JSON schema (for each property when none is required).

    Whole numbers come last, from what dates and patterns have left of the text.
    """
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        return {}
    properties = schema["properties"]
    required = schema.get("required")
    names = required if isinstance(required, list) and required else list(properties)
    made: dict[str, Any] = {str(name): None for name in names}
    rest = _DATE.sub(" ", text)
    for name in sorted(made, key=lambda name: _is_number(properties.get(name))):
        asked = properties.get(name)
        made[name] = made_value(asked, rest if _is_number(asked) else text)
        if isinstance(asked, Mapping) and asked.get("pattern") and isinstance(made[name], str):
            rest = rest.replace(made[name], " ")
    return made


def _is_number(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") in ("integer", "number")


def made_value(schema: Any, text: str) -> Any:
    """A value of the type the schema asks for, taken from the text where it can be."""
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        named = [item for item in schema["enum"] if str(item).lower() in text.lower()]
        return (named or schema["enum"])[0]
    match schema.get("type"):
        case "integer" | "number":
            number = _NUMBER.search(text)
            return int(number[0][:15]) if number else 1
        case "boolean":
            return True
        case "array":
            return [made_value(schema.get("items"), text)]
        case "object":
            return made_arguments(schema, text)
        case _:
            return _made_string(schema, text)


def _made_string(schema: Mapping[str, Any], text: str) -> str:
    """The date or the match of the pattern asked for; else what is quoted, a name, or the whole text."""
    if schema.get("format") == "date":
        date = _DATE.search(text)
        return date[0] if date else ""
    if isinstance(schema.get("pattern"), str):
        found = _matching(schema["pattern"], text)
        if found is not None:
            return found
    if quoted := _QUOTED.search(text):
        return quoted[1]
    name = _NAME.search(text)
    return name[0] if name else text


def _matching(pattern: str, text: str) -> str | None:
    """The first whole word that matches a JSON schema's pattern. None when there is none, or it is none of ours."""
    bare = pattern.removeprefix("^").removesuffix("$")
    try:
        found = re.search(rf"(?<![\w-])(?:{bare})(?![\w-])", text)
    except re.error:
        return None
    return found[0] if found else None


def rag(payload: Mapping[str, Any]) -> Said:
    """An answer from the passages in the user's message; careless unless the system prompt says "only"."""
    prompt = last_text(payload, "user")
    passages, question = read_prompt(prompt)
    rules = [item for item in messages(payload) if item.get("role") in ("system", "developer")]
    system = "\n".join(content_text(item.get("content")) for item in rules)
    if _ONLY.search(system) and _SOURCES.search(system):
        return Said(careful(passages, question))
    return Said(careless(passages, question))


SCRIPTS = {
    "assistant": assistant,
    "card": card,
    "echo": echo,
    "rag": rag,
    "tool": tool,
}
"""The scripts that answer; the ones that fail are in proxy/providers/fake.py."""
