"""What a blocked event had cleared is in no record: nobody received it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import orjson
import pytest

from proxy.dialects.leaving import Leaving
from proxy.sse import Decoder
from tests.proxy.dialects import messages_replies, replies
from tests.proxy.dialects.replies import guard

BAD = "kryptonite"


def test_only_what_was_released_since_is_taken_back() -> None:
    """Of a guard that was asked more than once for the event, all of it."""
    stream, leaving = guard().stream("/x", None), Leaving()
    leaving.note(stream)
    stream.push("It left. " * 9)
    leaving.left()
    kept = stream.recorded
    assert kept
    leaving.note(stream)
    stream.push("It did not. " * 9)
    leaving.note(stream)
    stream.flush()
    assert stream.recorded != kept

    leaving.take_back()
    leaving.take_back()

    assert stream.recorded == kept


@pytest.mark.parametrize(
    "delta",
    [
        {"content": f"so {BAD}"},
        {"content": "so", "reasoning_content": f"hm {BAD} "},
        {"reasoning_content": "hm", "content": f"so {BAD} "},
        {"refusal": "no", "content": BAD},
    ],
)
async def test_a_chat_chunk_that_does_not_leave_is_not_recorded(delta: dict[str, Any]) -> None:
    """Whichever of its texts was blocked, none of them is in the record."""
    chunks = [{"choices": [{"index": 0, "delta": each, "finish_reason": None}]} for each in ({"content": "Well. " * 9}, delta)]  # fmt: skip
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})

    stream, frames = await replies.as_stream(guard(), [orjson.dumps(each) for each in chunks], None)

    response = stream.response()
    assert stream.blocked and response is not None
    kept = {name: text for name, text in response["choices"][0]["message"].items() if name != "role"}
    assert kept == _joined(b"".join(frames))
    assert BAD not in str(kept)


def _joined(told: bytes) -> dict[str, str]:
    said: dict[str, str] = defaultdict(str)
    for payload in Decoder().feed(told):
        for choice in orjson.loads(payload)["choices"]:
            for name, text in choice["delta"].items():
                said[name] += text
    return said


async def test_a_message_event_that_does_not_leave_is_not_recorded() -> None:
    """What stood before the forbidden word in the same event is not in the record."""
    content = [{"type": "text", "text": "Well. " * 9}, {"type": "text", "text": f"so {BAD} it is"}]
    payloads = messages_replies.events(content, lambda text: [text])

    stream, frames = await messages_replies.as_stream(guard(), payloads, None)

    response = stream.response()
    assert stream.blocked and response is not None
    assert response["content"] == messages_replies.read(frames)["content"]
