"""The words of the chat protocol: which strings and member names of a request or a reply are not texts.

A word counts only in its place, and only while it is one: anything else that stands there is a text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from guardrails import arguments
from guardrails.types import Segment, Stage
from proxy.dialects.texts import MEMBER, step, walk

WORD = re.compile(r"[\w.:/+-]{1,256}", re.ASCII)
"""A plain word: no space, no address, no sentence."""
_ENCODED = re.compile(r"[A-Za-z0-9+/_=\r\n-]*")

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_VALUES = frozenset(
    {"text", "image_url", "input_audio", "file", "refusal", "function", "custom", "input_text"}
    | {"json_object", "json_schema", "auto", "none", "required", "allowed_tools", "low", "high", "wav", "mp3"}
)
_PLACES = re.compile(
    r"/messages/\d+/(?:role|(?P<id>tool_call_id|audio/id|tool_calls/\d+/id|content/\d+/(?:file/)?file_id)"
    r"|content/\d+/(?:type|(?:image_url|input_audio)/(?:detail|format))|tool_calls/\d+/type)"
    r"|/tools/\d+/type|/response_format/type|/tool_choice(?:/type)?|/function_call"
)
"""Where a request has words of the protocol: one of _VALUES, or for an id any plain word."""

_IDS = frozenset(
    {"id", "tool_call_id", "call_id", "file_id", "model", "provider", "system_fingerprint", "obfuscation"}
)
"""Members of a reply that hold a word the provider chooses: any plain word."""
_REPLY_WORDS: dict[str | int, frozenset[str]] = {
    "object": frozenset({"chat.completion", "chat.completion.chunk", "text_completion", "list", "embedding"}),
    "role": frozenset({"assistant"}),
    "type": _VALUES
    | {"url_citation", "thinking", "reasoning.text", "reasoning.summary", "moderation_results"},
    "format": _VALUES,
    "detail": _VALUES,
    "severity": frozenset({"safe", "low", "medium", "high"}),
    "finish_reason": frozenset({"stop", "length", "tool_calls", "content_filter", "function_call"}),
    "service_tier": frozenset({"auto", "default", "flex", "scale", "priority", "standard"}),
}
"""Members of a reply that hold a word of the protocol, with those words."""
_CONSTANTS = _IDS | _REPLY_WORDS.keys()
_MEDIA = frozenset({"data", "file_data", "signature", "encrypted_content"})
"""Members of a reply that hold encoded bytes."""

MEMBERS = frozenset(
    {"text", "type", "role", "content", "name", "id", "function", "custom", "arguments", "description"}
    | {"parameters", "properties", "required", "enum", "items", "default", "strict", "additionalProperties"}
    | {"schema", "json_schema", "anyOf", "input", "tool_calls", "tool_call_id", "function_call", "refusal"}
    | {"image_url", "url", "detail", "input_audio", "data", "format", "file", "file_data", "file_id"}
    | {"filename", "metadata", "user", "stop", "tools", "functions", "tool_choice", "response_format"}
    | {"prediction", "logit_bias", "stream_options", "include_usage", "model", "messages"}
    | {"reasoning_effort", "parallel_tool_calls", "logprobs", "top_logprobs", "store", "service_tier"}
    | {"reasoning_content", "audio", "voice", "modalities", "seed", "temperature", "top_p", "n"}
    | {"max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty"}
)
"""Member names of a request that are the protocol's own: never a text."""
_REPLY_MEMBERS = MEMBERS | frozenset(
    {"object", "created", "choices", "index", "message", "delta", "finish_reason", "usage"}
    | {"system_fingerprint", "provider", "obfuscation", "annotations", "url_citation", "title"}
    | {"start_index", "end_index", "transcript", "expires_at", "token", "bytes", "logprob"}
    | {"reasoning", "reasoning_details", "thinking_blocks", "thinking", "signature", "summary"}
    | {"provider_specific_fields", "native_finish_reason", "stop_reason", "matched_stop", "token_ids"}
    | {"content_filter_results", "prompt_filter_results", "prompt_index", "filtered", "severity", "hate"}
    | {"self_harm", "sexual", "violence", "detected", "jailbreak", "protected_material_code"}
    | {"protected_material_text", "prompt_tokens", "completion_tokens", "total_tokens"}
    | {"prompt_tokens_details", "cost", "completion_tokens_details", "cached_tokens", "cache_write_tokens"}
    | {"audio_tokens", "reasoning_tokens", "text_tokens", "accepted_prediction_tokens"}
    | {"rejected_prediction_tokens", "prompt_cache_hit_tokens", "prompt_cache_miss_tokens"}
    | {"cache_creation_input_tokens", "cache_read_input_tokens", "queue_time", "prompt_time"}
    | {"completion_time", "total_time", "x_groq", "timings", "prompt_logprobs", "prompt_token_ids"}
    | {"kv_transfer_params", "error", "code", "param"}
)
"""The same for a reply, with what the common vendors add."""


