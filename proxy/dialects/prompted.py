"""Where a rendered prompt stands in a request of each dialect: before what the request itself says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proxy.errors import BadRequest, Code

_OPENING = ("system", "developer")
_PARAM = "guardhouse.prompt.name"
_COMPLETIONS = "/v1/completions"

Messages = Sequence[Mapping[str, Any]]
"""Rendered messages as a chat has them, system messages first; contents are texts, or parts of texts."""


def placed(path: str, request: dict[str, Any], messages: Messages, prompt: str | None) -> dict[str, Any]:
    """The request of a route with a rendered prompt in it: messages, or one text for legacy completions.

    What the request itself says in the same place comes after it; where that has the wrong shape it is left as it
    is, for the dialect to refuse. Raises BadRequest where the prompt has no place.
    """
    if prompt is not None:
        return _completion(path, request, prompt)
    if path not in _PLACES:
        kind = "needs a prompt with a text" if path == _COMPLETIONS else "takes no prompt"
        raise _misplaced(f"{path} {kind}: this one has messages.")
    return _PLACES[path](request, messages)


def _completion(path: str, request: dict[str, Any], prompt: str) -> dict[str, Any]:
    if path != _COMPLETIONS:
        raise _misplaced(f"This prompt is a text for {_COMPLETIONS}: it has no messages.")
    if request.get("prompt") is not None:
        raise BadRequest("Send either 'prompt' or 'guardhouse.prompt'.", param="prompt")
    return {**request, "prompt": prompt}


def _chat(request: dict[str, Any], messages: Messages) -> dict[str, Any]:
    given = request.get("messages")
    if not isinstance(given, list | None):
        return request
    return {**request, "messages": [*map(dict, messages), *(given or ())]}


def _responses(request: dict[str, Any], messages: Messages) -> dict[str, Any]:
    """System messages are instructions, which a response that goes on from this one is told anew."""
    told, given = request.get("instructions"), request.get("input")
    if not isinstance(told, str | None) or not isinstance(given, str | list | None):
        return request
    opening, rest = _parted(messages)
    made = dict(request)
    if opening:
        made["instructions"] = _joined(opening, told)
    if rest:
        items = [{"type": "message", "role": each["role"], "content": _items(each)} for each in rest]
        said = [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else given
        made["input"] = [*items, *(said or ())]
    return made


def _items(message: Mapping[str, Any]) -> str | list[dict[str, Any]]:
    content = message["content"]
    kind = "output_text" if message["role"] == "assistant" else "input_text"
    return content if isinstance(content, str) else [{**part, "type": kind} for part in content]


def _messages(request: dict[str, Any], messages: Messages) -> dict[str, Any]:
    given, system = request.get("messages"), request.get("system")
    if not isinstance(given, list | None) or not isinstance(system, str | list | None):
        return request
    opening, rest = _parted(messages)
    made = {**request, "messages": [*map(dict, rest), *(given or ())]}
    if isinstance(system, list):
        made["system"] = [*({"type": "text", "text": text} for text in opening), *system]
    elif opening:
        made["system"] = _joined(opening, system)
    return made


def _joined(opening: Sequence[str], own: str | None) -> str:
    return "\n\n".join((*opening, own) if own else opening)


def _parted(messages: Messages) -> tuple[list[str], Messages]:
    """The texts of the system messages, and the messages after them."""
    count = next((n for n, each in enumerate(messages) if each["role"] not in _OPENING), len(messages))
    contents = (each["content"] for each in messages[:count])
    texts = [c if isinstance(c, str) else "\n\n".join(part["text"] for part in c) for c in contents]
    return texts, messages[count:]


_PLACES: Mapping[str, Callable[[dict[str, Any], Messages], dict[str, Any]]] = {
    "/v1/chat/completions": _chat,
    "/v1/responses": _responses,
    "/v1/responses/compact": _responses,
    "/v1/responses/input_tokens": _responses,
    "/v1/messages": _messages,
    "/v1/messages/count_tokens": _messages,
}


def _misplaced(message: str) -> BadRequest:
    return BadRequest(message, code=Code.UNSUPPORTED_ENDPOINT, param=_PARAM)
