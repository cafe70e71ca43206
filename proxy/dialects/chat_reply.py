"""A whole reply of the chat dialect: its texts, its changes, and the replies we make ourselves."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage
from proxy.dialects.chat import NO_TEXT, STRUCTURE, apply_edits, call_segments, function_segments
from proxy.dialects.texts import step, strings
from proxy.errors import UpstreamError

REFUSAL = "This request was refused by the policy of this service."
"""What a blocked caller reads where the policy's block_style is `refusal`."""

_CHOICE_SKIP = frozenset({"index", "message", "finish_reason", "logprobs", "content_filter_results"})
_REPLY_SKIP = frozenset(
    {"id", "object", "created", "model", "system_fingerprint", "service_tier", "usage", "choices"}
)


def parse_reply(body: bytes) -> dict[str, Any]:
    """The completion a provider's body holds. Raises UpstreamError when it is none, or tells of an error."""
    try:
        reply = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise UpstreamError("The provider's answer is not valid JSON.") from None
    if not isinstance(reply, dict):
        raise UpstreamError("The provider's answer is not a JSON object.")
    if reply.get("error"):
        raise in_band(reply["error"])
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices:
        raise UpstreamError("The provider's answer has no choices.")
    if not all(isinstance(choice, dict) and isinstance(choice.get("message"), dict) for choice in choices):
        raise UpstreamError("The provider's answer has a choice without a message.")
    return reply


def in_band(error: Any) -> UpstreamError:
    """The error for one that a provider told inside an answer it called a success; its code is kept."""
    code = _word(error.get("code")) if isinstance(error, dict) else None
    return UpstreamError("The provider reported an error in place of an answer.", code=code)


def provider_error(body: bytes) -> tuple[str, str | None] | None:
    """(type, code) of an error body as OpenAI writes it; None when it is written otherwise."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    return _word(error.get("type")) or "api_error", _word(error.get("code"))


def _word(value: Any) -> str | None:
    """A value that is a word of a protocol, not a text; None for any other."""
    return value if isinstance(value, str) and re.fullmatch(r"[\w.-]{1,64}", value) else None


def reply_segments(reply: dict[str, Any]) -> list[Segment]:
    """Every text of a whole reply: content, reasoning, refusal, tool arguments, of all choices."""
    found: list[Segment] = []
    for place, choice in enumerate(reply["choices"]):
        pointer = f"/choices/{place}/message"
        for name, value in choice["message"].items():
            if name == "tool_calls" and isinstance(value, list):
                found += _tool_call_texts(value, pointer)
            elif name == "function_call":
                found += function_segments(value, f"{pointer}/function_call", Stage.TOOL_CALL, "assistant")
            elif value and name not in STRUCTURE:
                found += texts(value, pointer + step(name))
        for name, value in choice.items():
            if name not in _CHOICE_SKIP and isinstance(value, str | list | dict):
                found += texts(value, f"/choices/{place}{step(name)}")
    for name, value in reply.items():
        if name not in _REPLY_SKIP and isinstance(value, str | list | dict):
            found += texts(value, step(name))
    return found


def _tool_call_texts(calls: list[Any], pointer: str) -> Iterator[Segment]:
    yield from call_segments(calls, f"{pointer}/tool_calls", Stage.TOOL_CALL, "assistant")
    for place, call in enumerate(calls):
        for kind in ("function", "custom"):
            body = call.get(kind) if isinstance(call, dict) else None
            if isinstance(body, dict) and isinstance(body.get("name"), str) and body["name"]:
                at = f"{pointer}/tool_calls/{place}/{kind}/name"
                yield Segment(body["name"], at, Stage.TOOL_CALL, "assistant")


def texts(value: Any, pointer: str) -> list[Segment]:
    """Every text inside one member of a reply."""
    return [Segment(text, at, Stage.OUTPUT, "assistant") for at, text in strings(value, pointer, NO_TEXT)]


def apply_reply(reply: dict[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """A reply with its edits applied. A choice that changes loses its logprobs: they spell the old text."""
    edits = list(edits)
    changed = apply_edits(reply, edits)
    touched = {edit.pointer.split("/")[2] for edit in edits if edit.pointer.startswith("/choices/")}
    if any(reply["choices"][int(place)].get("logprobs") for place in touched):
        changed["choices"] = [
            {**choice, "logprobs": None} if str(place) in touched and choice.get("logprobs") else choice
            for place, choice in enumerate(changed["choices"])
        ]
    return changed


def is_structured(request: dict[str, Any]) -> bool:
    """Whether the caller asked for a reply that is JSON."""
    wanted = request.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def restored(
    reply: dict[str, Any], edits: Iterable[Edit], vault: Vault, structured: bool = False
) -> dict[str, Any]:
    """A reply with its edits applied, and every pseudonym of this request its value again.

    `structured` says that the caller asked for JSON: values are then quoted as the content's strings need it.
    """
    contents = [f"/choices/{place}/message/content" for place in range(len(reply["choices"]))]
    told = restoring(reply_segments(reply), edits, vault, contents if structured else ())
    return apply_reply(reply, told) if told else reply


def blocked_reply(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with nothing of the model's left in it: every choice ends with `content_filter`."""
    kept: dict[str, Any] = {
        name: reply[name] for name in ("id", "object", "created", "model", "usage") if name in reply
    }
    kept["choices"] = [
        {"index": choice.get("index", place), "message": _nothing(), "finish_reason": "content_filter"}
        for place, choice in enumerate(reply["choices"])
    ]
    return kept


def _nothing() -> dict[str, Any]:
    return {"role": "assistant", "content": "", "refusal": None}


def finish_reasons(reply: dict[str, Any]) -> tuple[str, ...]:
    """The finish reasons of a reply's choices, those that it names."""
    return tuple(str(c["finish_reason"]) for c in reply["choices"] if c.get("finish_reason"))


def refusal(exchange_id: str, model: str) -> dict[str, Any]:
    """A completion of our own that declines politely; nobody was asked for it, so it has no usage."""
    message = {"role": "assistant", "content": REFUSAL, "refusal": None}
    return {
        "id": f"chatcmpl-{exchange_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": "content_filter"}],
    }


def as_chunks(reply: dict[str, Any]) -> list[bytes]:
    """A whole reply as the JSON of stream chunks: for each choice its message, then its finish reason."""
    base = {**reply, "object": "chat.completion.chunk"}
    chunks = []
    for choice in reply["choices"]:
        at = choice.get("index", 0)
        said = {"index": at, "delta": _as_delta(choice["message"]), "finish_reason": None}
        last = {"index": at, "delta": {}, "finish_reason": choice.get("finish_reason")}
        chunks += [orjson.dumps({**base, "choices": [part]}) for part in (said, last)]
    return chunks


def _as_delta(message: dict[str, Any]) -> dict[str, Any]:
    delta = {name: value for name, value in message.items() if value is not None}
    if calls := delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
    return delta