def are_known(names: Iterable[str]) -> bool:
    """Whether all these member names of a reply are the protocol's own."""
    return _REPLY_MEMBERS.issuperset(names)


def is_request_word(pointer: str, text: str) -> bool:
    """Whether a string of a request is a word of the protocol in its place."""
    if text in _TYPES and pointer.endswith("/type"):
        return True
    place = _PLACES.fullmatch(pointer)
    if place is None:
        return False
    return text in _VALUES if place["id"] is None else WORD.fullmatch(text) is not None


def is_reply_word(name: str | int, text: str) -> bool:
    """Whether a string of a reply is a word of the protocol or encoded bytes: told by its name, or place in a list."""
    if words := _REPLY_WORDS.get(name):
        return text in words
    if name in _IDS:
        return WORD.fullmatch(text) is not None
    return name in _MEDIA and _ENCODED.fullmatch(text) is not None


def is_constant(name: str | int) -> bool:
    """Whether a member of a stream's chunks holds a word whole, and not a piece of a text."""
    return name in _CONSTANTS


def plain(value: Any) -> str | None:
    """A word of the protocol, as it may be stored; None for anything that could be a text."""
    return value if isinstance(value, str) and WORD.fullmatch(value) else None


def reply_texts(
    value: Any, pointer: str, stage: Stage = Stage.OUTPUT, skip: Collection[str] = ()
) -> list[Segment]:
    """Every text of a value that stands in a reply, and every member name that is not the protocol's.

    The members named in `skip` are left out, names and all.
    """
    if not isinstance(value, dict):
        return [*_inner_texts(value, pointer, stage)]
    found: list[Segment] = []
    for name, item in value.items():
        if name in skip:
            continue
        if name not in _REPLY_MEMBERS and name:
            found.append(Segment(name, pointer + step(name), stage, "assistant", MEMBER))
        if isinstance(item, str):
            if item and not is_reply_word(name, item):
                found.append(Segment(item, pointer + step(name), stage, "assistant"))
        elif item and isinstance(item, dict | list) and not _is_counts(item):
            found += _inner_texts(item, pointer + step(name), stage)
    return found


def _inner_texts(value: Any, pointer: str, stage: Stage) -> Iterator[Segment]:
    for at, item, name in walk(value, pointer):
        if name and name not in _REPLY_MEMBERS:
            yield Segment(name, at, stage, "assistant", MEMBER)
        if isinstance(item, str) and item and not is_reply_word(name, item):
            yield Segment(item, at, stage, "assistant")


def _is_counts(value: Any) -> bool:
    """Whether a member holds numbers alone, and objects of them, under known names: as `usage` does."""
    if not isinstance(value, dict) or not are_known(value):
        return False
    for item in value.values():
        if item is None or isinstance(item, int | float):
            continue
        if not isinstance(item, dict) or not are_known(item):
            return False
        if not all(inner is None or isinstance(inner, int | float) for inner in item.values()):
            return False
    return True


def call_texts(calls: list[Any], pointer: str) -> Iterator[Segment]:
    """The texts of a reply's tool calls: names, arguments value by value, and everything else as it stands."""
    for place, call in enumerate(calls):
        at = f"{pointer}/{place}"
        if isinstance(call, dict) and isinstance(call.get("function"), dict):
            yield from function_texts(call["function"], at + "/function")
            yield from reply_texts(call, at, Stage.TOOL_CALL, ("function",))
        else:
            yield from reply_texts(call, at, Stage.TOOL_CALL)


def function_texts(function: dict[str, Any], pointer: str) -> Iterator[Segment]:
    """The texts of one called function of a reply."""
    if isinstance(text := function.get("arguments"), str):
        yield from arguments.segments(text, pointer + "/arguments", Stage.TOOL_CALL, "assistant")
        yield from reply_texts(function, pointer, Stage.TOOL_CALL, ("arguments",))
    else:
        yield from reply_texts(function, pointer, Stage.TOOL_CALL)


def counts(usage: Any, names: Collection[str] = _REPLY_MEMBERS) -> dict[str, Any] | None:
    """The numbers of a `usage` object under the names of a protocol; None when it is no object."""
    if not isinstance(usage, dict):
        return None
    return {
        name: counts(value, names) if isinstance(value, dict) else value
        for name, value in usage.items()
        if name in names and isinstance(value, int | float | dict | None)
    }
