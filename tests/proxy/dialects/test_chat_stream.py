"""Streams: the same answer as unstreamed, whatever the cut, and never a forbidden value on the wire."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.dialects.chat_stream import ChatStream
from proxy.errors import UpstreamError
from proxy.sse import Decoder, event
from tests.proxy.dialects.replies import Cut, as_stream, as_whole, events, guard, read, token, vault

GUARD = guard()
CARD = "4111 1111 1111 1111"
TEXT = f"Dear TOKEN, your card {CARD} is fine. Write to TOKEN"


def cuts() -> dict[str, Cut]:
    """Ways to cut a text."""
    ways: dict[str, Cut] = {
        "whole": lambda text: [text],
        "characters": list,
        "fours": lambda text: [text[n : n + 4] for n in range(0, len(text), 4)],
    }
    return ways


def call(name: str, arguments: str) -> dict[str, Any]:
    """A tool call."""
    return {"id": f"id_{name}", "type": "function", "function": {"name": name, "arguments": arguments}}


def cells(text: str) -> dict[str, list[dict[str, Any]]]:
    """Every surface of a reply, saying the same."""
    arguments = orjson.dumps({"text": text, "list": [text, 5]}).decode()
    return {
        "content": [{"content": text}],
        "reasoning_content": [{"reasoning_content": text, "content": "fine"}],
        "reasoning": [{"reasoning": text}],
        "refusal": [{"refusal": text}],
        "unknown": [{"thoughts_of_tomorrow": text}],
        "nested": [{"reasoning_details": [{"type": "t", "text": text}]}],
        "arguments": [{"tool_calls": [call("send", arguments), call("stop", "{}")]}],
        "not json": [{"tool_calls": [call("send", text)]}],
        "function_call": [{"function_call": {"name": "send", "arguments": arguments}}],
        "two choices": [{"content": text}, {"content": "B " + text, "tool_calls": [call("x", arguments)]}],
    }


@pytest.mark.parametrize("cut", cuts())
@pytest.mark.parametrize("cell", cells(""))
async def test_one_rule_gives_one_answer(cell: str, cut: str) -> None:
    """Content, reasoning, refusal, arguments and every choice: streamed or not, the caller gets the same."""
    known = await vault(GUARD)
    messages = cells(TEXT.replace("TOKEN", token(known)))[cell]

    expected = await as_whole(GUARD, messages, known)
    stream, frames = await as_stream(GUARD, events(messages, cuts()[cut]), known)

    told = read(frames)
    assert [told[n]["message"] for n in sorted(told)] == [
        {"role": "assistant", **choice["message"]} for choice in expected["choices"]
    ]
    assert stream.broken is None
    wire = b"".join(frames)
    assert b"ada@example.com" in wire
    assert CARD.encode() not in wire
    assert token(known).encode() not in wire


@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_no_prefix_of_the_wire_holds_a_forbidden_value(data: st.DataObject) -> None:
    """For every way to split, no emission joined to those before it shows a card, in any lane."""
    cell = data.draw(st.sampled_from(sorted(cells(""))))

    def cut(text: str) -> list[str]:
        places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b]

    known = await vault(GUARD)
    messages = cells(TEXT.replace("TOKEN", token(known)))[cell]
    expected = await as_whole(GUARD, messages, known)

    _, frames = await as_stream(GUARD, events(messages, cut), known)

    for end in range(len(frames) + 1):
        for choice in read(frames[:end]).values():
            assert CARD[:12] not in repr(choice["message"])
    assert {n: c["message"] for n, c in read(frames).items()} == {
        n: {"role": "assistant", **c["message"]} for n, c in enumerate(expected["choices"])
    }


async def test_untouched_chunks_are_the_providers_own_bytes() -> None:
    """A chunk in which nothing had to change leaves byte for byte, unknown members and all."""
    payloads = [
        b'{"id":"c", "choices":[{"index":0,"delta":{"role":"assistant","content":""}}],"obfuscation":"xyz"}',
        b'{"id":"c", "choices":[{"index":0,"delta":{"content":"All is well. "},"logprobs":{"content":[1.50]}}]}',
        b'{"id":"c", "choices":[{"index":0,"delta":{},"finish_reason":"stop","content_filter_results":{}}]}',
        b'{"id":"c", "choices":[],"usage":{"total_tokens":3}}',
    ]

    stream, frames = await as_stream(GUARD, [*payloads, b"[DONE]"], None)

    assert b"".join(frames) == b"".join(map(event, payloads))
    assert stream.usage == {"total_tokens": 3}


async def test_a_rewritten_chunk_tells_nothing_of_the_old_text() -> None:
    """Padding and logprobs of a chunk whose text was held back or replaced are dropped."""
    payloads = [
        orjson.dumps(
            {
                "obfuscation": "secret padding",
                "choices": [
                    {"index": 0, "delta": {"content": piece}, "logprobs": {"content": [{"token": piece}]}}
                ],
            }
        )
        for piece in CARD
    ]

    _, frames = await as_stream(
        GUARD, [*payloads, b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'], None
    )

    wire = b"".join(frames)
    assert b"padding" not in wire
    assert b'"token"' not in wire
    assert read(frames)[0]["message"]["content"] == "[CARD]"


async def test_a_chunk_whose_text_is_held_still_brings_the_rest() -> None:
    """Role and usage go out even if the text beside them has to wait."""
    payload = orjson.dumps(
        {
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": "4111"}}],
            "usage": {"total_tokens": 1},
        }
    )
    stream = ChatStream(GUARD, None)

    [sent] = Decoder().feed(await stream.feed(payload))

    assert orjson.loads(sent) == {
        "choices": [{"index": 0, "delta": {"role": "assistant"}}],
        "usage": {"total_tokens": 1},
    }


async def test_arguments_leave_when_the_call_is_complete() -> None:
    """The name goes first; the arguments leave in one piece once the next call or the finish comes."""
    messages = [{"tool_calls": [call("a", '{"x": "one"}'), call("b", '{"x": "two"}')]}]

    _, frames = await as_stream(GUARD, events(messages, list), None)

    sent = [
        piece
        for payload in Decoder().feed(b"".join(frames))
        for part in orjson.loads(payload)["choices"]
        for piece in part["delta"].get("tool_calls", ())
    ]
    assert sent == [
        {"index": 0, "id": "id_a", "type": "function", "function": {"name": "a", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"x": "one"}'}},
        {"index": 1, "id": "id_b", "type": "function", "function": {"name": "b", "arguments": ""}},
        {"index": 1, "function": {"arguments": '{"x": "two"}'}},
    ]


async def test_calls_that_share_an_index_are_told_apart_by_id() -> None:
    """Some providers send every parallel call with index 0: a new id begins a new call."""
    pieces = [{"index": 0, "id": n, "function": {"name": n, "arguments": "{}"}} for n in ("a", "b")]
    payloads = [
        orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}) for piece in pieces
    ]
    done = b'{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}'

    stream, _ = await as_stream(GUARD, [*payloads, done], None)

    assert [c["id"] for c in stream.response()["choices"][0]["message"]["tool_calls"]] == ["a", "b"]


async def test_a_custom_tool_is_guarded_too() -> None:
    """The input of a custom tool is text like any other."""
    piece = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "run", "input": f"pay {CARD}"}}
    done = b'{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}'

    _, frames = await as_stream(
        GUARD, [orjson.dumps({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]}), done], None
    )

    assert b"pay [CARD]" in b"".join(frames)


@pytest.mark.parametrize("cell", cells(""))
async def test_a_block_ends_every_choice_at_once(cell: str) -> None:
    """After a block nothing of any lane leaves, and each open choice ends with `content_filter`."""
    messages = cells("All is well. Take the kryptonite and go.")[cell]

    stream, frames = await as_stream(GUARD, events(messages, list), None)

    told = read(frames)
    assert stream.blocked
    assert stream.verdict().blocked_by == "forbidden"
    assert {c["finish_reason"] for c in told.values()} == {"content_filter"}
    assert "krypton" not in repr(told)
    assert "and go" not in repr(told)


async def test_a_choice_that_never_finishes_is_flushed() -> None:
    """Held text of a choice without finish_reason leaves at the end; with [DONE] and one finished it is whole."""
    payloads = [
        b'{"choices":[{"index":0,"delta":{"content":"4111"}}]}',
        b'{"choices":[{"index":1,"delta":{"content":"fine."},"finish_reason":"stop"}]}',
    ]

    stream, frames = await as_stream(GUARD, [*payloads, b"[DONE]"], None)
    cut, _ = await as_stream(GUARD, payloads, None)

    assert read(frames)[0]["message"]["content"] == "4111"
    assert stream.broken is None
    assert cut.broken is not None


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"<html>", "upstream_error"),
        (b'{"choices": [', "upstream_error"),
        (b"[]", "upstream_error"),
        (b'{"choices":[5]}', "upstream_error"),
        (b'{"choices":{"a":1}}', "upstream_error"),
        (b'{"choices":[{"index":"x","delta":{"content":"a"}}]}', "upstream_error"),
        (b'{"choices":[{"index":0,"delta":{"tool_calls":["x"]}}]}', "upstream_error"),
        (b'{"choices":5}', "upstream_error"),
        (b'{"choices":[{"index":[1],"delta":{"content":"a"}}]}', "upstream_error"),
        (b'{"choices":[{"index":0,"delta":"text"}]}', "upstream_error"),
        (b'{"error":{"message":"boom with a prompt in it","code":"server_overloaded"}}', "server_overloaded"),
        (b'{"error":"boom"}', "upstream_error"),
    ],
)
async def test_garbage_is_told_as_an_error(payload: bytes, code: str) -> None:
    """What is no chunk, or an error in place of one, is never passed on as an answer; a code is kept."""
    with pytest.raises(UpstreamError) as broken:
        await ChatStream(GUARD, None).feed(payload)

    assert broken.value.code == code
    assert "boom" not in broken.value.message


async def test_text_after_a_finish_reason_is_a_fault() -> None:
    """A finished choice that goes on is not trusted."""
    stream = ChatStream(GUARD, None)
    await stream.feed(b'{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}')

    with pytest.raises(UpstreamError):
        await stream.feed(b'{"choices":[{"index":0,"delta":{"content":"b"}}]}')


async def test_the_record_keeps_pseudonyms_and_all_that_left() -> None:
    """What is stored is one whole reply in which tokens stand for values."""
    known = await vault(GUARD)
    text = f"Write to {token(known)}, card {CARD}."
    arguments = orjson.dumps({"to": token(known)}).decode()
    messages = [{"content": text, "tool_calls": [call("send", arguments)]}]

    stream, _ = await as_stream(GUARD, events(messages, list), known)

    assert stream.response() == {
        "id": "c",
        "model": "m",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": text.replace(CARD, "[CARD]"),
                    "tool_calls": [call("send", arguments)],
                },
                "finish_reason": "stop",
            }
        ],
    }


async def test_members_beside_the_deltas_are_inspected() -> None:
    """Citations and the like pass through the guard too; a repetition of the message so far is dropped."""
    part = {
        "index": 0,
        "delta": {"content": "x"},
        "note": f"or {CARD}",
        "message": {"content": "4111 1111 1111"},
    }
    payload = orjson.dumps({"citations": [f"see {CARD}"], "choices": [part]})

    stream = ChatStream(GUARD, None)

    sent = await stream.feed(payload) + await stream.end()

    assert b"see [CARD]" in sent
    assert b'"note":"or "' in sent
    assert b'"note":"[CARD]"' in sent
    assert b"4111" not in sent


async def test_content_may_be_a_list_of_parts() -> None:
    """Content that comes as parts leaves in the same shape, is guarded across chunks, and is recorded."""
    pieces = ["hello 4111 1111", " 1111 1111 all."]
    payloads = [
        orjson.dumps({"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": piece}]}}]})
        for piece in pieces
    ]
    done = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'

    stream, frames = await as_stream(GUARD, [*payloads, done], None)

    sent = [
        content
        for payload in Decoder().feed(b"".join(frames))
        for part in orjson.loads(payload)["choices"]
        for content in part["delta"].get("content", ())
    ]
    assert {part["type"] for part in sent} == {"text"}
    assert "".join(part["text"] for part in sent) == "hello [CARD] all."
    [choice] = stream.response()["choices"]
    assert choice["message"]["content"] == [{"type": "text", "text": "hello [CARD] all."}]


@pytest.mark.parametrize("finished", [True, False])
async def test_a_text_beside_the_deltas_cannot_leak_in_pieces(finished: bool) -> None:
    """Texts of a choice and of a chunk have lanes of their own, flushed at the end; tokens are restored."""
    known = await vault(GUARD)
    text = f"{token(known)} has {CARD}"
    payloads = [
        orjson.dumps({"extra": piece, "choices": [{"index": 0, "delta": {"content": "4"}, "text": piece}]})
        for piece in text
    ]
    last = b'{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'

    _, frames = await as_stream(GUARD, [*payloads, last] if finished else payloads, known)

    chunks = [orjson.loads(payload) for payload in Decoder().feed(b"".join(frames))]
    said = "ada@example.com has [CARD]"
    assert "".join(chunk.get("extra", "") for chunk in chunks) == said
    assert "".join(part.get("text", "") for chunk in chunks for part in chunk["choices"]) == said


async def test_members_beside_a_held_text_are_not_lost() -> None:
    """A chunk whose text has to wait still brings its citations, edited and restored."""
    known = await vault(GUARD)
    payload = orjson.dumps(
        {
            "citations": [f"{token(known)} {CARD}"],
            "choices": [{"index": 0, "delta": {"content": "4111"}, "notes": [token(known)]}],
        }
    )

    [sent] = Decoder().feed(await ChatStream(GUARD, known).feed(payload))

    assert orjson.loads(sent)["citations"] == ["ada@example.com [CARD]"]
    assert orjson.loads(sent)["choices"][0]["notes"] == ["ada@example.com"]


async def test_a_forbidden_text_beside_the_deltas_blocks() -> None:
    """A block in a member beside the deltas, even in pieces, ends the stream; its finding is told."""
    payloads = [
        orjson.dumps({"extra": piece, "choices": [{"index": 0, "delta": {"content": "x"}}]})
        for piece in ("krypto", "nite")
    ]

    stream, frames = await as_stream(GUARD, payloads, None)

    assert stream.blocked
    assert stream.verdict().blocked_by == "forbidden"
    assert b"krypto" not in b"".join(frames)


CARDED = "pay 4111 1111 1111 1111"


@pytest.mark.parametrize(
    "part",
    [
        {"delta": {"reasoning_details": [{"type": CARDED, "text": "b", "index": 0}]}},
        {"delta": {"reasoning_details": [{"type": "text", "text": "b", "index": CARDED}]}},
        {"delta": {"notes": [{CARDED: "b"}]}},
        {"delta": {CARDED: "b"}},
        {"delta": {"role": CARDED}},
        {"delta": {}, "finish_reason": CARDED},
        {"delta": {}, "content_filter_results": {"hate": {"severity": CARDED}}},
    ],
)
async def test_no_word_of_a_stream_hides_a_text(part: dict[str, Any]) -> None:
    """What stands in the place of a word or a name neither leaves nor is stored, the second time either."""
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    parts = [{"index": 0, "delta": {"content": "a"}}, {"index": 0, **part}, {"index": 0, **part}, end]
    payloads = [
        orjson.dumps({"id": "c", "choices": [piece]})
        for piece in parts[: 3 if "finish_reason" in part else 4]
    ]

    stream, frames = await as_stream(guard(), payloads, None)

    assert CARDED[-19:].encode() not in b"".join(frames) + orjson.dumps(stream.response())
    assert stream.verdict().findings


async def test_a_word_is_known_in_its_own_member_alone() -> None:
    """What passes as an id is looked at where the protocol has a list of words."""
    rule = {
        "id": "word",
        "check": "words",
        "with": {"deny": ["nightjar"]},
        "stages": ["output"],
        "action": "redact",
    }
    parts = [{"index": 0, "delta": delta} for delta in ({"content": "a. "}, {"role": "nightjar"})]
    payloads = [orjson.dumps({"id": "nightjar", "choices": [part]}) for part in parts]

    _, frames = await as_stream(guard(rules=[rule]), payloads, None)

    [_, chunk] = [orjson.loads(frame.strip().removeprefix(b"data: ")) for frame in frames if frame]
    assert chunk["id"] == "nightjar"
    assert chunk["choices"][0]["delta"]["role"] != "nightjar"
