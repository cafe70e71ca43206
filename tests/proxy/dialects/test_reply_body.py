"""The JSON object of a provider's body: what is none, and what says one thing to us and another to others."""

from __future__ import annotations

import pytest

from proxy.dialects.reply_body import reply_object
from proxy.errors import UpstreamError


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b'{"a": NaN}', "is not valid JSON"),
        (b'{"a": "\xff"}', "is not valid JSON"),
        (b"[]", "is not a JSON object"),
        (b'"a"', "is not a JSON object"),
        (b'{"a": 1, "a": 2}', "gives a member twice"),
        (b'{"a":1,"\\u0061":2}', "gives a member twice"),
        (b'{"x":[{"a":1,"b":2,"a":1}]}', "gives a member twice"),
        (b'{"a":' + b"[" * 300 + b"]" * 300 + b"}", "is nested too deeply"),
        (b'{"a":' + b"[" * 9_000 + b"]" * 9_000 + b"}", "is not valid JSON"),
    ],
)
def test_what_is_no_object_is_an_error(body: bytes, what: str) -> None:
    """It says what is wrong, and no word of the body."""
    with pytest.raises(UpstreamError, match=f"^A chunk {what}"):
        reply_object(body, "A chunk")


@pytest.mark.parametrize("body", [b'{"a":1}', b' { "a" : 1.0 } ', b'{"a":"\\u00e9 \\"a\\": 1"}', b"{}"])
def test_an_object_is_read(body: bytes) -> None:
    """However it is written."""
    assert isinstance(reply_object(body), dict)
