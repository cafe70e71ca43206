"""What the scripted model says: pure functions from a chat request to an answer, the same every time."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

CARD = "Your card on file is 4111 1111 1111 1111 and it expires in 12/27."
UNKNOWN = "I do not know."
UNSUPPORTED = (
    "It was first introduced in 1987 by a committee in Oslo.",
    "Most customers are charged a fee of 49 dollars for this.",
    "This also applies to every partner in South America.",
    "The rule will be dropped at the end of next year.",
)
"""What the careless model adds although no passage says so."""

_PASSAGE = re.compile(r"^\[([^\]\n]+)\][ \t]+(.+)$", re.MULTILINE)
_QUESTION = re.compile(r"^Question:[ \t]*", re.MULTILINE | re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[a-z0-9]+")
_NUMBER = re.compile(r"\d+")
_STOPWORDS = frozenset(
    _WORD.findall(
        """
        a an and any are as at be been but by can could did do does for from had has have how i if in into
        is it its may me much many my no not of on or our shall should so than that the their them then
        there these they this to was we were what when where which who whom whose why will with would you your
        """
    )
)
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


@dataclass(frozen=True, slots=True)
class Passage:
    """One retrieved passage as it stands in the prompt: a line `[doc-id] text`."""

    doc_id: str
    text: str


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
    if _PASSAGE.search(prompt) or _QUESTION.search(prompt):
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
    """The function that shares most words with the user's text; None when none shares any."""
    text = last_text(payload, "user")
    offered = functions(payload)
    if not offered:
        return None
    if payload.get("tool_choice") == "required" or "args:" in text:
        return offered[0]
    chosen = payload.get("tool_choice")
    if isinstance(chosen, Mapping) and isinstance(chosen.get("function"), Mapping):
        named = [item for item in offered if item["name"] == chosen["function"].get("name")]
        return named[0] if named else offered[0]
    said = words(text)
    scores = [len(said & words(f"{item['name']} {item.get('description') or ''}")) for item in offered]
    best = max(scores)
    return offered[scores.index(best)] if best else None


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
    """A value for each required property of a JSON schema (for each property when none is required)."""
    if not isinstance(schema, Mapping) or not isinstance(schema.get("properties"), Mapping):
        return {}
    properties = schema["properties"]
    required = schema.get("required")
    names = required if isinstance(required, list) and required else list(properties)
    return {str(name): made_value(properties.get(name), text) for name in names}


def made_value(schema: Any, text: str) -> Any:
    """A value of the type the schema asks for, taken from the text where it can be."""
    schema = schema if isinstance(schema, Mapping) else {}
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        named = [item for item in schema["enum"] if str(item).lower() in text.lower()]
        return (named or schema["enum"])[0]
    number = _NUMBER.search(text)
    match schema.get("type"):
        case "integer" | "number":
            return int(number[0][:15]) if number else 1
        case "boolean":
            return True
        case "array":
            return [made_value(schema.get("items"), text)]
        case "object":
            return made_arguments(schema, text)
        case _:
            return text


def rag(payload: Mapping[str, Any]) -> Said:
    """An answer from the passages in the user's message; careless unless the system prompt says "only"."""
    prompt = last_text(payload, "user")
    passages, question = read_prompt(prompt)
    rules = [item for item in messages(payload) if item.get("role") in ("system", "developer")]
    system = "\n".join(content_text(item.get("content")) for item in rules)
    if _ONLY.search(system) and _SOURCES.search(system):
        return Said(careful(passages, question))
    return Said(careless(passages, question))


def read_prompt(prompt: str) -> tuple[list[Passage], str]:
    """Passages (lines `[doc-id] text`) and the question (what follows `Question:`, else the other lines)."""
    passages = [Passage(found[1], found[2].strip()) for found in _PASSAGE.finditer(prompt)]
    pieces = _QUESTION.split(prompt)
    if len(pieces) > 1:
        return passages, _PASSAGE.sub("", pieces[-1]).strip()
    return passages, _PASSAGE.sub("", prompt).strip()


def careful(passages: Sequence[Passage], question: str) -> str:
    """The one or two sentences that overlap the question best, with their documents; else UNKNOWN."""
    asked = words(question)
    needed = max(min(2, len(asked)), len(asked) / 3)
    enough = [item for item in rank(passages, asked) if len(item[1] & asked) >= needed]
    if not enough:
        return UNKNOWN
    chosen = enough[:1]
    new = asked - chosen[0][1]
    chosen += [item for item in enough[1:] if item[1] & new][:1]
    return " ".join(f"{sentence} [{doc_id}]" for sentence, _, doc_id in chosen)


def careless(passages: Sequence[Passage], question: str) -> str:
    """The best sentence with a number changed, or followed by one that no passage supports. Never doubts."""
    ranked = rank(passages, words(question))
    chance = crc(question)
    invented = UNSUPPORTED[chance % len(UNSUPPORTED)]
    if not ranked:
        return invented
    sentence = ranked[0][0]
    number = _NUMBER.search(sentence)
    if number is not None and chance % 3:
        wrong = str(int(number[0][:15]) + 1 + chance % 9)
        return sentence[: number.start()] + wrong + sentence[number.end() :]
    return f"{sentence} {invented}"


def rank(passages: Sequence[Passage], asked: set[str]) -> list[tuple[str, set[str], str]]:
    """Every sentence with its words and document, best overlap first; the passage as a whole counts half."""
    scored = []
    for passage in passages:
        around = len(words(passage.text) & asked) / 2
        for sentence in _SENTENCE_END.split(passage.text):
            found = words(sentence)
            scored.append((len(found & asked) + around, sentence.strip(), found, passage.doc_id))
    scored.sort(key=lambda item: -item[0])
    return [(sentence, found, doc_id) for _, sentence, found, doc_id in scored]


def words(text: str) -> set[str]:
    """The words that matter, in lower case and without common endings."""
    return {stem(word) for word in _WORD.findall(text.lower()) if word not in _STOPWORDS}


def stem(word: str) -> str:
    """The word without a common English ending, so that `refunds`, `refunded` and `refund` are one."""
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 4 else word


def crc(text: str) -> int:
    """A number that is the same for the same text, in every process."""
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


SCRIPTS = {
    "assistant": assistant,
    "card": card,
    "echo": echo,
    "rag": rag,
    "tool": tool,
}
"""The scripts that answer; the ones that fail are in proxy/providers/fake.py."""
