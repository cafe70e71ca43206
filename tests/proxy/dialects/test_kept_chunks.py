"""Chunks that wait as they were written: they leave whole, or are told anew, and nothing of them is lost or doubled."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.chat_stream import ChatStream
from proxy.dialects.kept_chunks import MAX_OWED
from proxy.errors import UpstreamError
from proxy.sse import event
from tests.proxy.dialects.replies import as_stream, guard, read

GUARD = guard()
CARD = "4111 1111 1111 1111"


def chunk(delta: dict[str, Any], finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """A chunk as OpenAI writes it, with what is easily lost."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    told = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return orjson.dumps({**told, **more, "obfuscation": "x7"})


def said(text: str, **more: Any) -> bytes:
    """A chunk with a piece of the content."""
    return chunk({"content": text}, **more)


FIRST, LAST = chunk({"role": "assistant", "content": ""}), chunk({}, "stop")
PIECES = st.lists(
    st.sampled_from(["a", " ada", "@", "4111", " ", "1 1", ".", "\\u", "é", '"', "\n\n", "{", " word"]),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(PIECES, st.booleans())
async def test_a_text_in_which_nothing_changes_is_the_providers_bytes(
    pieces: list[str], begins: bool
) -> None:
    """Padding, escapes and the cuts stay, though text waits in the middle of it."""
    payloads = [*([FIRST] if begins else []), *map(said, pieces), LAST]

    _, frames = await as_stream(GUARD, [*payloads, b"[DONE]"], None)

    assert b"".join(frames) == b"".join(map(event, payloads))


CALL = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"to": "ada"}'}}
OTHERS = [
    chunk({"role": "assistant"}),
    chunk({"tool_calls": [CALL]}),
    chunk({"tool_calls": [CALL, {**CALL, "index": 1, "id": "b"}]}),
    chunk({"reasoning_content": "Let me see 41"}),
    chunk({"content": "both ", "reasoning_content": "4111"}),
    said("next ", index=1),
    chunk({"content": "5 is it. "}, usage={"prompt_tokens": 1}),
    chunk({}, citations=["see 4111 1111"]),
    orjson.dumps({"choices": [], "usage": {"prompt_tokens": 1}}),
]
ENDS = [
    LAST,
    chunk({"content": " end"}, "stop"),
    chunk({}, "stop", citations=[f"see {CARD}"]),
    chunk({"function_call": {"name": "f", "arguments": "{}"}}, "function_call"),
    orjson.dumps(
        {"choices": [{"index": 0, "delta": {}, "message": {"content": "all"}, "finish_reason": "stop"}]}
    ),
]


async def played(stream: ChatStream, payloads: list[bytes]) -> tuple[bytes, Any, Any, Any]:
    """The wire, what it says, what is recorded, and why it is no whole answer; what follows an error does not count."""
    frames, broken = [], None
    try:
        for payload in payloads:
            frames.append(await stream.feed(payload))
    except UpstreamError as error:
        broken = error.message
    frames.append(await stream.end())
    return b"".join(frames), read(frames), stream.response(), broken or stream.broken


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(["The order is 8842", " word", CARD, "4111", " ada@", "\n"]).map(said),
            st.sampled_from(OTHERS),
        ),
        max_size=12,
    ),
    st.sampled_from(ENDS),
)
async def test_whatever_stands_between_nothing_is_lost_or_doubled(payloads: list[bytes], end: bytes) -> None:
    """The same is said, by the same calls, with the same ends, as by a stream in which no chunk waits."""
    everything = [*payloads, end, chunk({}, "stop", 1), b"[DONE]"]
    kept, plain = ChatStream(GUARD, None), ChatStream(GUARD, None)
    plain._looks_left = 0
    told = [await played(stream, everything) for stream in (kept, plain)]

    assert told[0][1:] == told[1][1:]
    assert CARD.encode() not in told[0][0]


async def test_what_waited_leaves_before_a_block() -> None:
    """As far as it was released; the piece that was about to become the word does not."""
    stream, frames = await as_stream(
        GUARD, [FIRST, *map(said, ("Take", " the", " good", " krypton", "ite. "))], None
    )

    assert stream.blocked
    told = read(frames)[0]
    assert told["message"]["content"].strip() == "Take the good"
    assert told["finish_reason"] == "content_filter"


@pytest.mark.parametrize(
    "text", ["Some long text without anything in it that any of the rules could want. 4111"]
)
async def test_not_much_waits_that_could_leave(text: str) -> None:
    """More than MAX_OWED characters do not wait for the end of their chunk."""
    stream = ChatStream(GUARD, None)

    told = read([await stream.feed(FIRST), await stream.feed(said(text))])

    assert told[0]["message"]["content"] == text.removesuffix("4111")
    assert len(text) > MAX_OWED


async def test_a_change_ends_it_and_nothing_of_the_value_leaves() -> None:
    """What came before leaves as it was written, what follows is told anew."""
    payloads = [
        FIRST,
        *map(said, ("So ", "the card ", "is 4", "111 1111", " 1111 1111", " now. ", "More. ")),
        LAST,
    ]

    _, frames = await as_stream(GUARD, payloads, None)

    wire = b"".join(frames)
    assert read(frames)[0]["message"]["content"] == "So the card is [CARD] now. More. "
    assert wire.startswith(b"".join(map(event, payloads[:3])))
    assert b"111 1111" not in wire
