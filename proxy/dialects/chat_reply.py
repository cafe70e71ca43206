"""A whole reply of the chat dialect: its texts, its changes, and the replies we make ourselves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment
from proxy.dialects import chat_logprobs
from proxy.dialects.chat import apply_edits
from proxy.dialects.chat_words import call_texts, function_texts, plain, reply_texts
from proxy.dialects.openai_errors import in_band
from proxy.dialects.reply_body import reply_object
from proxy.dialects.texts import MEMBER
from proxy.errors import UpstreamError

REFUSAL = "This request was refused by the policy of this service."
"""What a blocked caller reads where the policy's block_style is `refusal`."""

_APART = ("message", "logprobs")
"""Members of a choice that are inspected in a way of their own."""


def parse_reply(body: bytes) -> dict[str, Any]:
    """The completion a provider's body holds. Raises UpstreamError when it is none, or tells of an error."""
    reply = parse_choices(body)
    if not all(isinstance(choice.get("message"), dict) for choice in reply["choices"]):
        raise UpstreamError("The provider's answer has a choice without a message.")
    for choice in reply["choices"]:
        if not isinstance(choice["message"].get("tool_calls"), list | None):
            raise UpstreamError("The provider's answer has tool calls that are no list.")
        _write_arguments(choice["message"])
    return reply


def parse_choices(body: bytes) -> dict[str, Any]:
    """A body that is an object with choices. Raises UpstreamError when it is none, or tells of an error."""
    reply = parse_object(body)
    choices = reply.get("choices")
    if not isinstance(choices, list) or not choices:
        raise UpstreamError("The provider's answer has no choices.")
    if not all(isinstance(choice, dict) for choice in choices):
        raise UpstreamError("The provider's answer has a choice that is no object.")
    return reply


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body holds. Raises UpstreamError when it is none, or tells of an error."""
    reply = reply_object(body)
    if reply.get("error"):
        raise in_band(reply["error"])
    return reply


def _write_arguments(message: dict[str, Any]) -> None:
    """Makes arguments that a provider gives as JSON the text that they should be: as such they are judged."""
    calls = message.get("tool_calls")
    made = (
        [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    )
    for body in (*made, message.get("function_call")):
        if isinstance(body, dict) and not isinstance(body.get("arguments"), str | None):
            body["arguments"] = orjson.dumps(body["arguments"]).decode()


def reply_segments(reply: dict[str, Any]) -> list[Segment]:
    """Every text of a whole reply: content, reasoning, refusal, tool calls, of all choices, and all beside them."""
    found: list[Segment] = []
    for place, choice in enumerate(reply["choices"]):
        pointer = f"/choices/{place}"
        found += _message_texts(choice["message"], pointer + "/message")
        if choice.get("logprobs"):
            found += chat_logprobs.texts(choice["logprobs"], choice["message"], pointer)
        found += reply_texts(choice, pointer, skip=_APART)
    found += reply_texts(reply, "", skip=("choices",))
    return found


def _message_texts(message: dict[str, Any], pointer: str) -> Iterator[Segment]:
    calls, function = message.get("tool_calls"), message.get("function_call")
    apart = []
    if isinstance(calls, list):
        apart.append("tool_calls")
        yield from call_texts(calls, f"{pointer}/tool_calls")
    if isinstance(function, dict):
        apart.append("function_call")
        yield from function_texts(function, f"{pointer}/function_call")
    yield from reply_texts(message, pointer, skip=apart)


def apply_reply(reply: dict[str, Any], edits: Iterable[Edit]) -> dict[str, Any]:
    """A reply with its edits applied. A choice that changes loses its logprobs: they spell the old text."""
    edits = list(edits)
    changed = apply_edits(
        reply, [edit for edit in edits if not chat_logprobs.POINTER.fullmatch(edit.pointer)]
    )
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
    found = [segment for segment in reply_segments(reply) if segment.within != MEMBER]
    told = restoring(found, edits, vault, contents if structured else ())
    return apply_reply(reply, told) if told else reply


def blocked_reply(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with nothing of the model's left in it: every choice ends with `content_filter`."""
    return blocked_choices(reply, {"message": _nothing(), "logprobs": None})


def blocked_choices(reply: dict[str, Any], nothing: dict[str, Any]) -> dict[str, Any]:
    """The reply with `nothing` in place of what its choices say."""
    kept: dict[str, Any] = {
        name: value
        for name, value in reply.items()
        if name in ("id", "object", "created", "model", "usage") and not reply_texts({name: value}, "")
    }
    kept["choices"] = [
        {"index": _index(choice, place), **nothing, "finish_reason": "content_filter"}
        for place, choice in enumerate(reply["choices"])
    ]
    return kept


def _index(choice: dict[str, Any], place: int) -> int:
    told = choice.get("index")
    return told if isinstance(told, int) else place


def _nothing() -> dict[str, Any]:
    return {"role": "assistant", "content": "", "refusal": None}


def finish_reasons(reply: dict[str, Any]) -> tuple[str, ...]:
    """The finish reasons of a reply's choices, those that are words."""
    return tuple(word for choice in reply["choices"] if (word := plain(choice.get("finish_reason"))))


def refusal(exchange_id: str, model: str) -> dict[str, Any]:
    """A completion of our own that declines politely; nobody was asked for it, so it has no usage."""
    message = {"role": "assistant", "content": REFUSAL, "refusal": None}
    return {
        "id": f"chatcmpl-{exchange_id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "content_filter"}],
    }


def as_chunks(reply: dict[str, Any]) -> list[bytes]:
    """A whole reply as the JSON of stream chunks: for each choice message and finish reason, then the usage."""
    base = {name: value for name, value in reply.items() if name != "usage"} | {
        "object": "chat.completion.chunk"
    }
    chunks = []
    for choice in reply["choices"]:
        at = choice.get("index", 0)
        spelled = {"logprobs": choice["logprobs"]} if choice.get("logprobs") else {}
        said = {"index": at, "delta": _as_delta(choice["message"]), **spelled, "finish_reason": None}
        last = {"index": at, "delta": {}, "finish_reason": choice.get("finish_reason")}
        chunks += [orjson.dumps({**base, "choices": [part]}) for part in (said, last)]
    if reply.get("usage"):
        chunks.append(orjson.dumps({**base, "choices": [], "usage": reply["usage"]}))
    return chunks


def _as_delta(message: dict[str, Any]) -> dict[str, Any]:
    delta = {name: value for name, value in message.items() if value is not None}
    calls = delta.get("tool_calls")
    if isinstance(calls, list) and all(isinstance(call, dict) for call in calls):
        delta["tool_calls"] = [{"index": place, **call} for place, call in enumerate(calls)]
    return delta
