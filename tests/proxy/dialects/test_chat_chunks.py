"""Chunks of a streamed reply: what is one, and what it still says."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.chat_chunks import parse, says_something
from proxy.errors import UpstreamError


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b'{"error":{"message":"m"}}', b'{"choices":{}}', b'{"choices":[1]}', b'{"choices":[{"delta":"x"}]}'],
)  # fmt: skip
def test_what_is_no_chunk_is_a_fault_of_the_provider(payload: bytes) -> None:
    """It is told as that, and never passed on."""
    with pytest.raises(UpstreamError):
        parse(payload)


@pytest.mark.parametrize(
    ("chunk", "says"),
    [
        ({"id": "c", "created": 1, "choices": [{"index": 0, "delta": {}, "logprobs": None}]}, False),
        ({"id": "c", "choices": [{"index": 0, "delta": {"content": "x"}}]}, True),
        ({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, True),
        ({"id": "c", "choices": [], "usage": {"total_tokens": 1}}, True),
        ({"id": "c", "choices": [{"index": 0, "delta": {}}], "citations": ["x"]}, True),
    ],
)
def test_a_chunk_without_its_texts_may_say_nothing(chunk: dict[str, Any], says: bool) -> None:
    """Then it need not be sent."""
    assert says_something(chunk) is says
