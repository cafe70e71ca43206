"""A Messages reply as both ways of sending it give it: what a caller gets of a whole one, and of a stream of it."""

from __future__ import annotations

from typing import Any

import orjson

from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from proxy.dialects.messages_dialect import MESSAGES
from proxy.dialects.messages_reply import DELTAS
from proxy.dialects.messages_stream import MessagesStream
from proxy.sse import Decoder
from tests.proxy.dialects.replies import Cut

USAGE = {"input_tokens": 3, "output_tokens": 2}


def message(content: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """A whole reply with that content."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-real"}
    return {
        **head,
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    } | more


def events(content: list[dict[str, Any]], cut: Cut, **more: Any) -> list[bytes]:
    """The payloads of a stream that says that content."""
    start = message([], stop_reason=None, usage={"input_tokens": 3, "output_tokens": 1})
    told: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, block in enumerate(content):
        opening, deltas = _opened(block, cut)
        told.append({"type": "content_block_start", "index": index, "content_block": opening})
        told += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        told.append({"type": "content_block_stop", "index": index})
    last = {"stop_reason": "end_turn", "stop_sequence": None, **more}
    told.append({"type": "message_delta", "delta": last, "usage": {"output_tokens": 2}})
    return [*map(orjson.dumps, told), b'{"type":"message_stop"}']


def _opened(block: dict[str, Any], cut: Cut) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    opening, deltas = dict(block), list[dict[str, Any]]()
    for name, kind in DELTAS.items():
        if name in block:
            opening[name] = ""
            deltas += [{"type": kind, name: piece} for piece in cut(block[name])]
    if "input" in block:
        opening["input"] = {}
        written = orjson.dumps(block["input"]).decode()
        deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *cut(written)]]
    if "citations" in block:
        opening["citations"] = []
        deltas += [{"type": "citations_delta", "citation": item} for item in block["citations"]]
    if "signature" in block:
        opening["signature"] = ""
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    return opening, deltas


async def as_whole(of: Guard, reply: dict[str, Any], known: Vault) -> dict[str, Any]:
    """The reply a caller gets when it was not streamed."""
    verdict = await of.inspect(MESSAGES.reply_texts(reply), known, reply=True)
    if verdict.blocked_by:
        return MESSAGES.blocked(reply)
    return MESSAGES.restored(reply, verdict.edits, known, {})


async def as_stream(
    of: Guard, payloads: list[bytes], known: Vault | None, structured: bool = False
) -> tuple[MessagesStream, list[bytes]]:
    """The stream after it ended, and each frame that left."""
    stream = MessagesStream(of, known, structured)
    frames = []
    for payload in payloads:
        frames.append(await stream.feed(payload))
        if stream.blocked:
            return stream, [*frames, stream.block()]
        if stream.done:
            break
    rest = await stream.end()
    return stream, [*frames, stream.block() if stream.blocked else rest]


def read(frames: list[bytes]) -> dict[str, Any]:
    """The message that a caller has when it took in all events, as the official client does."""
    told: dict[str, Any] = {}
    written: dict[int, str] = {}
    stopped: set[int] = set()
    for payload in Decoder().feed(b"".join(frames)):
        event = orjson.loads(payload)
        match event["type"]:
            case "message_start":
                told = event["message"]
            case "content_block_start":
                assert event["index"] == len(told["content"])
                told["content"].append(event["content_block"])
            case "content_block_delta":
                assert event["index"] not in stopped, "nothing may come after a block's end"
                _join(told["content"], event["index"], event["delta"], written)
            case "content_block_stop":
                stopped.add(event["index"])
            case "message_delta":
                told |= event["delta"]
                told["usage"] = {**told["usage"], **event["usage"]}
    for index, text in written.items():
        told["content"][index]["input"] = orjson.loads(text) if index in stopped else text
    return told


def _join(content: list[dict[str, Any]], index: int, delta: dict[str, Any], written: dict[int, str]) -> None:
    block = content[index]
    for name, value in delta.items():
        if name == "partial_json":
            written[index] = written.get(index, "") + value
        elif name == "citation":
            block["citations"].append(value)
        elif name == "signature":
            block[name] = value
        elif name != "type":
            block[name] = block.get(name, "") + value
