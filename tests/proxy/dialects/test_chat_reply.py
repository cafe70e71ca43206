"""Whole replies of the chat dialect."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from guardrails.types import Edit, Stage
from proxy.dialects import chat_reply
from proxy.errors import UpstreamError
from proxy.sse import event
from tests.proxy.dialects.replies import read

CALL = {"id": "c", "type": "function", "function": {"name": "N1", "arguments": '{"a": "A1"}'}}
REPLY: dict[str, Any] = {
    "id": "x",
    "model": "m",
    "usage": {"total_tokens": 1},
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "C1", "reasoning_content": "C2"}, "logprobs": {"content": [1]}},
        {"index": 1, "message": {"role": "assistant", "refusal": "C3", "tool_calls": [CALL], "audio": {"id": "i", "data": "QUJD", "transcript": "C4"}}, "logprobs": {"content": [2]}, "note": "C6"},
    ],
    "citations": ["C5"],
}  # fmt: skip


def test_every_text_of_a_reply_is_a_segment() -> None:
    """Content, reasoning, refusal, transcripts, tool names and arguments, of every choice, and unknown members."""
    found = {
        s.text: (s.stage, s.pointer) for s in chat_reply.reply_segments(REPLY) if not s.within.endswith("#")
    }

    assert found == {
        "C1": (Stage.OUTPUT, "/choices/0/message/content"),
        "C2": (Stage.OUTPUT, "/choices/0/message/reasoning_content"),
        "C3": (Stage.OUTPUT, "/choices/1/message/refusal"),
        "A1": (Stage.TOOL_CALL, "/choices/1/message/tool_calls/0/function/arguments"),
        "N1": (Stage.TOOL_CALL, "/choices/1/message/tool_calls/0/function/name"),
        "C4": (Stage.OUTPUT, "/choices/1/message/audio/transcript"),
        "C6": (Stage.OUTPUT, "/choices/1/note"),
        "C5": (Stage.OUTPUT, "/citations/0"),
    }


def test_a_changed_choice_loses_its_logprobs() -> None:
    """They spell the text that was replaced; an unchanged choice keeps them."""
    changed = chat_reply.apply_reply(REPLY, [Edit("/choices/0/message/content", 0, 2, "-")])

    assert changed["choices"][0]["message"]["content"] == "-"
    assert changed["choices"][0]["logprobs"] is None
    assert changed["choices"][1] is REPLY["choices"][1]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"{}", b'{"choices":[]}', b'{"choices":[{}]}', b'{"choices":[1]}', b'{"choices":{"a":1}}', b'{"choices":[{"message":{"tool_calls":{"0":{}}}}]}'])  # fmt: skip
def test_what_is_no_completion_is_refused(body: bytes) -> None:
    """An answer is never guessed."""
    with pytest.raises(UpstreamError):
        chat_reply.parse_reply(body)


def test_a_refusal_reads_the_same_streamed() -> None:
    """Our own reply as chunks joins to our own reply."""
    reply = chat_reply.refusal("id", "m")

    told = read([event(chunk) for chunk in chat_reply.as_chunks(reply)][:-1])

    assert told[0]["message"]["content"] == chat_reply.REFUSAL
    assert orjson.loads(chat_reply.as_chunks(reply)[-1])["choices"][0]["finish_reason"] == "content_filter"
