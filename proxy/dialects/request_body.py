"""The JSON object that a request body holds."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import orjson

from proxy.errors import BadRequest, Code

_NAMES = frozenset(
    {"model", "messages", "input", "prompt", "stream", "system", "instructions", "tools", "functions"}
    | {"guardhouse", "n", "tool_choice", "response_format", "previous_response_id", "conversation"}
)
"""Members on which depends how a request is judged."""
_DIGITS = 17
"""Digits with which every floating-point number can be told."""
_LONG_NUMBER = re.compile(rb"-?\d[\d.]{17,}+(?:[eE][+-]?\d+)?")
_SPACED = re.compile(rb'"[ \t\r\n]+:')
_RUNS = bytes(ord("0") if chr(code) in "0123456789." else ord(" ") for code in range(256))
_LONG_RUN = b"0" * (_DIGITS + 1)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)')


def document(body: bytes) -> dict[str, Any]:
    """The JSON object that a body holds. Raises BadRequest for any other body."""
    if not body:
        raise BadRequest("The request has no body: send a JSON object.", code=Code.INVALID_JSON)
    try:
        found = orjson.loads(body)
        written = orjson.dumps(found)
    except orjson.JSONDecodeError as error:
        raise BadRequest(
            f"The request body is not valid JSON: {error.msg} (character {error.pos}).",
            code=Code.INVALID_JSON,
        ) from None
    except orjson.JSONEncodeError:
        raise BadRequest("The request body is nested too deeply.", code=Code.INVALID_JSON) from None
    if not isinstance(found, dict):
        raise BadRequest("The request body must be a JSON object.", code=Code.INVALID_JSON)
    if written != body and has_doubles(found, written, body):
        raise BadRequest("The request body gives a member twice in one object.", code=Code.INVALID_JSON)
    if written != body and _loses_digits(body):
        raise BadRequest(
            "The request body has a number with more digits than are kept. Send it as a string.",
            code=Code.INVALID_JSON,
        )
    for name in found:
        if name not in _NAMES and name.casefold() in _NAMES:
            # Some servers read it as the member that we judge the request by.
            raise BadRequest(
                f"Unknown parameter, written like '{name.casefold()}' but for its case.",
                code=Code.UNKNOWN_PARAMETER,
                param=name.casefold(),
            )
    return found


def has_doubles(found: Any, written: bytes, body: bytes) -> bool:
    """Whether a JSON text gives a member twice in one object.

    Such a name is read by us once and by others perhaps another way: nobody may hide text so.

    Args:
        found: what was read from the text.
        written: `found` as orjson writes it.
        body: the text.
    """
    if b"\\u" not in body and _SPACED.search(body) is None:
        # Every string is spelled alike in both, so what is counted beside names is the same too.
        return _colons(written) != _colons(body)
    return _members(found) != _key_ends(body)


def _loses_digits(body: bytes) -> bool:
    """Whether a valid JSON text has a number of which some digits are lost when it is read: nobody inspected those.

    What is rounded in its last digit only is not lost: many programs write a fraction with seventeen.
    """
    if _LONG_RUN not in body.translate(_RUNS):
        return False
    numbers = _LONG_NUMBER.findall(_STRING.sub(b'""', body))
    return any(
        len(told.lstrip(b"-0.").partition(b"e")[0].replace(b".", b"")) > _DIGITS
        and Decimal(told.decode()) != Decimal(str(orjson.loads(told)))
        for told in map(bytes.lower, numbers)
    )


def _colons(text: bytes) -> int:
    """How many quotes stand before a colon: behind each member name, and where a string begins with a colon."""
    if b"\\" in text:
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    return text.count(b'":')


def _members(document: Any) -> int:
    """How many members all objects in a document have together."""
    total, stack = 0, [document]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            total += len(item)
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return total


def _key_ends(body: bytes) -> int:
    """How many member names stand in a valid JSON text: the whole strings that a colon follows."""
    return _STRING.findall(body).count(b":")


def wrong_type(param: str, expected: str) -> BadRequest:
    """The error for a member of another type, named as OpenAI does (`messages[0].content`)."""
    return BadRequest(
        f"Invalid type for '{param}': expected {expected}.", code=Code.INVALID_TYPE, param=param
    )


def check_basics(request: dict[str, Any]) -> None:
    """Check `model`, `stream` and `n`. Raises BadRequest naming the member."""
    model = request.get("model")
    if model is None:
        raise BadRequest(
            "You must provide a model parameter.", code=Code.MISSING_REQUIRED_PARAMETER, param="model"
        )
    if not isinstance(model, str) or not model:
        raise wrong_type("model", "a non-empty string")
    if not isinstance(request.get("stream"), bool | None):
        raise wrong_type("stream", "a boolean")
    count = request.get("n")
    if not isinstance(count, int | None) or isinstance(count, bool):
        raise wrong_type("n", "an integer")
