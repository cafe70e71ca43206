"""A whole reply of the Responses dialect: its texts, its changes, and the replies we make ourselves."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage
from proxy.dialects.chat_reply import REFUSAL
from proxy.dialects.chat_words import plain
from proxy.dialects.openai_errors import in_band
from proxy.dialects.reply_body import reply_object
from proxy.dialects.responses import tool_names
from proxy.dialects.responses_edits import apply_edits
from proxy.dialects.responses_texts import CALLER, MODEL, item_texts, texts
from proxy.dialects.responses_words import MEMBERS
from proxy.dialects.texts import MEMBER, step
from proxy.errors import UpstreamError

_DEFINED = frozenset({"tools", "text"})
_ECHOED = _DEFINED | {
    "instructions",
    "metadata",
    "prompt",
    "tool_choice",
    "user",
    "safety_identifier",
    "prompt_cache_key",
}
"""Members in which a reply repeats its request."""
FILTERED = {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
"""How the API says that an answer was filtered."""


def parse_reply(body: bytes) -> dict[str, Any]:
    """The response a provider's body holds. Raises UpstreamError when it is none, or only tells of an error.

    A response that failed says so in its own `error`, and is one.
    """
    reply = reply_object(body)
    if not isinstance(reply.get("output"), list):
        if reply.get("error"):
            raise in_band(reply["error"])
        raise UpstreamError("The provider's answer has no output.")
    return reply


def reply_texts(reply: dict[str, Any]) -> list[Segment]:
    """Every text of a whole reply: all items, what it repeats of the request, and everything beside them."""
    found: list[Segment] = []
    output = reply.get("output")
    if isinstance(output, list):
        names = tool_names(output)
        for place, item in enumerate(output):
            found += item_texts(item, f"/output/{place}", MODEL, names)
    for name, value in reply.items():
        if name != "output" or not isinstance(value, list):
            found += member_texts(name, value)
    return found


def member_texts(name: str, value: Any) -> Iterator[Segment]:
    """Every text of one member of a reply; what repeats the request stands where that stood."""
    at = step(name)
    if name not in MEMBERS:
        yield Segment(name, at, Stage.OUTPUT, "assistant", MEMBER)
    if name == "instructions" and isinstance(value, list):
        for place, item in enumerate(value):
            yield from item_texts(item, f"{at}/{place}", CALLER, {})
    elif name in _ECHOED:
        channel = "system" if name in _DEFINED or name == "instructions" else "user"
        yield from texts(value, at, Stage.TOOL_DEFINITION if name in _DEFINED else Stage.INPUT, channel)
    else:
        yield from texts(value, at, Stage.OUTPUT, "assistant")


def is_structured(request: dict[str, Any]) -> bool:
    """Whether the caller asked for a reply that is JSON."""
    wanted = request.get("text")
    form = wanted.get("format") if isinstance(wanted, dict) else None
    return isinstance(form, dict) and form.get("type") in ("json_object", "json_schema")


def restored(
    reply: dict[str, Any], edits: Iterable[Edit], vault: Vault, structured: bool = False
) -> dict[str, Any]:
    """A reply with its edits applied, and every pseudonym of this request its value again.

    `structured` says that the caller asked for JSON: values are then quoted as the output's strings need it.
    """
    found = [segment for segment in reply_texts(reply) if segment.within != MEMBER]
    told = restoring(found, edits, vault, [*_said(reply)] if structured else ())
    return apply_edits(reply, told) if told else reply


def _said(reply: dict[str, Any]) -> Iterator[str]:
    """The pointers of what a reply says: the texts of its messages."""
    for place, item in enumerate(reply["output"]):
        content = item.get("content") if isinstance(item, dict) else None
        for number, part in enumerate(content if isinstance(content, list) else ()):
            if isinstance(part, dict) and part.get("type") == "output_text":
                yield f"/output/{place}/content/{number}/text"


def blocked_reply(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with nothing of the model's left in it, told as one that was filtered."""
    kept = {
        name: value for name, value in reply.items() if name != "output" and not [*member_texts(name, value)]
    }
    return {**kept, "tools": kept.get("tools", []), "output": [], **FILTERED}


def finish_reasons(reply: dict[str, Any]) -> tuple[str, ...]:
    """Why the reply is incomplete, else its status; nothing where neither is a word."""
    details = reply.get("incomplete_details")
    reason = plain(details.get("reason")) if isinstance(details, dict) else None
    word = reason or plain(reply.get("status"))
    return (word,) if word else ()


def refusal(exchange_id: str, model: str) -> dict[str, Any]:
    """A response of our own that declines politely; nobody was asked for it, so it has no usage."""
    said = {"type": "output_text", "text": REFUSAL, "annotations": [], "logprobs": []}
    message = {"type": "message", "id": f"msg_{exchange_id}", "role": "assistant", "status": "incomplete"}
    return {
        "id": f"resp_{exchange_id}",
        "object": "response",
        "created_at": int(time.time()),
        "model": model,
        "error": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": None,
        "top_p": None,
        "tool_choice": "auto",
        "tools": [],
        "output": [{**message, "content": [said]}],
        **FILTERED,
    }
