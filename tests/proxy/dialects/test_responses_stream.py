"""Streams: the same answer as unstreamed, whatever the cut, and never a forbidden value on the wire."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.engine import Guard
from guardrails.pseudonyms import Vault
from proxy.dialects import responses_reply
from proxy.dialects.responses_edits import apply_edits
from proxy.dialects.responses_events import Cut, Event, frame
from proxy.dialects.responses_stream import ResponsesStream
from proxy.errors import UpstreamError
from proxy.sse import DONE, Decoder
from tests.proxy.dialects.replies import guard, token, vault
from tests.proxy.dialects.responses_replies import call, message, payloads, reply

GUARD = guard()
CARD = "4111 1111 1111 1111"
TEXT = f"Dear TOKEN, your card {CARD} is fine. Write to TOKEN"
CUTS: dict[str, Cut] = {
    "whole": lambda text: [text],
    "characters": list,
    "fours": lambda text: [text[n : n + 4] for n in range(0, len(text), 4)],
}


def cells(text: str) -> dict[str, list[dict[str, Any]]]:
    """Every surface of a response, saying the same."""
    arguments = orjson.dumps({"text": text, "list": [text, 5]}).decode()
    spelled = [{"token": text, "logprob": -0.5, "bytes": [], "top_logprobs": []}]
    refused = {**message(""), "content": [{"type": "refusal", "refusal": text}]}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}
    custom = {"type": "custom_tool_call", "id": "ct_1", "call_id": "c", "name": "run", "input": text}
    mcp = {"type": "mcp_call", "id": "mcp_1", "name": "ask", "server_label": "s", "arguments": arguments}
    code = {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "container_id": "c",
        "status": "completed",
        "code": text,
    }
    return {
        "text": [message(text)],
        "logprobs": [message(text, logprobs=spelled)],
        "refusal": [refused],
        "summary": [thought, message("fine")],
        "reasoning": [{**thought, "summary": [], "content": [{"type": "reasoning_text", "text": text}]}],
        "arguments": [call(arguments), call("{}", "stop", "call_2")],
        "not json": [call(text)],
        "custom": [custom],
        "mcp": [{**mcp, "output": text}],
        "code": [{**code, "outputs": [{"type": "logs", "logs": text}]}],
        "all": [thought, message(text), call(arguments)],
    }


async def as_whole(of: Guard, whole: dict[str, Any], known: Vault) -> dict[str, Any]:
    """The response a caller gets when it was not streamed."""
    verdict = await of.inspect(responses_reply.reply_texts(whole), known, reply=True)
    if verdict.blocked_by:
        return responses_reply.blocked_reply(whole)
    return responses_reply.restored(whole, verdict.edits, known)


async def as_kept(of: Guard, whole: dict[str, Any], known: Vault) -> dict[str, Any]:
    """The response as it is stored when it was not streamed."""
    verdict = await of.inspect(responses_reply.reply_texts(whole), known, reply=True)
    return apply_edits(whole, verdict.edits)


async def as_stream(of: Guard, sent: list[bytes], known: Vault | None) -> tuple[ResponsesStream, list[bytes]]:
    """The stream after it ended, and each frame that left."""
    stream = ResponsesStream(of, known)
    frames = []
    for payload in sent:
        frames.append(await stream.feed(payload))
        if stream.blocked:
            return stream, [*frames, stream.block()]
    rest = await stream.end()
    return stream, [*frames, stream.block() if stream.blocked else rest]


def read(frames: list[bytes]) -> list[Event]:
    """The events that left."""
    return [orjson.loads(payload) for payload in Decoder().feed(b"".join(frames))]


def joined(events: list[Event]) -> dict[tuple[Any, ...], str]:
    """The deltas of each text joined."""
    texts: dict[tuple[Any, ...], str] = {}
    for event in events:
        if event["type"].endswith(".delta"):
            names = ("type", "output_index", "content_index", "summary_index")
            key = tuple(event.get(name) for name in names)
            texts[key] = texts.get(key, "") + event["delta"]
    return texts


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("cell", cells(""))
async def test_one_rule_gives_one_answer(cell: str, cut: str) -> None:
    """Streamed or not the caller gets the same: in the deltas, in each event that repeats them, and at the end."""
    known = await vault(GUARD)
    whole = reply(*cells(TEXT.replace("TOKEN", token(known)))[cell])
    expected = await as_whole(GUARD, whole, known)

    stream, frames = await as_stream(GUARD, payloads(whole, CUTS[cut]), known)

    events = read(frames)
    assert events[-1]["response"]["output"] == expected["output"]
    assert [e["item"] for e in events if e["type"] == "response.output_item.done"] == expected["output"]
    ends = {**joined(events)}
    for event in events:
        if event["type"].endswith(
            ("_text.done", "arguments.done", "refusal.done", "input.done", "code.done")
        ):
            key = (
                event["type"][:-4] + "delta",
                *(event.get(f"{n}_index") for n in ("output", "content", "summary")),
            )
            [text] = {event[n] for n in ("text", "refusal", "arguments", "input", "code") if n in event}
            assert ends.pop(key) == text
    assert not ends
    assert stream.response() == await as_kept(GUARD, whole, known)
    assert stream.broken is None
    wire = b"".join(frames)
    assert b"ada@example.com" in wire
    assert CARD.encode() not in wire
    assert token(known).encode() not in wire


@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_no_prefix_of_the_wire_holds_a_forbidden_value(data: st.DataObject) -> None:
    """For every way to split, no emission joined to those before it shows a card, and numbers only grow."""
    cell = data.draw(st.sampled_from(sorted(cells(""))))

    def cut(text: str) -> list[str]:
        places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b]

    known = await vault(GUARD)
    whole = reply(*cells(TEXT.replace("TOKEN", token(known)))[cell])
    expected = await as_whole(GUARD, whole, known)

    _, frames = await as_stream(GUARD, payloads(whole, cut), known)

    events = read(frames)
    for end in range(len(events) + 1):
        assert CARD[:12] not in repr(joined(events[:end]))
    assert CARD.encode() not in b"".join(frames)
    assert events[-1]["response"]["output"] == expected["output"]
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(set(numbers))


async def test_untouched_events_are_the_providers_own_bytes() -> None:
    """An event in which nothing had to change leaves byte for byte, unknown types and members and all."""
    whole = reply(message("All is well. ", logprobs=[{"token": "All is well. ", "logprob": 1.5}]))
    sent = payloads(whole, lambda text: [text])
    more = b'{"type": "response.tomorrow", "sequence_number":99, "who":{"knows":1.50}, "item_id": "x"}'
    sent.insert(3, more.replace(b"99", b"3"))
    numbered = [
        payload.replace(b'"sequence_number":%d' % n, b'"sequence_number": %d' % n)
        for n, payload in enumerate(sent)
    ]
    numbered = [
        *numbered[:4],
        *(orjson.dumps({**orjson.loads(p), "sequence_number": n}) for n, p in enumerate(sent[4:], 4)),
    ]

    stream, frames = await as_stream(GUARD, [*numbered, DONE], None)

    expected = [b"event: " + orjson.loads(p)["type"].encode() + b"\ndata: " + p + b"\n\n" for p in numbered]
    assert b"".join(frames) == b"".join(expected) + b"data: [DONE]\n\n"
    assert stream.usage is not None
    assert stream.usage["total_tokens"] == 3


@pytest.mark.parametrize("cell", cells(""))
async def test_a_block_ends_the_response_at_once(cell: str) -> None:
    """After a block nothing more leaves, and the response ends incomplete, filtered, with what had left."""
    whole = reply(*cells("All is well. Take the kryptonite and go.")[cell])

    stream, frames = await as_stream(GUARD, payloads(whole), None)

    events = read(frames)
    assert stream.blocked
    assert stream.verdict().blocked_by == "forbidden"
    assert stream.finish_reasons() == ("content_filter",)
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "content_filter"}
    assert sum(event["type"] == "response.created" for event in events) == 1
    for told in (repr(events), repr(stream.response())):
        assert "krypton" not in told
        assert "and go" not in told


async def test_a_block_tells_what_had_left() -> None:
    """The last event of a blocked stream holds the text that the deltas told."""
    _, frames = await as_stream(GUARD, payloads(reply(message("All is well. Take the kryptonite."))), None)

    [text] = joined(read(frames)).values()
    assert read(frames)[-1]["response"]["output"] == [
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "incomplete",
            "content": [{"type": "output_text", "text": text, "annotations": []}],
        }
    ]
    assert text.startswith("All is well.")


async def test_a_rewritten_event_tells_nothing_of_the_old_text() -> None:
    """Padding and logprobs of an event whose text was held back or replaced are dropped."""
    sent = []
    for payload in payloads(reply(message(CARD))):
        event = orjson.loads(payload)
        if event["type"] == "response.output_text.delta":
            event |= {"obfuscation": "padding", "logprobs": [{"token": event["delta"], "logprob": 0}]}
        sent.append(orjson.dumps(event))

    _, frames = await as_stream(GUARD, sent, None)

    wire = b"".join(frames)
    assert b"padding" not in wire
    assert b'"token"' not in wire
    assert [*joined(read(frames)).values()] == ["[CARD]"]


async def test_text_that_no_delta_told_is_inspected_all_the_same() -> None:
    """What only a final event says, or says otherwise than the deltas, is inspected there."""
    sent = [orjson.loads(payload) for payload in payloads(reply(message("Hi")))]
    sent[-1]["response"]["output"] = [message(f"Card {CARD}")]

    stream, frames = await as_stream(GUARD, [orjson.dumps(event) for event in sent], None)

    assert read(frames)[-1]["response"]["output"] == [message("Card [CARD]")]
    assert stream.verdict().findings


@pytest.mark.parametrize("end", [5, 9])
async def test_a_stream_that_ends_early_is_broken(end: int) -> None:
    """Held text leaves, a call that is not complete does not, and the end is told as an error."""
    stream, frames = await as_stream(GUARD, payloads(reply(message("4111 4111")))[:end], None)
    cut, told = await as_stream(GUARD, payloads(reply(call('{"a": "4111"}')))[:end], None)

    assert stream.broken
    assert cut.broken
    assert "".join(joined(read(frames)).values()) == "4111 4111"[: end - 4]
    assert not joined(read(told))
    assert (ResponsesStream(GUARD, None)).broken


@pytest.mark.parametrize(
    "payload",
    [
        b"{oops",
        b"[]",
        b'{"type": 5}',
        b'{"error": {"message": "m", "code": "c"}}',
        b'{"type": "error", "code": "c", "message": "m"}',
    ],
)
async def test_what_is_no_event_is_an_error(payload: bytes) -> None:
    """Also an error that the provider tells in band; its text is not repeated."""
    with pytest.raises(UpstreamError) as raised:
        await ResponsesStream(GUARD, None).feed(payload)

    assert "oops" not in raised.value.message


def test_the_replies_of_these_tests_are_framed_as_openai_does() -> None:
    """An event's type is its name on the wire."""
    assert (
        frame({"type": "response.created"})
        == b'event: response.created\ndata: {"type":"response.created"}\n\n'
    )
