"""Token counts of streams whose caller did not ask for them: asked of the provider, noted, and kept from the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from proxy.dialects.chat_words import counts

if TYPE_CHECKING:
    from proxy.dialects.base import GuardedStream

PATHS = frozenset({"/v1/chat/completions", "/v1/completions"})
"""Routes on which a provider counts a stream's tokens only when it is asked to."""
_ASKED = b'{"stream_options":{"include_usage":true},'
_NULL = re.compile(rb',\s*"usage"\s*:\s*null(?=\s*[,}])')


def is_wanted(path: str, payload: Mapping[str, Any]) -> bool:
    """Whether the provider of a stream has to be asked for its counts: its caller did not."""
    options = payload.get("stream_options")
    if path not in PATHS or not isinstance(options, dict | None):
        return False
    return options is None or options.get("include_usage") is not True


def asking(payload: Mapping[str, Any], body: bytes | None) -> tuple[dict[str, Any], bytes | None]:
    """A request that asks for counts too; as it was written, where it says nothing of the stream otherwise.

    Args:
        payload: the request.
        body: its bytes where they can go out as they came, else None.
    """
    options = payload.get("stream_options")
    asked = {**payload, "stream_options": {**(options or {}), "include_usage": True}}
    if body is None or "stream_options" in payload:
        return asked, None
    return asked, body.replace(b"{", _ASKED, 1)


def uncounted(payload: bytes, stream: GuardedStream) -> bytes:
    """An event as it would be had nobody asked for counts; empty for the one that holds nothing else.

    Sets the counts of the stream.
    """
    if b'"usage"' not in payload:
        return payload
    plain = _NULL.sub(b"", payload, 1)  # between a comma and null no quote is escaped: this is no text
    if len(plain) != len(payload):
        return plain
    try:
        chunk = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return payload
    if not isinstance(chunk, dict) or chunk.get("choices") != [] or not isinstance(chunk.get("usage"), dict):
        return payload
    stream.usage = counts(chunk["usage"])
    return b""
