"""Streamed completions: the same answer as unstreamed, whatever the cut, and never a forbidden value on the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.conversation import NOTHING_SAID
from guardrails.pseudonyms import Vault
from proxy.dialects import completions_reply
from proxy.dialects.completions_stream import CompletionStream
from proxy.errors import UpstreamError
from proxy.sse import Decoder, event
from tests.proxy.dialects.replies import guard, token, vault

GUARD = guard()
CARD = "4111 1111 1111 1111"
TEXT = f"Dear TOKEN, your card {CARD} is fine. Write to TOKEN"
HEAD = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m"}


def chunk(text: str | None, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    """One event's payload."""
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish, **more}
    return orjson.dumps({**HEAD, "choices": [choice]})


def said(texts: list[str], cut: Callable[[str], list[str]]) -> list[bytes]:
    """Texts as payloads, their choices interleaved; the last piece of each comes with its finish reason."""
    lanes = []
    for index, text in enumerate(texts):
        *pieces, last = cut(text) or [""]
        lanes.append([*(chunk(piece, None, index) for piece in pieces), chunk(last, "stop", index)])
    longest = max(map(len, lanes))
    return [*(lane[n] for n in range(longest) for lane in lanes if n < len(lane)), b"[DONE]"]


async def run(payloads: list[bytes], known: Vault | None = None) -> tuple[CompletionStream, list[bytes]]:
    """The stream after its end, and each frame that left."""
    stream, frames = CompletionStream(GUARD, known, NOTHING_SAID), []
    for payload in payloads:
        frames.append(await stream.feed(payload))
        if stream.blocked:
            return stream, [*frames, stream.block()]
    rest = await stream.end()
    return stream, [*frames, stream.block() if stream.blocked else rest]


def read(frames: list[bytes]) -> dict[int, tuple[str, str | None]]:
    """Text and finish reason by choice, as a client has them that joins the chunks."""
    choices: dict[int, tuple[str, str | None]] = {}
    for payload in Decoder().feed(b"".join(frames)):
        document = orjson.loads(payload)
        assert document["object"] == "text_completion"
        for part in document["choices"]:
            text, finish = choices.get(part["index"], ("", None))
            assert finish is None, "nothing may come after a finish reason"
            choices[part["index"]] = (text + part["text"], part["finish_reason"])
    return choices


@settings(max_examples=60, deadline=None)
@given(data=st.data())
async def test_any_cut_gives_what_the_whole_reply_gives(data: st.DataObject) -> None:
    """Joined, the stream is the whole reply; at no moment has a card left; what is recorded has tokens."""

    def cut(text: str) -> list[str]:
        places = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=12)))
        return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True) if a < b]

    known = await vault(GUARD)
    texts = [TEXT.replace("TOKEN", token(known)), f"B {CARD}", "All is well."]
    whole = {"choices": [{"index": n, "text": text} for n, text in enumerate(texts)]}
    verdict = await GUARD.inspect(completions_reply.reply_segments(whole), known, reply=True)
    expected = completions_reply.restored(whole, verdict.edits, known)

    stream, frames = await run(said(texts, cut), known)

    told = read(frames)
    assert [told[n] for n in sorted(told)] == [(choice["text"], "stop") for choice in expected["choices"]]
    for end in range(len(frames) + 1):
        assert CARD[:12] not in repr(read(frames[:end]))
    kept = stream.response()
    assert kept is not None
    assert [choice["text"] for choice in kept["choices"]] == [
        choice["text"] for choice in completions_reply.apply_reply(whole, verdict.edits)["choices"]
    ]
    assert stream.broken is None and stream.finish_reasons() == ("stop", "stop", "stop")


async def test_untouched_chunks_are_the_providers_own_bytes() -> None:
    """Also logprobs, unknown members and usage."""
    payloads = [
        b'{"id":"c", "object":"text_completion","choices":[{"text":"All is ","index":0,"logprobs":{"tokens":["All"," is "]}}]}',
        b'{"id":"c", "choices":[{"text":"well.","index":0,"finish_reason":"stop","later":[1.50]}], "usage":null}',
        b'{"id":"c", "choices":[],"usage":{"total_tokens":3}}',
    ]

    stream, frames = await run([*payloads, b"[DONE]"])

    assert b"".join(frames) == b"".join(map(event, payloads))
    assert stream.usage == {"total_tokens": 3}


async def test_held_text_keeps_its_member_and_loses_its_logprobs() -> None:
    """Clients read `text` of each choice; logprobs that spell what was replaced do not leave."""
    payloads = [chunk(piece, logprobs={"tokens": [piece]}, later=[1]) for piece in CARD]

    _, frames = await run([*payloads, chunk("", "stop")])

    assert len(Decoder().feed(b"".join(frames))) > len(CARD)
    assert read(frames) == {0: ("[CARD]", "stop")}
    assert b"tokens" not in b"".join(frames)


async def test_logprobs_that_spell_something_else_are_taken_out() -> None:
    """From the chunk on in which the card could begin."""
    pieces = [CARD[n : n + 3] for n in range(0, len(CARD), 3)]
    said = [chunk("All is well. ", logprobs={"tokens": [piece]}) for piece in ["Good. ", *pieces]]

    stream, frames = await run([*said, chunk("", "stop")])

    told = [orjson.loads(payload)["choices"][0]["logprobs"] for payload in Decoder().feed(b"".join(frames))]
    assert told[0] == {"tokens": ["Good. "]}
    assert not any(told[1:])
    assert [found.entity for found in stream.verdict().findings] == ["CARD"]


async def test_a_blocked_stream_ends_as_filtered() -> None:
    """Each open choice ends with `content_filter`; what was finished stays so."""
    payloads = [chunk("done", "stop", 1), chunk("It is krypto"), chunk("nite, friend")]

    stream, frames = await run(payloads)

    assert stream.blocked
    assert read(frames) == {0: ("It is ", "content_filter"), 1: ("done", "stop")}


@pytest.mark.parametrize(
    ("payloads", "broken"),
    [
        ([], True),
        ([chunk("Hel")], True),
        ([chunk("Hel"), b"[DONE]"], True),
        ([chunk("a", "stop"), chunk("b", None, 1)], True),
        ([chunk("a", "stop"), chunk("b", None, 1), b"[DONE]"], False),
        ([chunk("a", "stop")], False),
    ],
)
async def test_a_stream_that_ends_early_is_broken(payloads: list[bytes], broken: bool) -> None:
    """A cut answer never looks whole."""
    stream, _ = await run(payloads)

    assert (stream.broken is not None) == broken


async def test_held_text_of_a_broken_stream_still_leaves() -> None:
    """What was held when the provider broke off is judged and told."""
    _, frames = await run([chunk("Call 4111 1111")])

    assert read(frames) == {0: ("Call 4111 1111", None)}


@pytest.mark.parametrize(
    "payloads",
    [
        [b"{oops"],
        [b'{"error":{"message":"m"}}'],
        [b'{"choices":[5]}'],
        [b'{"choices":[{"index":"a","text":"x"}]}'],
        [chunk("a", "stop"), chunk("more")],
    ],
)
async def test_what_is_no_chunk_is_an_error(payloads: list[bytes]) -> None:
    """The provider's fault."""
    with pytest.raises(UpstreamError):
        await run(payloads)


async def test_nothing_is_recorded_before_the_first_chunk() -> None:
    """No reply was made up."""
    assert CompletionStream(GUARD, None, NOTHING_SAID).response() is None
