"""A request of `/v1/responses`: its shape, where its texts stand, and how they are changed.

Every string is a text, except the few that are words of the protocol (`responses_words`) and encoded media.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guardrails.types import Edit, Segment, Stage
from proxy.dialects.chat_media import is_media, noted
from proxy.dialects.chat_words import WORD
from proxy.dialects.extension import EXTENSION, retrieved
from proxy.dialects.request_body import wrong_type
from proxy.dialects.responses_edits import apply_edits
from proxy.dialects.responses_texts import CALLER, is_call, is_result, item_texts, kind, texts
from proxy.dialects.responses_words import MEMBERS, OPAQUE, is_media_text
from proxy.dialects.texts import MEMBER, step, strings
from proxy.errors import BadRequest, Code

NAME = "responses"

_APART = frozenset({"model", "input", "stream", EXTENSION})
_DEFINITIONS = frozenset({"tools", "text"})
_STARTS = ("input", "previous_response_id", "prompt", "conversation")
"""Members with which a request begins."""
_HOLDERS = ("content", "output", "outputs")
"""Members of items that hold parts, which can be media."""
OMITTED = "[omitted]"
"""What is stored in place of encoded bytes and of credentials."""
_CREDENTIAL = re.compile(r"/tools/\d+/(?:authorization|headers/[^/]+|.*/domain_secrets/\d+/value)", re.DOTALL)
"""Where a request gives the provider what it needs to use a tool elsewhere."""


# --- parse


def check(request: dict[str, Any]) -> None:
    """Check the shape of a request as far as anything here depends on it; unknown members are welcome.

    Raises BadRequest, naming the member as OpenAI does (`input[0].content`).
    """
    model = request.get("model")
    if model is None:
        raise BadRequest(
            "You must provide a model parameter; the model of a stored prompt is not known here.",
            code=Code.MISSING_REQUIRED_PARAMETER,
            param="model",
        )
    if not isinstance(model, str) or not model:
        raise wrong_type("model", "a non-empty string")
    if not isinstance(request.get("stream"), bool | None):
        raise wrong_type("stream", "a boolean")
    # A request that names none of them may be one: what it is worth is the provider's to say.
    if "input" in request and all(request.get(name) is None for name in _STARTS):
        raise BadRequest(
            f"Missing required parameter: one of {', '.join(map(repr, _STARTS))}.",
            code=Code.MISSING_REQUIRED_PARAMETER,
            param="input",
        )
    given = request.get("input")
    if isinstance(given, list):
        for place, item in enumerate(given):
            _check_item(item, f"input[{place}]")
    elif not isinstance(given, str | None):
        raise wrong_type("input", "a string or an array of objects")


def _check_item(item: Any, where: str) -> None:
    if not isinstance(item, dict):
        raise wrong_type(where, "an object")
    for name in ("type", "role"):
        if not isinstance(item.get(name), str | None):
            raise wrong_type(f"{where}.{name}", "a string")
    content = item.get("content")
    if isinstance(content, list):
        for number, part in enumerate(content):
            if not isinstance(part, dict):
                raise wrong_type(f"{where}.content[{number}]", "an object")
    elif not isinstance(content, str | None):
        raise wrong_type(f"{where}.content", "a string or an array of objects")
    if kind(item) == "function_call" and not isinstance(item.get("arguments"), str | None):
        raise wrong_type(f"{where}.arguments", "a string")


# --- the texts of a request


def segments(request: dict[str, Any]) -> list[Segment]:
    """Every text of a request: instructions, items, tool definitions, retrieved documents, and all other strings."""
    found: list[Segment] = []
    for name, value in request.items():
        if name == "input":
            found += _input_texts(value)
        if name in _APART:
            continue
        if name not in MEMBERS:
            found.append(Segment(name, step(name), Stage.INPUT, "user", MEMBER))
        stage = Stage.TOOL_DEFINITION if name in _DEFINITIONS else Stage.INPUT
        channel = "system" if name in _DEFINITIONS or name == "instructions" else "user"
        found += texts(value, step(name), stage, channel, numbers=True)
    if EXTENSION in request:
        found += retrieved(request[EXTENSION])
    return found


def _input_texts(given: Any) -> Iterator[Segment]:
    if isinstance(given, str):
        if given:
            yield Segment(given, "/input", Stage.INPUT, "user")
        return
    names = tool_names(given or ())
    for place, item in enumerate(given or ()):
        yield from item_texts(item, f"/input/{place}", CALLER, names)


def items(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items of a request's input; a message of the user for an input that is one string."""
    given = request.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": given}]
    return [item for item in given or () if isinstance(item, dict)]


def tool_names(found: Iterable[Any]) -> dict[str, str]:
    """Name of the called tool by the id of the call."""
    return {
        str(item["call_id"]): item["name"]
        for item in found
        if isinstance(item, dict)
        and is_call(kind(item))
        and item.get("call_id")
        and isinstance(item.get("name"), str)
    }


# --- what is no text


def unscannable(request: dict[str, Any]) -> list[tuple[str, Stage]]:
    """(pointer, stage) of every part that holds something other than text, and of other encoded media."""
    parts = [*_media(request)]
    found = [(pointer, _stage(item)) for pointer, item in parts]
    places = tuple(pointer + "/" for pointer, _ in parts)
    found += [(at, Stage.INPUT) for at in _encoded(request) if not (at + "/").startswith(places)]
    return found


def _media(request: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(pointer, its item) of every part of an item, or variable of a prompt, that holds something other than text."""
    prompt = request.get("prompt")
    variables = prompt.get("variables") if isinstance(prompt, dict) else None
    for name, value in variables.items() if isinstance(variables, dict) else ():
        if isinstance(value, dict) and is_media(value):
            yield f"/prompt/variables{step(name)}", {}
    given = request.get("input")
    for place, item in enumerate(given if isinstance(given, list) else ()):
        for name in _HOLDERS:
            held, at = item.get(name), f"/input/{place}/{name}"
            if isinstance(held, dict) and is_media(held):
                yield at, item
            for number, part in enumerate(held if isinstance(held, list) else ()):
                if isinstance(part, dict) and is_media(part):
                    yield f"{at}/{number}", item


def _encoded(request: Mapping[str, Any]) -> Iterator[str]:
    for at, text in strings(request, "", OPAQUE):
        if is_media_text(at, text):
            yield at


def _stage(item: Mapping[str, Any]) -> Stage:
    return Stage.TOOL_RESULT if is_result(kind(item)) else Stage.INPUT


def without_media(request: dict[str, Any]) -> dict[str, Any]:
    """The request as it is stored: notes in place of parts that are not text, no encoded bytes, no credentials."""
    given = request.get("input")
    kept = {**request, "input": [_noted(item) for item in given]} if isinstance(given, list) else request
    sealed = [
        Edit(at, 0, len(text), OMITTED)
        for at, text in strings(kept, "")
        if is_media_text(at, text)
        or (at.rpartition("/")[2] in OPAQUE and len(text) > len(OMITTED))
        or _CREDENTIAL.fullmatch(at)
    ]
    return apply_edits(kept, sealed) if sealed else kept


def _noted(item: dict[str, Any]) -> dict[str, Any]:
    """The item with a note of its type in place of each part that is not text."""
    changed: dict[str, Any] = {}
    for name in _HOLDERS:
        held = item.get(name)
        if isinstance(held, list):
            changed[name] = [noted(part, WORD) if isinstance(part, dict) else part for part in held]
        elif isinstance(held, dict):
            changed[name] = noted(held, WORD)
    return {**item, **changed}
