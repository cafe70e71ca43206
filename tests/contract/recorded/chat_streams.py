"""Streamed chat completions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.contract.recorded.chat import DATED, LOGPROBS, SCHEMA, USAGE, WEATHER
from tests.contract.recorded.shape import CHAT, EVENTS, OPENAI, Recorded, asked, chunks, user

BASE = {
    "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG",
    "object": "chat.completion.chunk",
    "created": 1741570283,
    "model": DATED,
    "service_tier": "default",
    "system_fingerprint": "fp_fc9f1d7035",
}


def part(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """One chunk of one choice."""
    return {
        **BASE,
        "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}],
        **more,
    }


def _words(text: str) -> list[str]:
    first, *rest = text.split(" ")
    return [first, *(f" {word}" for word in rest)]


def speech(text: str, **more: Any) -> list[dict[str, Any]]:
    """The usual chunks of a text: role, words, finish reason."""
    opening = {"role": "assistant", "content": "", "refusal": None}
    return [
        part(opening, **more),
        *(part({"content": word}, **more) for word in _words(text)),
        part({}, "stop", **more),
    ]


def _openai(
    name: str, parts: Iterable[Any], end: bytes = b"\n\n", done: bool = True, **request: Any
) -> Recorded:
    members = {"model": "gpt-4o", "messages": user("Say hello."), "stream": True, **request}
    return Recorded(name, CHAT, asked(**members), chunks([*parts], done, end), headers={**EVENTS, **OPENAI})


def _padded(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**one, "obfuscation": "wX7Kq2mPz"[: 3 + place % 6]} for place, one in enumerate(parts)]


TEXT = "Hello! The harbour opens early, and the boats leave with the tide."
COUNTED = {**BASE, "choices": [], "usage": USAGE}


def _spelled(text: str) -> Iterable[dict[str, Any]]:
    for place, word in enumerate(("Hello", "!", " How")):
        chunk = part({"content": word})
        chunk["choices"][0]["logprobs"] = {"content": [LOGPROBS["content"][place]], "refusal": None}
        yield chunk


def _called(pieces: Iterable[str], index: int, id_: str) -> list[dict[str, Any]]:
    body = {"name": "get_weather", "arguments": ""}
    head = {"index": index, "id": id_, "type": "function", "function": body}
    told = [{"index": index, "function": {"arguments": piece}} for piece in pieces]
    return [part({"tool_calls": [one]}) for one in (head, *told)]


ARGUMENTS = ('{"', "city", '":"', "Paris", '","', "unit", '":"', "c", '"}')
_SPOKEN = [
    part({"role": "assistant", "audio": {"id": "audio_1", "transcript": "Yes"}}),
    part({"audio": {"data": "UklGRiQAAABXQVZF"}}),
    part({"audio": {"transcript": ", they do."}}),
    part({"audio": {"expires_at": 1729018505}}),
    part({}, "stop"),
]


def _second(chunk: dict[str, Any]) -> dict[str, Any]:
    return {**chunk, "choices": [{**chunk["choices"][0], "index": 1}]}


_TWO = [
    one
    for a, b in zip(speech("One two three."), speech("Red and blue."), strict=True)
    for one in (a, _second(b))
]
OPENAI_STREAMS = [
    _openai("stream", speech(TEXT)),
    _openai("stream with obfuscation", _padded(speech(TEXT))),
    _openai(
        "stream with usage",
        [*(one | {"usage": None} for one in speech(TEXT)), COUNTED],
        stream_options={"include_usage": True},
    ),
    _openai("stream of two choices", _TWO, n=2),
    _openai(
        "stream of two choices, one after the other", [*speech("One."), *map(_second, speech("Two."))], n=2
    ),
    _openai(
        "stream of a tool call",
        [
            part({"role": "assistant", "content": None}),
            *_called(ARGUMENTS, 0, "call_a1"),
            part({}, "tool_calls"),
        ],
        tools=[WEATHER],
    ),
    _openai(
        "stream of two tool calls",
        [
            part({"role": "assistant", "content": None}),
            *_called(ARGUMENTS, 0, "call_a1"),
            *_called(ARGUMENTS, 1, "call_b2"),
            part({}, "tool_calls"),
        ],
        tools=[WEATHER],
    ),
    _openai(
        "stream of text, then a tool call",
        [
            *speech("Let me look.")[:-1],
            *_called(['{"city":"Rome"}'], 0, "call_a1"),
            part({}, "tool_calls"),
            COUNTED,
        ],
        tools=[WEATHER],
        stream_options={"include_usage": True},
    ),
    _openai(
        "stream of a refusal",
        [
            part({"role": "assistant", "content": "", "refusal": None}),
            *(part({"refusal": word}) for word in _words("I'm sorry, I can't help.")),
            part({}, "stop"),
        ],
        response_format=SCHEMA,
    ),
    _openai(
        "stream with logprobs",
        [part({"role": "assistant", "content": "", "refusal": None}), *_spelled(TEXT), part({}, "stop")],
        logprobs=True,
        top_logprobs=2,
    ),
    _openai(
        "stream of structured output",
        speech('{"name": "Fair", "guests": ["the baker"]}'),
        response_format=SCHEMA,
    ),
    _openai(
        "stream of audio", _SPOKEN, modalities=["text", "audio"], audio={"voice": "alloy", "format": "pcm16"}
    ),
    _openai("stream that is cut at its length", [*speech(TEXT)[:-1], part({}, "length")], max_tokens=5),
    _openai("stream of one chunk", [part({"role": "assistant", "content": "Hello!"}, "stop")]),
    _openai("stream with other line ends", speech(TEXT), end=b"\r\n\r\n"),
]
_AZURE_HEAD = {
    "id": "",
    "object": "",
    "created": 0,
    "model": "",
    "choices": [],
    "prompt_filter_results": [
        {"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}
    ],
}
_SAFE = {"content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}}


def _azure(chunk: dict[str, Any]) -> dict[str, Any]:
    [choice] = chunk["choices"]
    return {
        **chunk,
        "choices": [
            {**choice, **(_SAFE if choice["delta"].get("content") else {"content_filter_results": {}})}
        ],
    }


def _other(name: str, vendor: str, model: str, answer: bytes, **request: Any) -> Recorded:
    members = {"messages": user("Say hello."), "model": model, "stream": True, **request}
    return Recorded(name, CHAT, asked(**members), answer, headers=dict(EVENTS), vendor=vendor)


_PLAIN = {"id": "c-1", "object": "chat.completion.chunk", "created": 1741570283}


def _said(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {**_PLAIN, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **more}


_SMALL = {"prompt_tokens": 5, "total_tokens": 14, "completion_tokens": 9}
_THOUGHT = [
    _said({"reasoning_content": word, "content": None}) for word in _words("They greet me, so I greet back.")
]
OTHER_STREAMS = [
    _other("azure stream", "azure", "harbour-gpt-4o", chunks([_AZURE_HEAD, *map(_azure, speech(TEXT))])),
    _other(
        "vllm stream",
        "hosted_vllm",
        "qwen3",
        chunks(
            [
                _said({"role": "assistant", "content": ""}),
                *_THOUGHT,
                *(_said({"content": word}) for word in _words(TEXT)),
                _said({"content": ""}, "stop", usage=None),
            ]
        ),
    ),
    _other(
        "ollama stream",
        "ollama_chat",
        "llama3.2",
        chunks(
            [
                *(
                    _said({"role": "assistant", "content": word}, system_fingerprint="fp_ollama")
                    for word in _words(TEXT)
                ),
                _said({"role": "assistant", "content": ""}, "stop"),
            ]
        ),
    ),
    _other(
        "groq stream",
        "groq",
        "llama-3.3-70b-versatile",
        chunks(
            [
                _said({"role": "assistant", "content": ""}, x_groq={"id": "req_01j"}),
                *(_said({"content": word}) for word in _words(TEXT)),
                _said({}, "stop", x_groq={"id": "req_01j", "usage": {**_SMALL, "queue_time": 0.03}}),
            ]
        ),
    ),
    _other(
        "mistral stream",
        "mistral",
        "mistral-small-latest",
        chunks(
            [
                _said({"role": "assistant", "content": ""}),
                *(_said({"content": word}) for word in _words(TEXT)),
                _said({"content": ""}, "stop", usage=_SMALL, p="abcdefgh"),
            ]
        ),
    ),
    _other(
        "deepseek stream",
        "deepseek",
        "deepseek-reasoner",
        chunks(
            [
                _said({"role": "assistant", "content": None, "reasoning_content": ""}),
                *_THOUGHT,
                *(_said({"content": word, "reasoning_content": None}) for word in _words(TEXT)),
                _said({"content": "", "reasoning_content": None}, "stop", usage=_SMALL),
            ]
        ),
    ),
    _other(
        "openrouter stream with comments",
        "openrouter",
        "qwen/qwen3-32b",
        chunks(
            [
                b": OPENROUTER PROCESSING\n\n",
                b": OPENROUTER PROCESSING\n\n",
                _said(
                    {
                        "role": "assistant",
                        "content": "",
                        "reasoning": "Short.",
                        "reasoning_details": [
                            {"type": "reasoning.text", "text": "Short.", "format": "unknown", "index": 0}
                        ],
                    },
                    provider="Groq",
                ),
                *(_said({"role": "assistant", "content": word}, provider="Groq") for word in _words(TEXT)),
                _said(
                    {"role": "assistant", "content": ""}, "stop", provider="Groq", native_finish_reason="stop"
                ),
                _said({"role": "assistant", "content": ""}, usage={**_SMALL, "cost": 0.00014}),
            ]
        ),
    ),
    _other("stream without [DONE]", "openai_like", "local", chunks(speech(TEXT), done=False)),
    _other(
        "stream without spaces", "openai_like", "local", chunks(speech(TEXT)).replace(b"data: ", b"data:")
    ),
    _other(
        "stream with ids and retries",
        "openai_like",
        "local",
        b"retry: 3000\n\n" + chunks(speech(TEXT)).replace(b"data: {", b"id: 7\ndata: {"),
    ),
    _other(
        "stream of a tool call in one piece",
        "mistral",
        "mistral-small-latest",
        chunks(
            [
                _said({"role": "assistant", "content": ""}),
                _said(
                    {
                        "tool_calls": [
                            {
                                "id": "D681PevKs",
                                "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'},
                                "index": 0,
                            }
                        ]
                    },
                    "tool_calls",
                    usage=_SMALL,
                ),
            ]
        ),
        tools=[WEATHER],
    ),
]
STREAMS = [*OPENAI_STREAMS, *OTHER_STREAMS]
