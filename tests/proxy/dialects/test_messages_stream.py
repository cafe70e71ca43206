"""Streams of messages: the same answer as unstreamed, whatever the cut, and never a forbidden value on the wire."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.types import Action
from proxy.errors import UpstreamError
from proxy.sse import named
from tests.proxy.dialects.messages_replies import USAGE, as_stream, as_whole, events, message, read
from tests.proxy.dialects.replies import Cut, guard, token, vault
from tests.proxy.policies import CARD as PATTERN

GUARD = guard()
CARD = "4111 1111 1111 1111"
TEXT = f"Dear TOKEN, your card {CARD} is fine. Write to TOKEN"
CUTS: dict[str, Cut] = {
    "whole": lambda text: [text],
    "characters": list,
    "fours": lambda text: [text[n : n + 4] for n in range(0, len(text), 4)],
}
SIGNED = "c2lnbmVk" * 16


def cells(text: str) -> dict[str, list[dict[str, Any]]]:
    """Every surface of a reply, saying the same."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"text": text, "list": [text, 5]}}
    cited = {"type": "char_location", "cited_text": text, "document_index": 0, "document_title": text}
    searched = {"type": "web_search_result", "title": text, "url": text, "encrypted_content": SIGNED}
    return {
        "text": [{"type": "text", "text": text}],
        "thinking": [
            {"type": "thinking", "thinking": text, "signature": SIGNED},
            {"type": "text", "text": "fine"},
        ],
        "redacted": [{"type": "redacted_thinking", "data": SIGNED}, {"type": "text", "text": text}],
        "tools": [
            {"type": "text", "text": text},
            call,
            {**call, "id": "toolu_2", "name": "stop", "input": {}},
        ],
        "server tools": [
            {**call, "type": "server_tool_use", "id": "srvtoolu_1"},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [searched]},
        ],
        "citations": [{"type": "text", "text": text, "citations": [cited, cited]}],
        "unknown block": [{"type": "block_of_tomorrow", "words": [text], "other": text}],
    }


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("cell", cells(""))
async def test_one_rule_gives_one_answer(cell: str, cut: str) -> None:
    """Text, thinking, tools and citations: streamed or not, the caller gets the same."""
    known = await vault(GUARD)
    content = cells(TEXT.replace("TOKEN", token(known)))[cell]

    expected = await as_whole(GUARD, message(content), known)
    stream, frames = await as_stream(GUARD, events(content, CUTS[cut]), known)

    assert read(frames) == expected
    assert stream.broken is None
    assert stream.usage == USAGE
    wire = b"".join(frames)
    assert b"ada@example.com" in wire
    assert CARD.encode() not in wire
    assert token(known).encode() not in wire


@settings(max_examples=40, deadline=None)
@given(data=st.data())
async def test_no_prefix_of_the_wire_holds_a_forbidden_value(data: st.DataObject) -> None:
    """For every way to split, no emission joined to those before it shows a card, in any lane."""
    cell = data.draw(st.sampled_from(sorted(cells(""))))

    def cut(text: str) -> list[str]:
        places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b]

    known = await vault(GUARD)
    content = cells(TEXT.replace("TOKEN", token(known)))[cell]
    expected = await as_whole(GUARD, message(content), known)

    _, frames = await as_stream(GUARD, events(content, cut), known)

    for end in range(1, len(frames) + 1):
        assert CARD[:12] not in repr(read(frames[:end]))
    assert read(frames) == expected


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("cell", cells(""))
async def test_a_blocked_stream_ends_as_a_refusal(cell: str, cut: str) -> None:
    """Nothing of the forbidden word leaves; what was begun is ended, and the message stops with `refusal`."""
    content = cells("All is well with kryptonite in it.")[cell]

    stream, frames = await as_stream(GUARD, events(content, CUTS[cut]), None)

    told = read(frames)
    wire = b"".join(frames)
    assert b"kryptonite" not in wire
    assert b"krypto" not in wire
    assert told["stop_reason"] == "refusal"
    assert stream.finish_reasons() == ("refusal",)
    assert wire.count(b'"content_block_start"') == wire.count(b'"content_block_stop"')
    assert wire.endswith(named("message_stop", b'{"type":"message_stop"}'))
    assert stream.verdict().action is Action.BLOCK
    assert "kryptonite" not in repr(stream.response())


async def test_untouched_events_are_the_providers_own_bytes() -> None:
    """An event in which nothing had to change leaves byte for byte under its name, unknown members and all."""
    payloads = [
        b'{"type":"message_start", "message":{"id":"m","content":[],"usage":{"input_tokens":1}}}',
        b'{"type":"content_block_start","index":0, "content_block":{"type":"text","text":""},"new":1.50}',
        b'{"type": "ping"}',
        b'{"type":"content_block_delta","index":0, "delta":{"type":"text_delta","text":"All is well. "}}',
        b'{"type":"content_block_stop", "index":0}',
        b'{"type":"event_of_tomorrow","words":["fine"]}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn" },"usage":{"output_tokens":3}}',
        b'{"type":"message_stop" }',
    ]

    stream, frames = await as_stream(GUARD, payloads, None)

    assert b"".join(frames) == b"".join(named(orjson.loads(p)["type"], p) for p in payloads)
    assert stream.usage == {"input_tokens": 1, "output_tokens": 3}


