"""A whole reply of the legacy completions dialect: its texts, its changes, and the replies we make ourselves."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import orjson

from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment
from proxy.dialects import completions_logprobs
from proxy.dialects.chat_reply import REFUSAL, apply_reply, blocked_choices, parse_choices
from proxy.dialects.chat_words import reply_texts
from proxy.dialects.texts import MEMBER
from proxy.errors import UpstreamError

OBJECT = "text_completion"
"""`object` of a reply, and of each chunk of a stream."""


def parse_reply(body: bytes) -> dict[str, Any]:
    """The completion a provider's body holds. Raises UpstreamError when it is none, or tells of an error."""
    reply = parse_choices(body)
    if not all(isinstance(choice.get("text"), str) for choice in reply["choices"]):
        raise UpstreamError("The provider's answer has a choice without a text.")
    return reply


def reply_segments(reply: dict[str, Any]) -> list[Segment]:
    """Every text of a whole reply: the text of all choices, their logprobs, and all beside them."""
    found: list[Segment] = []
    for place, choice in enumerate(reply["choices"]):
        pointer = f"/choices/{place}"
        if choice.get("logprobs"):
            found += completions_logprobs.texts(choice["logprobs"], choice.get("text"), pointer)
        found += reply_texts(choice, pointer, skip=("logprobs",))
    found += reply_texts(reply, "", skip=("choices",))
    return found


def restored(reply: dict[str, Any], edits: Iterable[Edit], vault: Vault) -> dict[str, Any]:
    """A reply with its edits applied, and every pseudonym of this request its value again."""
    found = [segment for segment in reply_segments(reply) if segment.within != MEMBER]
    told = restoring(found, edits, vault)
    return apply_reply(reply, told) if told else reply


def blocked_reply(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with nothing of the model's left in it: every choice ends with `content_filter`."""
    return blocked_choices(reply, {"text": "", "logprobs": None})


def refusal(exchange_id: str, model: str) -> dict[str, Any]:
    """A completion of our own that declines politely; nobody was asked for it, so it has no usage."""
    choice = {"index": 0, "text": REFUSAL, "logprobs": None, "finish_reason": "content_filter"}
    return {
        "id": f"cmpl-{exchange_id}",
        "object": OBJECT,
        "created": int(time.time()),
        "model": model,
        "choices": [choice],
    }


def as_chunks(reply: dict[str, Any]) -> list[bytes]:
    """A whole reply as the JSON of stream chunks, one for each choice."""
    return [orjson.dumps({**reply, "choices": [choice]}) for choice in reply["choices"]]
