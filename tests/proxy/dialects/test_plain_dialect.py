"""What dialects without a conversation share."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrails.conversation import NOTHING_SAID
from guardrails.types import Edit
from proxy.dialects.base import Dialect
from proxy.dialects.completions import COMPLETIONS
from proxy.dialects.completions_stream import CompletionStream
from proxy.dialects.embeddings import EMBEDDINGS
from proxy.dialects.moderations import MODERATIONS
from proxy.dialects.plain_dialect import PlainDialect, apply_edits
from proxy.errors import BadRequest, UpstreamError
from tests.proxy.dialects.replies import guard


def test_edits_leave_the_rest_as_it_was() -> None:
    """A copy where something changes, the rest shared; numbers that are edited become strings."""
    document = {"input": ["a", "b"], "later": {"x": 41111111}, "rest": {"y": 1}}

    made = apply_edits(document, [Edit("/input/1", 0, 1, "[B]"), Edit("/later/x", 0, 8, "[N]")])

    assert made == {"input": ["a", "[B]"], "later": {"x": "[N]"}, "rest": {"y": 1}}
    assert made["rest"] is document["rest"]
    assert document["input"] == ["a", "b"]


def test_what_a_reply_tells_is_noted_as_words_and_numbers() -> None:
    """A model that is no word, and usage that is no object, are not kept."""
    exchange: Any = SimpleNamespace()

    PlainDialect().note(exchange, {"model": "not a word!", "usage": {"total_tokens": 3, "note": "text"}})

    assert (exchange.answered_model, exchange.usage) == (None, {"total_tokens": 3})


GUARD = guard()
NAMES = ["model", "prompt", "input", "n", "stream", "suffix", "type", "text", "image_url", "choices", "data"]
MORE = [
    "results",
    "logprobs",
    "tokens",
    "embedding",
    "index",
    "finish_reason",
    "usage",
    "guardhouse",
    "retrieval",
]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**12) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, *MORE, "a~/b"]), inner, max_size=4)
    ),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from([*NAMES, *MORE]), ANY, max_size=5)
NOTES = ("tokens", "omitted", "unknown")
"""Words of the notes that are kept in place of what nobody can read."""
DIALECTS: list[Dialect] = [COMPLETIONS, EMBEDDINGS, MODERATIONS]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@settings(max_examples=40, deadline=None)
@given(request=OBJECTS, prompt=ANY)
def test_any_request_is_refused_or_read(dialect: Dialect, request: dict[str, Any], prompt: Any) -> None:
    """Never a fault of ours; each text can be edited at its place, and what is kept can be read again."""
    request = {"model": "m", "prompt": prompt, "input": prompt, **request}
    try:
        dialect.check(request)
        dialect.hits(request)
    except BadRequest:
        return
    found = dialect.texts(request)
    edited = dialect.edited(
        request, [Edit(text.pointer, 0, len(text.text), "[X]", text.within) for text in found]
    )
    kept = dialect.stored(edited)
    dialect.unscannable(request)
    assert "guardhouse" not in kept
    assert orjson.dumps(kept)
    assert all(text.text.startswith("[X]") or text.text in NOTES for text in dialect.texts(kept))


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
@settings(max_examples=40, deadline=None)
@given(reply=OBJECTS, items=st.lists(OBJECTS, min_size=1, max_size=2))
def test_any_reply_is_a_providers_fault_or_read(
    dialect: Dialect, reply: dict[str, Any], items: list[dict[str, Any]]
) -> None:
    """Never a fault of ours, whatever the provider sends."""
    sent = {"choices": [{"text": "a", **item} for item in items], "data": items, "results": items, **reply}
    try:
        read = dialect.reply(orjson.dumps(sent))
    except UpstreamError:
        return
    found = dialect.reply_texts(read)
    told = dialect.edited_reply(
        read, [Edit(text.pointer, 0, len(text.text), "[X]", text.within) for text in found]
    )
    kept = dialect.stored_reply(told)
    dialect.finish_reasons(read)
    assert orjson.dumps(kept)
    assert dialect.reply_texts(kept) is not None


@settings(max_examples=40, deadline=None)
@given(chunks=st.lists(OBJECTS, max_size=3), parts=st.lists(OBJECTS, max_size=3))
async def test_any_chunk_is_a_providers_fault_or_read(
    chunks: list[dict[str, Any]], parts: list[dict[str, Any]]
) -> None:
    """Streams too."""
    stream = CompletionStream(GUARD, None, NOTHING_SAID)
    try:
        for chunk in chunks:
            await stream.feed(orjson.dumps({"choices": parts, **chunk}))
        await stream.end()
    except UpstreamError:
        return
    assert orjson.dumps(stream.response())
    assert stream.block() is not None
