"""Exchanges made from a seed: requests and answers of every dialect with a secret in them, spoiled in many ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParams
from openai.types.responses import Response
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming

from tests.contract.hostile import MODEL_ROUTES
from tests.contract.passage import SECRET
from tests.contract.prompt_shapes import PROMPTS
from tests.contract.shapes import planted
from tests.proxy.dialects import messages_replies, responses_replies

CANARY = f"My key is {SECRET}, keep it."
ASKED: dict[str, Any] = {
    "/v1/chat/completions": CompletionCreateParams,
    "/v1/completions": PROMPTS["completions-request"],
    "/v1/responses": ResponseCreateParamsNonStreaming,
    "/v1/embeddings": PROMPTS["embeddings-request"],
    "/v1/moderations": PROMPTS["moderations-request"],
    "/v1/messages": MessageCreateParamsNonStreaming,
    "/v1/messages/count_tokens": MessageCreateParamsNonStreaming,
}
"""By route: what its requests look like."""
TOLD: dict[str, Any] = {
    "/v1/chat/completions": ChatCompletion,
    "chunk": ChatCompletionChunk,
    "/v1/completions": PROMPTS["completions-reply"],
    "/v1/responses": Response,
    "/v1/embeddings": PROMPTS["embeddings-reply"],
    "/v1/moderations": PROMPTS["moderations-reply"],
}
STREAMED = ("/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages")
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 2**63, 1e300, "", "x", "\u0000", "\u2028\u0085\ufeff", "[DONE]"),
    *([], {}, [[]], [None], [{}], {"": {}}, {"type": "text"}, {"error": "x"}, ["x"] * 3, "\U0001f600" * 9),
    *(CANARY, [CANARY], {CANARY: CANARY}, {"text": CANARY, "type": "text"}, [[{"x": CANARY}]]),
)
"""Values that may stand where nobody expects them."""


@dataclass(frozen=True)
class Fuzzed:
    """One exchange: what the caller sends, and what the provider would answer."""

    path: str
    body: bytes
    status: int
    answer: bytes | list[bytes]
    """A whole body, or the pieces of an event stream."""


def exchange(seed: int) -> Fuzzed:
    """The exchange of a seed."""
    chance = Random(seed)
    path = chance.choice([*ASKED, *STREAMED])
    streams = path in STREAMED and chance.random() < 0.6
    if chance.random() < 0.5:
        body = request(chance, path, streams)
    else:  # a good request, so that the answer is looked at
        body = json.dumps(_asked(chance, path, {}, streams)).encode()
    status = chance.choice([200] * 12 + [201, 400, 404, 429, 500, 503])
    if streams and chance.random() < 0.9:
        return Fuzzed(path, body, status, pieces(chance, path))
    return Fuzzed(path, body, status, spoiled_bytes(chance, written(chance, whole(chance, path))))


# --- requests


@cache
def _requests(path: str) -> Sequence[Any]:
    return [document for document in planted(ASKED[path], CANARY).values() if isinstance(document, dict)]


def request(chance: Random, path: str, streams: bool) -> bytes:
    """A request with the secret somewhere, perhaps spoiled."""
    asked = _asked(chance, path, chance.choice(_requests(path)), streams)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 4])):
        asked = spoiled(chance, asked)
    return spoiled_bytes(chance, written(chance, asked))


def _asked(chance: Random, path: str, members: Mapping[str, Any], streams: bool) -> dict[str, Any]:
    model = chance.choice(["gpt-test", "claude-test"]) if "messages" in path else "gpt-test"
    if path.endswith("count_tokens"):
        model = "claude-test"
    asked = {**MODEL_ROUTES[path], **members, "model": model}
    asked.pop("stream", None)
    return {**asked, "stream": True} if streams else asked


# --- answers


@cache
def _replies(side: str) -> Sequence[Any]:
    return [document for document in planted(TOLD[side], CANARY).values() if isinstance(document, dict)]


def _text(chance: Random) -> str:
    return chance.choice(
        ["Hello.", CANARY, f"{CANARY} {CANARY}", f"{SECRET}!", f'{{"key": "{SECRET}"}}', "a\u2028b"]
    )


def whole(chance: Random, path: str) -> Any:
    """A whole answer with the secret in it, perhaps spoiled."""
    planted_in = path in TOLD and chance.random() < 0.5
    made = chance.choice(_replies(path)) if planted_in else _good(chance, path)
    for _ in range(chance.choice([0, 0, 1, 2, 3])):
        made = spoiled(chance, made)
    return made


def _good(chance: Random, path: str) -> Any:
    text = _text(chance)
    call = {"id": "c", "type": "function", "function": {"name": "send", "arguments": json.dumps({"x": text})}}
    said = {"role": "assistant", "content": text, "refusal": None, "tool_calls": [call]}
    made: dict[str, Any] = {
        "/v1/chat/completions": {
            "id": "c1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-real",
            "choices": [{"index": 0, "message": said, "finish_reason": "stop", "logprobs": None}],
        },
        "/v1/completions": {"id": "c1", "choices": [{"index": 0, "text": text, "finish_reason": "stop"}]},
        "/v1/responses": responses_replies.reply(
            responses_replies.message(text), responses_replies.call(json.dumps({"x": text}))
        ),
        "/v1/embeddings": {"data": [{"object": "embedding", "index": 0, "embedding": [0.5], "note": text}]},
        "/v1/moderations": {"id": "m", "model": "m", "results": [{"flagged": False, "note": text}]},
        "/v1/messages": messages_replies.message(_blocks(text)),
        "/v1/messages/count_tokens": {"input_tokens": 3, "note": text},
    }
    return made[path]


def _blocks(text: str) -> list[dict[str, Any]]:
    return [
        {"type": "thinking", "thinking": text, "signature": "c2ln" * 20},
        {"type": "text", "text": text},
        {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"x": text}},
    ]


def pieces(chance: Random, path: str) -> list[bytes]:
    """A streamed answer as bytes, cut anywhere: its events spoiled, dropped, doubled, out of order, or cut off."""
    told: list[Any] = [json.loads(event) for event in _events(chance, path)]
    for _ in range(chance.choice([0, 0, 1, 2, 4])):
        place = chance.randrange(len(told))
        match chance.randrange(8):
            case 0 | 1 | 2 | 3:
                told[place] = spoiled(chance, told[place])
            case 4:
                del told[place]
                told = told or [{}]
            case 5:
                told.insert(chance.randrange(len(told)), told[place])
            case 6:
                told.insert(chance.randrange(len(told)), told.pop(place))
            case _ if path in ("/v1/chat/completions", "/v1/completions"):
                told.insert(place, chance.choice(_replies("chunk" if "chat" in path else path)))
            case _:
                told.insert(place, chance.choice(ODD))
    lines = chance.choice([b"\n", b"\n", b"\n", b"\r\n", b"\r"])
    data = b"".join(_frame(chance, event, lines) for event in told)
    if chance.random() < 0.8 and path in ("/v1/chat/completions", "/v1/completions"):
        data += b"data: [DONE]" + lines * 2
    if chance.random() < 0.15:
        data = data[: chance.randrange(len(data) + 1)]
    data = spoiled_bytes(chance, data)
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.choice([0, 3, 20])))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True) if a < b]


def _events(chance: Random, path: str) -> list[bytes]:
    text, size = _text(chance), chance.choice([1, 3, 7, 50])

    def cut(said: str) -> list[str]:
        return [said[n : n + size] for n in range(0, len(said), size)]

    if path == "/v1/messages" and chance.random() < 0.5:
        return messages_replies.events(_blocks(text), cut)
    if path == "/v1/responses":
        call = responses_replies.call(json.dumps({"x": text}))
        return responses_replies.payloads(responses_replies.reply(responses_replies.message(text), call), cut)
    if path == "/v1/completions":
        parts = [{"text": piece} for piece in cut(text)]
    else:
        name = chance.choice(["content", "content", "reasoning_content", "refusal", "a_field_of_tomorrow"])
        parts = [{"delta": {name: piece}} for piece in cut(text)]
        for piece in cut(json.dumps({"x": text})):
            call = {"index": 0, "id": "c", "function": {"name": "", "arguments": piece}}
            parts.append({"delta": {"tool_calls": [call]}})
    chunks: list[dict[str, Any]] = [{"index": 0, **part, "finish_reason": None} for part in parts]
    chunks.append(
        {**({"text": ""} if "text" in chunks[0] else {"delta": {}}), "index": 0, "finish_reason": "stop"}
    )
    return [json.dumps({"id": "c1", "model": "gpt-real", "choices": [each]}).encode() for each in chunks]


def _frame(chance: Random, event: Any, lines: bytes) -> bytes:
    """One event on the wire, in one of the ways that the format allows."""
    payload = written(chance, event)
    named = event.get("type") if isinstance(event, dict) else None
    head = (
        b"event: " + named.encode("utf-8", "replace") + lines
        if isinstance(named, str) and named.isalpha()
        else b""
    )
    match chance.randrange(12):
        case 0:
            payload = (lines + b"data: ").join(json.dumps(event, indent=1).encode().split(b"\n"))
        case 1:
            head += b": " + CANARY.encode() + lines
        case 2:
            head += b"id: " + CANARY.encode() + lines + b"retry: 5" + lines
        case 3:
            head = b"event: " + CANARY.encode() + lines
    return head + chance.choice([b"data: ", b"data:"]) + payload + lines * 2


# --- spoiling


def spoiled(chance: Random, document: Any) -> Any:
    """A copy with one value dropped, replaced, moved, wrapped, or joined by another member."""
    document = json.loads(json.dumps(document))
    places = [*_places(document)]
    if not places:
        return chance.choice(ODD)
    holder, key = chance.choice(places)
    match chance.randrange(7):
        case 0:
            del holder[key]
        case 1 | 2:
            holder[key] = chance.choice(ODD)
        case 3:
            holder[key] = [holder[key]]
        case 4:
            holder[key] = {chance.choice(["x", "text", "content", "type", CANARY]): holder[key]}
        case 5:
            other, name = chance.choice(places)
            holder[key] = json.loads(json.dumps(other[name])) if _has(other, name) else None
        case _ if isinstance(holder, dict):
            holder[chance.choice(["text", "content", "x", "input", "delta", "name", CANARY])] = chance.choice(
                ODD
            )
        case _:
            holder.insert(0, chance.choice(ODD))
    return document


def _has(holder: Any, key: Any) -> bool:
    return key in holder if isinstance(holder, dict) else key < len(holder)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """(container, key) of every value in a document."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        item = stack.pop()
        members: Any = (
            item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        )
        for key, inner in members:
            found.append((item, key))
            stack.append(inner)
    return found


