"""Errors as Anthropic writes them."""

from __future__ import annotations

import re
from typing import Any

import orjson

from proxy.errors import ProxyError, UpstreamError

_BY_STATUS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
TYPES = frozenset({*_BY_STATUS.values(), "invalid_request_error", "api_error"})
"""Every `error.type` that Anthropic documents."""


def error_type(status: int) -> str:
    """The type of an error with that HTTP status."""
    return _BY_STATUS.get(status, "invalid_request_error" if status < 500 else "api_error")


def envelope(error: ProxyError) -> bytes:
    """The error as the JSON body Anthropic would send: `{"type", "error": {"type", "message"}, "request_id"}`."""
    kind = error.code if error.code in TYPES else error_type(error.status)
    return written(str(kind), error.message, error.request_id or None)


def enveloped(body: bytes, status: int) -> bytes:
    """An error body with `error.message` as Anthropic would send it; the same bytes when it is one of those."""
    told = orjson.loads(body)
    if told.get("type") == "error":
        return body
    return written(error_type(status), told["error"]["message"])


def written(kind: str, message: str, request_id: str | None = None) -> bytes:
    """An error body of that type."""
    return orjson.dumps(
        {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    )


def in_band(error: Any) -> UpstreamError:
    """The error for one that a provider told inside an answer it called a success; its type is kept."""
    kind = error.get("type") if isinstance(error, dict) else None
    known = isinstance(kind, str) and re.fullmatch(r"[\w.-]{1,64}", kind)
    return UpstreamError(
        "The provider reported an error in place of an answer.", code=kind if known else None
    )
