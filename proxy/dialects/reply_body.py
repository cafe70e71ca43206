"""The JSON object that a provider's body holds, or one event of its stream."""

from __future__ import annotations

from typing import Any

import orjson

from proxy.dialects.request_body import has_doubles
from proxy.errors import UpstreamError

ANSWER = "The provider's answer"
"""What a whole body is called in errors."""


def reply_object(body: bytes, what: str = ANSWER) -> dict[str, Any]:
    """The JSON object that a body holds. Raises UpstreamError for any other body.

    So it does for an object that gives a member twice: it is relayed as bytes, and others may read the one that
    nobody looked at. `what` is what the body is called in errors.
    """
    try:
        found = orjson.loads(body)
        written = orjson.dumps(found)
    except orjson.JSONDecodeError:
        raise UpstreamError(f"{what} is not valid JSON.") from None
    except orjson.JSONEncodeError:
        raise UpstreamError(f"{what} is nested too deeply.") from None
    if not isinstance(found, dict):
        raise UpstreamError(f"{what} is not a JSON object.")
    if written != body and has_doubles(found, written, body):
        raise UpstreamError(f"{what} gives a member twice in one object.")
    return found
