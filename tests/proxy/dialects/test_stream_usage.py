"""Streams are counted without their callers seeing it."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.dialects.stream_usage import asking, is_wanted, uncounted
from tests.proxy.test_pipeline import ask, chat
from tests.servers import Running, Upstream, chunk, stream

CHAT = "/v1/chat/completions"
USAGE = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}


class Counting:
    """A stream that counts."""

    usage: dict[str, Any] | None = None


@pytest.mark.parametrize(
    ("path", "options", "wanted"),
    [
        (CHAT, None, True),
        ("/v1/completions", {}, True),
        (CHAT, {"include_usage": False}, True),
        (CHAT, {"include_usage": True}, False),
        (CHAT, "nonsense", False),
        ("/v1/responses", None, False),
        ("/v1/messages", None, False),
    ],
)
def test_counts_are_asked_for_where_nobody_did(path: str, options: Any, wanted: bool) -> None:
    """On the routes that leave it to the caller, unless what the caller says there is the provider's to refuse."""
    assert is_wanted(path, {"stream_options": options} if options is not None else {}) is wanted


@pytest.mark.parametrize("body", [b'{"model":"m","n":1}', b' {\n "model": "m", "n": 1}', None])
def test_a_request_is_asked_as_it_was_written(body: bytes | None) -> None:
    """Only the one member is added."""
    payload = {"model": "m", "n": 1}
    asked, raw = asking(payload, body)

    assert asked == {**payload, "stream_options": {"include_usage": True}}
    assert raw is None if body is None else orjson.loads(raw or b"") == asked
    assert asking({"stream_options": {"include_usage": False, "x": 1}}, b"{}") == (
        {"stream_options": {"include_usage": True, "x": 1}},
        None,
    )


@given(st.text(), st.booleans())
def test_a_chunk_loses_its_null_and_nothing_else(text: str, spaced: bool) -> None:
    """Whatever its text holds, this very member included."""
    separators = (", ", ": ") if spaced else (",", ":")
    told = {"id": "c", "choices": [{"delta": {"content": text + ',"usage":null,' + text}}], "usage": None}
    counting: Any = Counting()

    left = uncounted(json.dumps(told, separators=separators).encode(), counting)

    del told["usage"]
    assert json.loads(left) == told
    assert counting.usage is None


def test_the_chunk_of_counts_is_noted_and_kept_back() -> None:
    """One that also says something is not."""
    counting: Any = Counting()

    assert uncounted(orjson.dumps({"choices": [], "usage": USAGE}), counting) == b""
    assert counting.usage == USAGE
    told = orjson.dumps({"choices": [{"delta": {}}], "usage": USAGE})
    assert uncounted(told, counting) == told
    assert uncounted(b'{"usage"', counting) == b'{"usage"'


@pytest.mark.parametrize("asked", [False, True])
def test_every_stream_is_counted_on_record(proxy: Running, upstream: Upstream, asked: bool) -> None:
    """The caller sees the counts who asked for them, and the record has them either way."""
    last = b"data: " + orjson.dumps({"id": "c1", "choices": [], "usage": USAGE}) + b"\n\n"
    upstream.script = stream(
        [chunk({"content": "Hi"}, usage=None), chunk({}, "stop", usage=None), last, b"data: [DONE]\n\n"]
    )
    options = {"stream_options": {"include_usage": True}} if asked else {}

    answer = ask(proxy, chat(stream=True, **options))

    assert json.loads(upstream.bodies[-1])["stream_options"] == {"include_usage": True}
    assert (b'"usage"' in answer.body) is asked
    assert proxy.recorder.last()["usage"] == USAGE
