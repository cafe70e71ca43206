"""Which parts of a message hold something other than text: decided by what is in them, not by their type."""

from __future__ import annotations

import re
from typing import Any

from proxy.dialects.texts import strings

_TYPES = frozenset(
    {"image_url", "input_image", "image", "input_audio", "audio", "file", "input_file", "video_url", "video"}
)
_MEMBERS = frozenset(
    {"image_url", "input_audio", "file", "file_data", "source", "document", "video_url", "audio_url"}
)
_DATA_URL = re.compile(r"data:[^,\s]{0,256};base64,", re.IGNORECASE)
_WHOLE_DATA_URL = re.compile(r"data:[\w/+.;=-]{0,256};base64,[A-Za-z0-9+/=_\r\n-]*", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\r\n-]{64,}={0,2}\s*")


def is_media(part: dict[str, Any]) -> bool:
    """Whether a content part holds something other than text."""
    kind = part.get("type")
    if (isinstance(kind, str) and kind in _TYPES) or not _MEMBERS.isdisjoint(part):
        return True
    if part.keys() <= {"type", "text"} and isinstance(part.get("text"), str):
        return False
    return any(
        at != "/text" and (_DATA_URL.match(text) or is_encoded(at, text)) for at, text in strings(part, "")
    )


def is_encoded(pointer: str, text: str) -> bool:
    """Whether a string of a content part is encoded bytes and nothing else."""
    if pointer.endswith("/text"):
        return False
    if pointer.endswith(("/data", "/file_data")) and _BASE64.fullmatch(text):
        return True
    return _WHOLE_DATA_URL.fullmatch(text) is not None


def noted(part: dict[str, Any], word: re.Pattern[str]) -> dict[str, Any]:
    """What is stored of a part: itself, or a note of its type where it is not text."""
    if not is_media(part):
        return part
    kind = part.get("type")
    plain = isinstance(kind, str) and word.fullmatch(kind)
    return {"type": kind if plain else "unknown", "omitted": True}
