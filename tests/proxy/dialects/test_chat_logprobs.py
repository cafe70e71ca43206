"""Logprobs spell a reply once more, so they are inspected like it."""

from __future__ import annotations

import random
from typing import Any

import orjson
import pytest

from proxy.dialects import chat_logprobs
from proxy.dialects.chat_reply import apply_reply, reply_segments
from tests.proxy.dialects.replies import as_stream, guard

GUARD = guard()
CARD = "4111 1111 1111 1111"


def token(text: str, **more: Any) -> dict[str, Any]:
    """One token as the API tells it."""
    return {"token": text, "logprob": -0.5, "bytes": list(text.encode()), "top_logprobs": [], **more}


def test_tokens_that_spell_the_message_cost_nothing() -> None:
    """Also when they cut a character in two, which only the bytes show."""
    halves = [token("\\xc3", bytes=[0xC3]), token("\\xa9", bytes=[0xA9])]

    assert (
        chat_logprobs.texts({"content": [token("He"), token("llo")]}, {"content": "Hello"}, "/choices/0")
        == []
    )
    assert chat_logprobs.spelled({"content": halves}, {"content": "é"}) == {"content/token": "\\xc3\\xa9"}


@pytest.mark.parametrize(
    "tokens",
    [
        [token(CARD[:9]), token(CARD[9:])],
        [token("ok", bytes=list(CARD.encode()))],
        [token("ok", top_logprobs=[{"token": CARD, "logprob": -9.0}])],
        [token("ok", note=CARD)],
        [token("ok", **{CARD: 1})],
        CARD,
        {"0": {"token": CARD}},
    ],
)
async def test_what_a_message_does_not_say_is_inspected(tokens: Any) -> None:
    """A value in the tokens, their bytes, their alternatives or beside them takes the logprobs out."""
    message = {"role": "assistant", "content": "ok"}
    reply = {"choices": [{"index": 0, "message": message, "logprobs": {"content": tokens}}]}

    verdict = await GUARD.inspect(reply_segments(reply), None, reply=True)

    assert apply_reply(reply, verdict.edits)["choices"] == [
        {"index": 0, "message": message, "logprobs": None}
    ]


@pytest.mark.parametrize("seed", range(5))
async def test_tokens_over_several_chunks_are_read_together(seed: int) -> None:
    """However a value is cut over the logprobs of a stream, it does not leave."""
    cuts = sorted(random.Random(seed).sample(range(1, len(CARD)), 3))
    pieces = [CARD[a:b] for a, b in zip([0, *cuts], [*cuts, len(CARD)], strict=True)]
    parts = [
        {"index": 0, "delta": {"content": "ok "}, "logprobs": {"content": [token(piece)]}} for piece in pieces
    ]
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    _, frames = await as_stream(GUARD, [orjson.dumps({"choices": [part]}) for part in (*parts, end)], None)

    left = "".join(
        spelled["token"]
        for frame in b"".join(frames).split(b"\n\n")
        if frame
        for part in orjson.loads(frame.removeprefix(b"data: "))["choices"]
        for spelled in (part.get("logprobs") or {}).get("content", ())
    )
    assert CARD not in left
    assert len(left) <= 4


async def test_the_last_chunk_may_have_logprobs() -> None:
    """They are inspected before the choice is closed, and nothing may come after it."""
    clean, other = {"content": [token("ok. ")]}, {"content": [token("else")]}
    last = {"index": 0, "delta": {"content": "ok. "}, "logprobs": clean, "finish_reason": "stop"}
    after = {"index": 0, "delta": {}, "logprobs": other}

    _, frames = await as_stream(GUARD, [orjson.dumps({"choices": [part]}) for part in (last, after)], None)

    assert orjson.dumps(clean) in b"".join(frames)
    assert orjson.dumps(other) not in b"".join(frames)