def written(chance: Random, document: Any) -> bytes:
    """A document as JSON: compact or not, with or without escapes, now and then with a member given twice."""
    if chance.random() < 0.12 and (
        objects := [h for h, _ in _places([document]) if isinstance(h, dict) and h]
    ):
        return _doubled(document, chance.choice(objects), chance)
    apart = chance.choice([(",", ":"), (", ", ": ")])
    return json.dumps(document, separators=apart, ensure_ascii=chance.random() < 0.5).encode(
        "utf-8", "replace"
    )


def _doubled(document: Any, holder: dict[str, Any], chance: Random) -> bytes:
    """The document with one member of an object in it given twice, once with the secret."""
    name, mark = chance.choice([*holder]), "\u2603mark\u2603"
    value = holder[name]
    first, last = (CANARY, value) if chance.random() < 0.5 else (value, CANARY)
    holder[name] = mark
    text = json.dumps(document, ensure_ascii=False)
    holder[name] = value
    twice = f"{json.dumps(first)}, {json.dumps(name)}: {json.dumps(last)}"
    return text.replace(json.dumps(mark, ensure_ascii=False), twice, 1).encode("utf-8", "replace")


def spoiled_bytes(chance: Random, data: bytes) -> bytes:
    """The bytes, now and then cut, with others in them, or in another encoding."""
    ways: list[Callable[[bytes], bytes]] = [
        lambda b: b[: chance.randrange(len(b) + 1)],
        lambda b: b + chance.choice([b"x", b"{}", b"\0", b"\n\n", b"\xff"]),
        lambda b: b"\xef\xbb\xbf" + b,
        lambda b: b.decode("utf-8", "replace").encode("utf-16"),
        lambda b: b[: (at := chance.randrange(len(b) + 1))] + bytes([chance.randrange(256)]) + b[at:],
        lambda b: b"",
    ]
    return chance.choice(ways)(data) if chance.random() < 0.08 else data
