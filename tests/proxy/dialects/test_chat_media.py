"""Parts that hold something other than text."""

from __future__ import annotations

import re
from typing import Any

import pytest

from proxy.dialects.chat_media import is_encoded, is_media, noted

ENCODED = "QUJD" * 40


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "x", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "future", "source": {"data": "QUJD"}},
        {"type": "future", "inner": [{"url": "DATA:image/png;base64,QUJD"}]},
        {"type": "future", "data": ENCODED},
        {"input_audio": {}},
        {"type": "image"},
    ],
)
def test_media_is_known_by_its_content(part: dict[str, Any]) -> None:
    """Whatever its type says, a part that carries media is media, and is stored as a note."""
    assert is_media(part)
    assert noted(part, re.compile("[a-z_]+"))["omitted"] is True


@pytest.mark.parametrize(
    "part",
    [
        {"type": "text", "text": "data:text/plain;base64,ada@example.com"},
        {"type": "text", "text": "x", "data": "my card", "url": "plain"},
    ],
)
def test_plain_text_is_not_media(part: dict[str, Any]) -> None:
    """A name alone does not make a plain text something else."""
    assert not is_media(part)
    assert noted(part, re.compile("x")) is part


def test_only_whole_encodings_are_left_out() -> None:
    """Text behind the head of a data URL is still text."""
    assert is_encoded("/data", ENCODED)
    assert is_encoded("/url", "data:image/png;base64,QUJD")
    assert not is_encoded("/url", "data:image/png;base64,ada@example.com")
    assert not is_encoded("/text", "data:image/png;base64,QUJD")
