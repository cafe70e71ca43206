"""Media in a message are told of, and a note is stored in their place."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.types import Stage
from proxy.dialects.messages_media import unscannable, without_media

ASK: dict[str, Any] = {"model": "m", "messages": []}
PNG = {"type": "base64", "media_type": "image/png", "data": "QUFB" * 40}
MEDIA: list[tuple[dict[str, Any], Stage | None]] = [
    ({"type": "image", "source": PNG}, Stage.INPUT),
    ({"type": "image", "source": {"type": "url", "url": "http://h/x.png"}}, Stage.INPUT),
    ({"type": "document", "source": {**PNG, "media_type": "application/pdf"}}, Stage.RETRIEVAL),
    ({"type": "document", "source": {"type": "text", "data": "QUFB" * 40}}, None),
    ({"type": "document", "source": {"type": "content", "content": "words"}}, None),
    (
        {"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": PNG}]}},
        Stage.RETRIEVAL,
    ),
    ({"type": "container_upload", "file_id": "file_1"}, Stage.INPUT),
    ({"type": "of_tomorrow", "blob": {"data": "QUFB" * 40}}, Stage.INPUT),
    ({"type": "text", "text": "QUFB" * 40}, None),
    ({"type": ["image"], "text": "x"}, None),
    ({"type": "thinking", "thinking": "x", "signature": "QUFB" * 40}, None),
    ({"type": "redacted_thinking", "data": "QUFB" * 40}, None),
]


@pytest.mark.parametrize(("block", "stage"), MEDIA)
def test_media_are_told_and_not_stored(block: dict[str, Any], stage: Stage | None) -> None:
    """In a message and in a tool's result; text stays as it is."""
    inside = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}, block]}
    request = {**ASK, "messages": [{"role": "user", "content": [block, inside]}]}

    told, stored = unscannable(request), without_media(request)
    [kept, result] = stored["messages"][0]["content"]

    if stage is None:
        assert told == []
        assert stored == request
    else:
        assert told == [
            ("/messages/0/content/0", stage),
            ("/messages/0/content/1/content/1", Stage.TOOL_RESULT),
        ]
        assert kept == result["content"][1] == {"type": block["type"], "omitted": True}
        assert result["content"][0] == {"type": "text", "text": "x"}
