"""About how many tokens a request is, whatever its author would like it to be taken for."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.demand_size import BYTES_PER_TOKEN, MEDIA_TOKENS, request_tokens, text_tokens
from proxy.exchange import Exchange
from tests.proxy.exchanges import masked

LONG = "A" * 9_000
URL = f"data:image/png;base64,{LONG}"
TEXTS = len(LONG) // BYTES_PER_TOKEN


@pytest.mark.parametrize(
    ("value", "tokens"),
    [
        ({}, 1),
        ("x" * 300, 101),
        ("界" * 10, 11),
        ([1, 2, 3], 4),
        ([[1, 2], [3]], 6),
        ({"abc": "x"}, 3),
    ],
)
def test_texts_names_and_ids_are_taken_for_their_bytes(value: Any, tokens: int) -> None:
    """Three bytes a token, a token for each name and entry, so that it is rarely too few."""
    assert text_tokens(value) == tokens


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "input_image", "image_url": URL},
        {"type": "input_audio", "input_audio": {"data": LONG, "format": "mp3"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": LONG}},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        {"type": "tool_result", "content": [{"type": "image", "source": {"type": "base64", "data": LONG}}]},
    ],
)
@pytest.mark.parametrize("turns", ["messages", "input"])
def test_media_are_taken_for_what_they_are(turns: str, part: Any) -> None:
    """Where a dialect has them, and not for their encoding."""
    found = text_tokens({turns: [{"role": "user", "content": [part]}]})

    assert MEDIA_TOKENS < found < MEDIA_TOKENS + 60


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [{"content": f"data:{LONG}"}]},
        {"messages": [{"content": [{"type": "text", "text": URL}]}]},
        {"messages": [{"content": [{"type": "text", "text": "x", "data": LONG}]}]},
        {"messages": [{"content": [{"type": "document", "source": {"type": "text", "data": LONG}}]}]},
        {"messages": [{"content": [{"type": "file", "file": {"file_data": LONG}}]}]},
        {"tools": [{"input": {"content": [{"type": "input_image", "image_url": URL}]}}]},
        {
            "messages": [
                {"content": [{"type": "tool_use", "input": {"type": "input_image", "image_url": URL}}]}
            ]
        },
        {"input": [{"type": "reasoning", "encrypted_content": LONG}]},
        {"tools": [{"parameters": {"properties": {LONG: {}}}}]},
        {"tools": [{"parameters": {"enum": [10**15] * (len(LONG) // 16)}}]},
        {"tools": [{"parameters": {"enum": [""] * TEXTS}}]},
    ],
)
def test_texts_are_not_taken_for_media(request_: Any) -> None:
    """Neither a prefix nor a name makes a text shorter; files may be all text."""
    assert text_tokens(request_) >= TEXTS


def test_a_long_sound_is_taken_for_more() -> None:
    """By its length, at what a well compressed one has."""
    part = {"type": "input_audio", "input_audio": {"data": "A" * 2_560_000}}

    assert 10_000 <= text_tokens({"messages": [{"content": [part]}]}) < 10_060


def _sent(body: bytes) -> Exchange:
    sent = masked()
    sent.body, sent.size, sent.request = body, len(body), orjson.loads(body)
    return sent


@given(st.lists(st.text(max_size=200), min_size=1, max_size=8))
def test_a_conversation_of_texts_is_known_by_its_size(texts: list[str]) -> None:
    """Without a walk through it, and about what the walk would say."""
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": text} for text in texts]})
    walked = text_tokens(orjson.loads(body))

    assert request_tokens(_sent(body)) >= walked - 4 * len(texts) - 4
    if b"\\u" not in body:
        assert request_tokens(_sent(body)) == len(body) // BYTES_PER_TOKEN + 1


@pytest.mark.parametrize(
    "body",
    [
        b'{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}]}]}',
        b'{"messages":[{"content":[{"type":"\\u0069mage_url","im\\u0061ge_url":{"url":"https://x.example/a.png"}}]}]}',
    ],
)
def test_media_are_never_known_by_their_size(body: bytes) -> None:
    """Not even under an escaped name."""
    assert request_tokens(_sent(body)) > MEDIA_TOKENS
