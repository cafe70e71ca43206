"""A reply as both ways of sending it give it: what a caller gets of a whole one, and of a stream of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from guardrails import policy as policies
from guardrails.engine import Guard, load_guard
from guardrails.pseudonyms import Vault
from guardrails.types import Segment, Stage
from proxy.dialects import chat_reply
from proxy.dialects.chat_stream import ChatStream
from proxy.sse import Decoder
from tests.proxy.policies import policy

KEY = b"k" * 32
Cut = Callable[[str], list[str]]


def guard(**more: Any) -> Guard:
    """A guard with the test policy."""
    return load_guard(policies.parse(policy(**more)), KEY)


async def vault(of: Guard) -> Vault:
    """A vault that holds ada@example.com, as a request's inspection leaves it."""
    made = Vault(KEY, "t", "s")
    await of.inspect([Segment("ada@example.com", "/messages/0/content", Stage.INPUT, "user")], made)
    return made


def token(of: Vault) -> str:
    """The pseudonym of ada@example.com."""
    return of.mint("EMAIL", "ada@example.com")


async def as_whole(of: Guard, messages: list[dict[str, Any]], known: Vault) -> dict[str, Any]:
    """The reply a caller gets when it was not streamed."""
    reply = {"choices": [{"index": n, "message": m, "finish_reason": "stop"} for n, m in enumerate(messages)]}
    verdict = await of.inspect(chat_reply.reply_segments(reply), known, reply=True)
    if verdict.blocked_by:
        return chat_reply.blocked_reply(reply)
    return chat_reply.restored(reply, verdict.edits, known)


def events(messages: list[dict[str, Any]], cut: Cut) -> list[bytes]:
    """The payloads of a stream that says these messages, their choices interleaved."""
    lanes = [_deltas(n, message, cut) for n, message in enumerate(messages)]
    payloads = []
    while any(lanes):
        for lane in lanes:
            if lane:
                payloads.append(orjson.dumps({"id": "c", "model": "m", "choices": [lane.pop(0)]}))
    return [*payloads, b"[DONE]"]


def _deltas(index: int, message: dict[str, Any], cut: Cut) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    for field, value in message.items():
        if field == "tool_calls":
            for place, call in enumerate(value):
                body = call["function"]
                deltas.append(
                    {
                        "tool_calls": [
                            {"index": place, **call, "function": {"name": body["name"], "arguments": ""}}
                        ]
                    }
                )
                deltas += [
                    {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}
                    for piece in cut(body["arguments"])
                ]
        elif field == "function_call":
            deltas.append({field: {"name": value["name"], "arguments": ""}})
            deltas += [{field: {"arguments": piece}} for piece in cut(value["arguments"])]
        elif field == "reasoning_details":
            deltas += [{field: [{"type": "t", "index": 0, "text": piece}]} for piece in cut(value[0]["text"])]
        elif field != "role":
            deltas += [{field: piece} for piece in cut(value)]
    said = [{"index": index, "delta": delta, "finish_reason": None} for delta in deltas]
    return [*said, {"index": index, "delta": {}, "finish_reason": "stop"}]


async def as_stream(of: Guard, payloads: list[bytes], known: Vault | None) -> tuple[ChatStream, list[bytes]]:
    """The stream after it ended, and each frame that left."""
    stream = ChatStream(of, known)
    frames = []
    for payload in payloads:
        frames.append(await stream.feed(payload))
        if stream.blocked:
            return stream, [*frames, stream.block()]
    rest = await stream.end()
    return stream, [*frames, stream.block() if stream.blocked else rest]


def read(frames: list[bytes]) -> dict[int, dict[str, Any]]:
    """What a caller has when it joined all deltas: message and finish reason by choice."""
    choices: dict[int, dict[str, Any]] = {}
    for payload in Decoder().feed(b"".join(frames)):
        for part in orjson.loads(payload)["choices"]:
            choice = choices.setdefault(part["index"], {"message": {}, "finish_reason": None})
            assert choice["finish_reason"] is None, "nothing may come after a finish reason"
            _join(choice["message"], part["delta"])
            choice["finish_reason"] = part.get("finish_reason")
    return choices


def _join(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            calls = message.setdefault("tool_calls", [])
            for piece in value:
                if piece["index"] == len(calls):
                    calls.append({"function": {"name": "", "arguments": ""}})
                call = calls[piece["index"]]
                call |= {k: v for k, v in piece.items() if k not in ("function", "index")}
                for key, text in piece["function"].items():
                    call["function"][key] += text
        elif name == "function_call":
            for key, text in value.items():
                message.setdefault(name, {"name": "", "arguments": ""})[key] += text
        elif name == "reasoning_details":
            held = message.setdefault(name, [{"type": "t", "text": ""}])
            for piece in value:
                assert (piece["type"], piece["index"]) == ("t", 0)
                held[0]["text"] += piece["text"]
        elif name == "role":
            message[name] = value
        else:
            message[name] = message.get(name, "") + value
