"""Whole replies of legacy completions."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from proxy.dialects import completions_reply
from proxy.errors import UpstreamError
from tests.proxy.dialects.replies import guard, token, vault

GUARD = guard()
CARD = "4111 1111 1111 1111"


def reply(*texts: str, **more: Any) -> dict[str, Any]:
    """A completion with these texts."""
    choices = [
        {"index": n, "text": t, "logprobs": None, "finish_reason": "stop"} for n, t in enumerate(texts)
    ]
    return {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 1,
        "model": "m",
        "choices": choices,
        **more,
    }


async def test_every_choice_is_edited_and_restored() -> None:
    """Redacted where a rule says so, values in place of tokens, and no logprobs where something changed."""
    known = await vault(GUARD)
    said = reply(f"Card {CARD}", f"Dear {token(known)}", "All is well")
    for choice in said["choices"]:
        choice["logprobs"] = {"tokens": [choice["text"]]}

    verdict = await GUARD.inspect(completions_reply.reply_segments(said), known, reply=True)
    told = completions_reply.restored(said, verdict.edits, known)

    assert [choice["text"] for choice in told["choices"]] == [
        "Card [CARD]",
        "Dear ada@example.com",
        "All is well",
    ]
    assert [choice["logprobs"] for choice in told["choices"]] == [None, None, {"tokens": ["All is well"]}]
    assert completions_reply.restored(reply("Hi"), (), known) == reply("Hi")


async def test_logprobs_that_say_something_else_are_inspected() -> None:
    """Their tokens spell a card that the text does not have."""
    said = reply("Hello")
    said["choices"][0]["logprobs"] = {"tokens": list(CARD)}

    [finding] = (await GUARD.inspect(completions_reply.reply_segments(said), reply=True)).findings

    assert finding.pointer == "/choices/0/logprobs"


def test_a_blocked_reply_says_nothing() -> None:
    """Every choice is empty, its index kept; what could hold text is gone."""
    said = reply("a", "b", later="text", usage={"total_tokens": 3})
    said["choices"][1]["index"] = 7

    told = completions_reply.blocked_reply(said)

    assert told.keys() == {"id", "object", "created", "model", "usage", "choices"}
    assert told["choices"][1] == {"index": 7, "text": "", "logprobs": None, "finish_reason": "content_filter"}


def test_a_refusal_and_its_chunks() -> None:
    """In the shape of a completion; streamed as one chunk for each choice."""
    told = completions_reply.refusal("x", "m")
    [chunk] = completions_reply.as_chunks(told)

    assert told["choices"][0]["finish_reason"] == "content_filter"
    assert "usage" not in told
    assert orjson.loads(chunk) == told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"choices":[]}',
        b'{"choices":[1]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"text":1}]}',
    ],
)
def test_what_is_no_completion_is_an_error(body: bytes) -> None:
    """A provider's fault, told as one."""
    with pytest.raises(UpstreamError):
        completions_reply.parse_reply(body)


def test_an_error_inside_an_answer_keeps_its_code() -> None:
    """As for chat."""
    with pytest.raises(UpstreamError) as raised:
        completions_reply.parse_reply(b'{"error": {"message": "m", "code": "overloaded"}}')

    assert raised.value.code == "overloaded"
