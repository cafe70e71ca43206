"""What both streams of choices share is tested through them; here is what a dialect adds."""

from __future__ import annotations

import orjson
import pytest

from guardrails.conversation import NOTHING_SAID
from proxy.dialects.chat_stream import ChatStream
from proxy.dialects.choice_stream import ChoiceStream
from proxy.dialects.completions_stream import CompletionStream
from proxy.sse import Decoder
from tests.proxy.dialects.replies import guard

GUARD = guard()


def streams() -> list[ChoiceStream]:
    """One stream of each dialect."""
    return [ChatStream(GUARD, None), CompletionStream(GUARD, None, NOTHING_SAID)]


@pytest.mark.parametrize("stream", streams(), ids=lambda stream: type(stream).__name__)
async def test_members_beside_the_texts_are_guarded(stream: ChoiceStream) -> None:
    """A card in a member that nobody knows does not leave, whichever of the two streams it stands in."""
    payload = orjson.dumps(
        {"choices": [], "note": "4111 1111 1111 1111", "deep": [{"a": "4111 1111 1111 1111"}]}
    )

    frames = await stream.feed(payload) + await stream.end()

    assert b"4111" not in frames
    assert frames.count(b"[CARD]") == 2
    assert stream.broken is not None


@pytest.mark.parametrize("stream", streams(), ids=lambda stream: type(stream).__name__)
async def test_a_block_before_any_choice_still_ends_one(stream: ChoiceStream) -> None:
    """A client that waits for a choice gets one, in its dialect's words."""
    await stream.feed(orjson.dumps({"choices": [], "deep": [{"a": "kryptonite"}]}))

    [payload] = Decoder().feed(stream.block())

    told = orjson.loads(payload)
    assert stream.blocked
    assert told["object"] == stream.OBJECT
    assert told["choices"][0]["finish_reason"] == "content_filter"
