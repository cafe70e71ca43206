"""Errors as OpenAI writes them, told by providers."""

from __future__ import annotations

import re
from typing import Any

import orjson

from proxy.errors import UpstreamError


def in_band(error: Any) -> UpstreamError:
    """The error for one that a provider told inside an answer it called a success; its code is kept."""
    code = _word(error.get("code")) if isinstance(error, dict) else None
    return UpstreamError("The provider reported an error in place of an answer.", code=code)


def provider_error(body: bytes) -> tuple[str, str | None] | None:
    """(type, code) of an error body as OpenAI writes it; None when it is written otherwise."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return None
    return _word(error.get("type")) or "api_error", _word(error.get("code"))


def foreign_error(body: bytes) -> str | None:
    """What an error body says that is written in a way of its own; None when it says nothing."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    for name in ("message", "detail"):
        if said := document.get(name):
            return said if isinstance(said, str) else orjson.dumps(said).decode()
    return None


def _word(value: Any) -> str | None:
    """A value that is a word of a protocol; None for any other: a text, or what may be a key."""
    return value if isinstance(value, str) and len(value) <= 64 and _WORD.fullmatch(value) else None


_WORD = re.compile(r"[A-Za-z_.-]+\d{0,4}|\d{1,6}")