async def test_what_is_recorded_keeps_the_pseudonyms() -> None:
    """The stored reply is edited, and nothing in it is turned back."""
    known = await vault(GUARD)
    content = cells(TEXT.replace("TOKEN", token(known)))["tools"]

    stream, _ = await as_stream(GUARD, events(content, list), known)

    stored = stream.response()
    assert stored is not None
    assert "ada@" not in repr(stored)
    assert (
        stored["content"][0]["text"]
        == f"Dear {token(known)}, your card [CARD] is fine. Write to {token(known)}"
    )
    assert stored["content"][1]["input"]["list"] == [stored["content"][0]["text"], 5]
    assert stored["content"][2]["input"] == {}
    assert (stored["stop_reason"], stored["usage"]) == ("end_turn", USAGE)


async def test_members_may_come_in_any_order() -> None:
    """The type of a delta is found wherever it stands."""
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    head = orjson.dumps({"type": "message_start", "message": message([])})
    pieces = [
        b'{"delta":{"text":"%s","type":"text_delta"},"index":0,"type":"content_block_delta"}' % p
        for p in (b"4111 1111 1111", b" 1111!")
    ]

    _, frames = await as_stream(GUARD, [head, orjson.dumps(start), *pieces], None)

    assert read(frames)["content"] == [{"type": "text", "text": "[CARD]!"}]
    assert b'"type":"None"' not in b"".join(frames)


async def test_thinking_is_signed_after_its_text() -> None:
    """A signature never overtakes text that was held back."""
    content = [{"type": "thinking", "thinking": "Call 4111 1111 1111 111", "signature": SIGNED}]

    _, frames = await as_stream(GUARD, events(content, list), None)

    wire = b"".join(frames)
    assert wire.rindex(b"thinking_delta") < wire.index(b"signature_delta")
    assert read(frames)["content"] == content


TOOLS = {
    "id": "tools",
    "check": "tools",
    "with": {"deny": ["stop"], "declared": False},
    "stages": ["tool_call"],
    "action": "block",
}


@pytest.mark.parametrize("name", ["send", "stop"])
@pytest.mark.parametrize("cut", CUTS)
async def test_a_rule_about_tools_sees_the_call_before_the_caller(name: str, cut: str) -> None:
    """Not even the name of a refused tool leaves; an allowed call is the one of the whole reply."""
    judge = guard(rules=[TOOLS])
    call = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {"to": "x"}}
    content = [{"type": "text", "text": "Hm."}, call]

    stream, frames = await as_stream(judge, events(content, CUTS[cut]), None)

    told = read(frames)
    assert told["content"] == (content if name == "send" else content[:1])
    assert told["stop_reason"] == ("end_turn" if name == "send" else "refusal")
    assert stream.blocked is (name == "stop")
    assert (b'"stop"' in b"".join(frames)) is False


async def test_what_stands_beside_a_held_call_is_guarded_too() -> None:
    """In its opening event, in the block, and in the deltas of its input."""
    card = {"id": "card", "check": "words", "with": {"patterns": [PATTERN]}, "action": "redact"}
    judge = guard(rules=[TOOLS, {**card, "stages": ["output", "tool_call"]}])
    call = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {}, "note": CARD}
    delta = {"type": "input_json_delta", "partial_json": "{}", "note": CARD}
    payloads: list[dict[str, Any]] = [
        {"type": "message_start", "message": message([])},
        {"type": "content_block_start", "index": 0, "content_block": call, "beside": CARD},
        {"type": "content_block_delta", "index": 0, "delta": delta, "beside": CARD},
        {"type": "content_block_stop", "index": 0, "beside": CARD},
    ]

    stream, frames = await as_stream(judge, [*map(orjson.dumps, payloads)], None)

    wire = b"".join(frames)
    assert CARD.encode() not in wire
    assert wire.count(b"[CARD]") == 5
    assert CARD not in repr(stream.response())


BROKEN: dict[str, list[dict[str, Any]]] = {
    "a delta without a block": [{"type": "content_block_delta", "index": 3, "delta": {"text": "x"}}],
    "a block twice": [{"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}] * 2,
    "a block that is none": [{"type": "content_block_start", "index": 0, "content_block": "x"}],
    "an index that is none": [{"type": "content_block_delta", "index": [0], "delta": {"text": "x"}}],
    "the end of no block": [{"type": "content_block_stop", "index": 0}],
    "a second message": [{"type": "message_start", "message": {}}] * 2,
    "an error": [{"type": "error", "error": {"type": "overloaded_error", "message": "kryptonite"}}],
}


@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_no_stream_of_a_message_is_an_error(case: str) -> None:
    """And the error repeats nothing of it."""
    with pytest.raises(UpstreamError) as raised:
        await as_stream(GUARD, [*map(orjson.dumps, BROKEN[case])], None)

    assert "kryptonite" not in raised.value.message
    if case == "an error":
        assert raised.value.code == "overloaded_error"


@pytest.mark.parametrize("kept", range(8))
async def test_a_stream_that_is_cut_is_told_as_broken(kept: int) -> None:
    """Wherever it ends; and what was still held back leaves first."""
    payloads = events([{"type": "text", "text": "Hello 4111"}], lambda text: [text])

    stream, frames = await as_stream(GUARD, payloads[:kept], None)

    assert (stream.broken is None) == (kept == len(payloads))
    if kept > 3:
        assert read(frames)["content"] == [{"type": "text", "text": "Hello 4111"}]


async def test_an_endless_call_is_an_error() -> None:
    """A tool's input is kept until it is complete, so it has an end."""
    start = {"type": "tool_use", "id": "t", "name": "send", "input": {}}
    piece = {"type": "input_json_delta", "partial_json": "x" * 1_500_000}
    payloads = [{"type": "content_block_start", "index": 0, "content_block": start}]
    payloads += [{"type": "content_block_delta", "index": 0, "delta": piece}] * 3

    with pytest.raises(UpstreamError, match="without end"):
        await as_stream(GUARD, [*map(orjson.dumps, payloads)], None)
