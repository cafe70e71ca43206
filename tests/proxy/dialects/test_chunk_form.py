"""The form that chunks repeat: reading by it and reading whole say the same."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.engine import Guard, load_guard
from guardrails.policy import parse
from guardrails.pseudonyms import Vault
from proxy.dialects.chat_stream import ChatStream
from proxy.dialects.chunk_form import form_of

POLICY = """
name: p
rules:
  - {id: pii, check: pii, with: {entities: [EMAIL_ADDRESS]}, stages: [output], action: redact}
  - {id: words, check: words, with: {deny: [kryptonite]}, stages: [output], action: block}
"""


@pytest.fixture(scope="module")
def guard() -> Guard:
    """Redacts addresses and stops at a word."""
    return load_guard(parse(POLICY, file="p.yaml"), b"k" * 32)


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk as a provider writes it."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        **more,
    }


def written(value: dict[str, Any], spaced: bool) -> bytes:
    """Its bytes, as one of two kinds of provider writes them."""
    return json.dumps(value).encode() if spaced else orjson.dumps(value)


WORDS = st.sampled_from(
    [
        *(
            "Hello",
            " world",
            " ",
            "ada",
            "@example.com",
            " ada@",
            "example.com ",
            ". ",
            "\n",
            'a "quote"',
            "é",
            "\u00a0",
        ),
        *(
            "\\",
            "\\u0041",
            " krypto",
            "nite ",
            "[",
            '"',
            ',"obfuscation":"',
            "data: ",
            "a@b",
            "\x7f",
            "😀",
            "EMAIL_",
        ),
    ]
)
DELTAS = st.one_of(
    st.builds(lambda text: {"content": text}, WORDS),
    st.builds(lambda text: {"reasoning_content": text}, WORDS),
    st.builds(lambda text: {"role": "assistant", "content": text}, WORDS),
    st.builds(lambda text: {"content": text, "refusal": None}, WORDS),
    st.builds(lambda text, odd: {"content": text, "odd": odd}, WORDS, WORDS),
)
MORE = st.sampled_from(
    [{}, {"usage": None}, {"usage": {"prompt_tokens": 1}}, {"odd": "a@b.example.com"}, {"odd": 5}]
)
CHUNKS = st.lists(
    st.tuples(DELTAS, MORE, st.sampled_from(["", "aB3", "abcdef", "no word"]), st.booleans()),
    min_size=1,
    max_size=14,
)


async def played(guard: Guard, payloads: list[bytes], looks: int) -> tuple[Any, Any, bool]:
    """What leaves of each text, what is recorded, and whether it was blocked."""
    stream = ChatStream(guard, Vault(b"k", "t", "s"))
    stream._looks_left = looks
    frames = b""
    for payload in payloads:
        frames += await stream.feed(payload)
        if stream.blocked:
            frames += stream.block()
            break
    else:
        frames += await stream.end()
        frames += stream.block() if stream.blocked else b""
    texts: dict[str, str] = {}
    for told in values(frames):
        for part in told["choices"]:
            for name, value in part["delta"].items():
                if isinstance(value, str):
                    texts[name] = value if name == "role" else texts.get(name, "") + value
    return {name: text for name, text in texts.items() if text}, stream.response(), stream.blocked


def values(frames: bytes) -> list[Any]:
    """The payloads of some frames."""
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames.split(b"\n\n") if frame]


@given(CHUNKS)
def test_by_its_form_or_whole_a_chunk_is_read_alike(
    guard: Guard, chunks: list[tuple[dict[str, Any], dict[str, Any], str, bool]]
) -> None:
    """What leaves of each text and what is recorded, whatever the provider mixes."""
    payloads = [
        written(chunk(delta, **more, **({"obfuscation": padding} if padding else {})), spaced)
        for delta, more, padding, spaced in chunks
    ]

    assert asyncio.run(played(guard, payloads, 99)) == asyncio.run(played(guard, payloads, 0))


@given(WORDS, WORDS, st.sampled_from(["", "aB3"]), st.booleans())
def test_a_form_knows_its_own_texts_only(first: str, second: str, padding: str, spaced: bool) -> None:
    """What it says is the text is the text; written again it is the chunk with that text."""
    more = {"obfuscation": padding} if padding else {}
    form = form_of(written(chunk({"content": first}, **more), spaced))
    if form is None:
        assert (spaced and padding) or (spaced and not first.isascii())
        return
    other = chunk({"content": second}, **more)
    read = form.text(written(other, spaced))
    if read is not None:
        assert read == second
    other.pop("obfuscation", None)
    assert orjson.loads(form.written(second)) == other


def test_plain_chunks_have_a_form() -> None:
    """As OpenAI writes them, with padding, and as Python's json does."""
    for spaced in (False, True):
        form = form_of(written(chunk({"content": " a"}, usage=None), spaced))
        assert form is not None
        assert form.text(written(chunk({"content": " bc"}, usage=None), spaced)) == " bc"
    form = form_of(written(chunk({"content": " a"}, obfuscation="xYz"), spaced=False))
    assert form is not None
    assert form.text(written(chunk({"content": " bc"}, obfuscation="q"), spaced=False)) == " bc"
    assert b"obfuscation" not in form.written(" b")


@pytest.mark.parametrize(
    "payload",
    [
        b'{"choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}',
        b'{"content":"a","choices":[{"index":0,"delta":{"content":"a"}}]}',
        b'{"content":"a","choices":[{"index":0,"delta":{"c\\u006fntent":"a"}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}',
        b'{"choices":[{"index":0,"delta":{"content":"a","tool_calls":[{"index":0}]}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{}}]}',
        b'{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[]}}]}',
        b'{"choices":[{"index":0,"delta":{"role":"assistant"}}]}',
        b'{"choices":[{"index":0,"delta":{"unknown":"a"}}]}',
        b'{"choices":[]}',
    ],
)
def test_other_chunks_have_none(payload: bytes) -> None:
    """More than one text, a text that ends something, and names that stand twice."""
    assert form_of(payload) is None


def test_a_text_is_read_as_json_reads_it() -> None:
    """With its escapes; what is no string of JSON's, or no more than one, is of no form."""
    head, tail = b'{"choices":[{"index":0,"delta":{"content":"', b'"}}]}'
    form = form_of(head + b"a" + tail)
    assert form is not None
    for written, text in (
        (b"\\n", "\n"),
        (b"\\u0041", "A"),
        (b'\\"b\\\\', '"b\\'),
        (b"\xc2\xa0", "\u00a0"),
        (b"", ""),
    ):
        assert form.text(head + written + tail) == text
    for odd in (b"\n", b"\xff", b"\\x", b"\\ud800", b'b","x":"c', b'\\\\","content":"c'):
        assert form.text(head + odd + tail) is None
    assert form.text(head + b"b" + tail + b" ") is None
    escaped = form_of(head + b'\\"' + tail)
    assert escaped is not None and escaped.text(head + b"b" + tail) == "b"
