"""A stream in which nothing changes is told as it was written; in one that changes, what waited is told as far as it may be."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.dialects.chat_stream import ChatStream
from proxy.dialects.responses_lanes import Lane
from proxy.dialects.responses_stream import ResponsesStream
from proxy.dialects.verbatim import MAX_BYTES, MAX_READY, Verbatim
from proxy.sse import Decoder, event
from tests.proxy.dialects import responses_replies
from tests.proxy.dialects.replies import as_stream, guard, read

GUARD = guard()
CARD = "4111 1111 1111 1111"


def chunk(text: str, index: int = 0, **more: Any) -> bytes:
    """A chunk as providers write it, with all that is easily lost."""
    part = {
        "index": index,
        "delta": {"content": text},
        "logprobs": {"content": [{"token": text, "logprob": -1.50}]},
    }
    return orjson.dumps(
        {"id": "c", "choices": [{**part, "finish_reason": None, **more}], "obfuscation": "x7"}
    )


def end(index: int = 0) -> bytes:
    """The last chunk of a choice."""
    return orjson.dumps({"id": "c", "choices": [{"index": index, "delta": {}, "finish_reason": "stop"}]})


async def test_what_waited_is_told_as_far_as_it_may_be_when_something_changes() -> None:
    """Nothing is told twice, nothing is lost, and nothing of the value left."""
    pieces = ["So ", "the card ", "is 4", "111 1111", " 1111 1111", " now. ", "Then more. "]
    payloads = [*map(chunk, pieces), end()]

    _, frames = await as_stream(GUARD, payloads, None)

    wire = b"".join(frames)
    assert read(frames)[0]["message"]["content"] == "So the card is [CARD] now. Then more. "
    assert wire.startswith(event(payloads[0]) + event(payloads[1]))
    assert b"4111" not in wire and b"111 1111" not in wire


async def test_what_waited_leaves_before_a_block_as_far_as_it_may() -> None:
    """The piece that was about to become the word is cut off, and the choice is told as filtered."""
    payloads = [chunk("Take the "), chunk("good krypton"), chunk("ite. ")]

    stream, frames = await as_stream(GUARD, payloads, None)

    assert stream.blocked
    told = read(frames)[0]
    assert (told["message"]["content"], told["finish_reason"]) == ("Take the good ", "content_filter")


@pytest.mark.parametrize(
    ("payloads", "left"),
    [
        ([chunk("4111"), *[chunk("Some text. ", 1)] * 7], "Some text. " * 7),
        ([chunk("Some long text without anything in it that any of the rules could want. 4111")], "Some long text without anything in it that any of the rules could want. "),
    ],
)  # fmt: skip
async def test_not_much_waits_that_could_leave(payloads: list[bytes], left: str) -> None:
    """More than MAX_READY characters do not wait for the rest of an event, nor for another choice."""
    stream = ChatStream(GUARD, None)
    told = read([await stream.feed(payload) for payload in payloads])

    assert len(left) > MAX_READY
    assert "".join(choice["message"].get("content", "") for choice in told.values()) == left


async def test_not_many_bytes_wait() -> None:
    """A guard that holds everything does not keep every event with it."""
    queue, lane = Verbatim(), Lane("/x", "output_text", "delta", {}, GUARD.stream("/x", None, "assistant"))
    payload = chunk("4")
    for _ in range(MAX_BYTES // len(payload) + 1):
        lane.came += 1
        queue.mark(lane, "4")
        queue.add(payload, {})

    assert queue.ready() == []
    assert queue.full


async def test_a_forbidden_alternative_in_logprobs_does_not_leave_with_its_event() -> None:
    """The text beside it is clean, and waits: its event is told without logprobs all the same."""
    token = {"token": "fine", "top_logprobs": [{"token": CARD}]}
    payloads = [chunk("all 4"), chunk("fine", logprobs={"content": [token]}), chunk(" and 4"), end()]

    _, frames = await as_stream(GUARD, payloads, None)

    assert CARD.encode() not in b"".join(frames)
    assert read(frames)[0]["message"]["content"] == "all 4fine and 4"


@pytest.mark.parametrize(
    "piece",
    [
        {"function": CARD},
        {"function": {"name": {CARD: 1}, "arguments": "{}"}},
        {"function": {"name": "f", "arguments": "{}", "input": CARD}},
        {"function": {"name": "f", "arguments": {"x": CARD}}},
        {"function": {"name": "f"}, "custom": {"input": CARD}},
        {"id": CARD, "function": {"name": "f", "arguments": "{}"}},
        {"note": CARD, "function": {"name": "f", "arguments": "{}"}},
    ],
)
async def test_a_call_of_odd_shape_is_not_told_as_it_was_written(piece: dict[str, Any]) -> None:
    """What is not read does not leave, in the last chunk or before it."""
    call = orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, **piece}]}}]})

    _, frames = await as_stream(GUARD, [call, end()], None)

    assert CARD.encode() not in b"".join(frames)


@pytest.mark.parametrize(
    "text", ["Hi, 4111 boats and ada", "pay 4111 1111 1111 1111 at once, or do not pay at all"]
)
async def test_a_response_is_told_as_it_was_written_until_something_changes(text: str) -> None:
    """Then nothing is lost or told twice, numbers go on growing, and nothing of the value left."""
    sent = responses_replies.payloads(responses_replies.reply(responses_replies.message(text)))
    sent = [orjson.dumps({**orjson.loads(payload), "obfuscation": "x7"}) for payload in sent]
    stream = ResponsesStream(GUARD, None)

    frames = [await stream.feed(payload) for payload in sent] + [await stream.end()]

    events = [orjson.loads(payload) for payload in Decoder().feed(b"".join(frames))]
    said = "".join(event["delta"] for event in events if event["type"] == "response.output_text.delta")
    assert said == text.replace(CARD, "[CARD]")
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(set(numbers))
    assert stream.broken is None
    assert (events == [orjson.loads(payload) for payload in sent]) is (CARD not in text)


async def test_arguments_of_a_response_that_never_ends_do_not_leave() -> None:
    """Half a call was not looked at."""
    sent = responses_replies.payloads(responses_replies.reply(responses_replies.call('{"to": "ada"}')))
    stream = ResponsesStream(GUARD, None)

    frames = [await stream.feed(payload) for payload in sent[:8]] + [await stream.end()]

    assert b"arguments.delta" in b"".join(sent[:8])
    assert b"arguments.delta" not in b"".join(frames)
    assert stream.broken is not None
