"""One chunk of a streamed chat reply: reading it, and what it still says once texts were taken out."""

from __future__ import annotations

from typing import Any

from proxy.dialects.openai_errors import in_band
from proxy.dialects.reply_body import reply_object
from proxy.errors import UpstreamError

TOP = ("id", "model", "system_fingerprint", "service_tier")
"""Words that every chunk of one reply repeats."""

_CHUNK_SKIP = frozenset({*TOP, "created", "object", "provider", "choices", "usage", "obfuscation", "error"})
_PART_SKIP = frozenset({"index", "delta", "finish_reason", "logprobs", "content_filter_results"})


def parse(payload: bytes) -> dict[str, Any]:
    """The chunk that an event holds. Raises UpstreamError when it is none, or tells of an error."""
    chunk = reply_object(payload, "A chunk of the provider's stream")
    if chunk.get("error"):
        raise in_band(chunk["error"])
    for part in items(chunk.get("choices")):
        if not isinstance(part, dict) or not isinstance(part.get("delta"), dict | None):
            raise UpstreamError("The provider sent a stream chunk with a choice that is none.")
    return chunk


def items(value: Any) -> list[Any]:
    """A list, empty for null. Raises UpstreamError for anything else."""
    if value is not None and not isinstance(value, list):
        raise UpstreamError("The provider sent a stream chunk whose choices are no array.")
    return value or []


def says_something(chunk: dict[str, Any]) -> bool:
    """Whether a chunk still carries anything once its held texts are taken out."""
    choices = chunk.get("choices")
    if not choices or chunk.get("usage") or any(chunk[name] for name in chunk.keys() - _CHUNK_SKIP):
        return True
    return any(
        part.get("delta") or part.get("finish_reason") or any(part[name] for name in part.keys() - _PART_SKIP)
        for part in choices
    )
