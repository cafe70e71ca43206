"""A whole reply of the Messages dialect: its texts, its changes, and the replies we make ourselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from guardrails import arguments
from guardrails.pseudonyms import Vault, restoring
from guardrails.types import Edit, Segment, Stage
from proxy import sse
from proxy.dialects.chat_reply import REFUSAL
from proxy.dialects.chat_words import plain
from proxy.dialects.messages import apply_edits
from proxy.dialects.messages_conversation import is_call
from proxy.dialects.messages_errors import in_band
from proxy.dialects.messages_words import texts_of
from proxy.dialects.reply_body import reply_object
from proxy.dialects.texts import MEMBER
from proxy.errors import UpstreamError

DELTAS = {"text": "text_delta", "thinking": "thinking_delta"}
"""Member of a block whose text is streamed, to the type of its deltas."""


def parse_reply(body: bytes) -> dict[str, Any]:
    """The message a provider's body holds. Raises UpstreamError when it is none, or tells of an error."""
    reply = _object(body)
    content = reply.get("content")
    if not isinstance(content, list):
        raise UpstreamError("The provider's answer has no content.")
    if not all(isinstance(block, dict) for block in content):
        raise UpstreamError("The provider's answer has a content block that is none.")
    return reply


def parse_count(body: bytes) -> dict[str, Any]:
    """The count of tokens a provider's body holds. Raises UpstreamError as `parse_reply` does."""
    reply = _object(body)
    if not isinstance(reply.get("input_tokens"), int):
        raise UpstreamError("The provider's answer has no count of tokens.")
    return reply


def _object(body: bytes) -> dict[str, Any]:
    reply = reply_object(body)
    if reply.get("error"):
        raise in_band(reply["error"])
    return reply


def reply_segments(reply: dict[str, Any]) -> list[Segment]:
    """Every text of a whole reply: text, thinking, tool calls, citations, and all beside them."""
    found: list[Segment] = []
    blocks = _content(reply)
    for place, block in enumerate(blocks):
        found += block_texts(block, f"/content/{place}")
    rest = {name: value for name, value in reply.items() if name != "content" or not blocks}
    return [*found, *texts_of(rest, "", Stage.OUTPUT, "assistant")]


def _content(reply: dict[str, Any]) -> list[dict[str, Any]]:
    """The content blocks of a reply; none where its content is something else, as in a count of tokens."""
    content = reply.get("content")
    blocks = content if isinstance(content, list) else []
    return blocks if all(isinstance(block, dict) for block in blocks) else []


def block_texts(block: dict[str, Any], pointer: str) -> Iterator[Segment]:
    """The texts of one content block of a reply. The input of a call is looked at value by value."""
    stage = Stage.TOOL_CALL if is_call(block) else Stage.OUTPUT
    if isinstance(given := block.get("input"), dict | list):
        yield from arguments.segments(orjson.dumps(given).decode(), f"{pointer}/input", stage, "assistant")
        block = {name: value for name, value in block.items() if name != "input"}
    yield from texts_of(block, pointer, stage, "assistant")


def is_structured(request: dict[str, Any]) -> bool:
    """Whether the caller asked for text that is JSON."""
    config = request.get("output_config")
    wanted = config.get("format") if isinstance(config, dict) else request.get("output_format")
    return isinstance(wanted, dict) and wanted.get("type") == "json_schema"


def restored(
    reply: dict[str, Any], edits: Iterable[Edit], vault: Vault, structured: bool = False
) -> dict[str, Any]:
    """A reply with its edits applied, and every pseudonym of this request its value again.

    `structured` says that the caller asked for JSON: values are then quoted as the text's strings need it.
    """
    contents = [f"/content/{place}/text" for place in range(len(_content(reply)))]
    found = [segment for segment in reply_segments(reply) if segment.within != MEMBER]
    told = restoring(found, edits, vault, contents if structured else ())
    return apply_edits(reply, told) if told else reply


def blocked_reply(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply with nothing of the model's left in it: it ends with `refusal`."""
    kept = {
        name: value
        for name, value in reply.items()
        if name in ("id", "type", "role", "model", "usage")
        and not [*texts_of({name: value}, "", Stage.OUTPUT, "assistant")]
    }
    return {**kept, "content": [], "stop_reason": "refusal", "stop_sequence": None}


def finish_reasons(reply: dict[str, Any]) -> tuple[str, ...]:
    """Why the reply ended, if that is a word."""
    word = plain(reply.get("stop_reason"))
    return (word,) if word else ()


def refusal(exchange_id: str, model: str) -> dict[str, Any]:
    """A message of our own that declines politely. Nobody was asked for it: it took no tokens."""
    return {
        "id": f"msg_{exchange_id}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": REFUSAL}],
        "stop_reason": "refusal",
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def as_events(reply: dict[str, Any]) -> bytes:
    """A whole reply as the events of a stream."""
    ends = ("stop_reason", "stop_sequence")
    start = {**reply, "content": [], **{name: None for name in ends if name in reply}}
    frames = [frame({"type": "message_start", "message": start})]
    for index, block in enumerate(reply["content"]):
        frames += _block_events(index, block)
    last: dict[str, Any] = {name: reply[name] for name in ends if name in reply}
    usage = {"usage": reply["usage"]} if "usage" in reply else {}
    frames.append(frame({"type": "message_delta", "delta": last, **usage}))
    return b"".join([*frames, frame({"type": "message_stop"})])


def _block_events(index: int, block: dict[str, Any]) -> Iterator[bytes]:
    opening, deltas = dict(block), list[dict[str, Any]]()
    for name, kind in DELTAS.items():
        if isinstance(block.get(name), str):
            opening[name] = ""
            deltas.append({"type": kind, name: block[name]})
    if isinstance(block.get("citations"), list):
        opening["citations"] = []
        deltas += [{"type": "citations_delta", "citation": item} for item in block["citations"]]
    if block.get("type") == "thinking" and isinstance(block.get("signature"), str):
        opening["signature"] = ""
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    if is_call(block) and isinstance(block["input"], dict | list):
        opening["input"] = {}
        deltas.append({"type": "input_json_delta", "partial_json": orjson.dumps(block["input"]).decode()})
    yield frame({"type": "content_block_start", "index": index, "content_block": opening})
    for delta in deltas:
        yield frame({"type": "content_block_delta", "index": index, "delta": delta})
    yield frame({"type": "content_block_stop", "index": index})


def frame(event: dict[str, Any], payload: bytes | None = None) -> bytes:
    """An event of the stream, named by its type; `payload` is the event as it is to be written."""
    body = orjson.dumps(event) if payload is None else payload
    name = plain(event.get("type"))
    return sse.event(body) if name is None else sse.named(name, body)
