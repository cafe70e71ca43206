"""The Messages dialect as the pipeline uses it."""

from __future__ import annotations

from typing import Any

from guardrails.pseudonyms import INSTRUCTION
from proxy.dialects.base import Dialect
from proxy.dialects.messages_count import COUNT
from proxy.dialects.messages_dialect import MESSAGES
from proxy.errors import UpstreamError
from tests.proxy.dialects.replies import guard, vault

GUARD = guard()
ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "I am ada@example.com"}]}


def test_it_is_a_dialect() -> None:
    """Both routes."""
    dialects: list[Dialect] = [MESSAGES, COUNT]

    assert [dialect.name for dialect in dialects] == ["messages", "messages_count"]
    assert {dialect.done for dialect in dialects} == {b""}


async def test_the_model_is_told_of_tokens_and_the_trace_is_not() -> None:
    """What is ours goes to neither."""
    known = await vault(GUARD)
    request = {**ASK, "guardhouse": {"retrieval": []}}
    verdict = await GUARD.inspect(MESSAGES.texts(request), known)
    edited = MESSAGES.edited(request, verdict.edits)

    sent, kept = MESSAGES.outgoing(edited, verdict.edits, known), MESSAGES.stored(edited)

    assert sent["system"] == INSTRUCTION
    assert kept == {**ASK, "messages": edited["messages"]}
    assert "ada@" not in repr([sent, kept])
    assert MESSAGES.outgoing(ASK, (), known) == ASK


def test_errors_have_a_name_of_their_own_in_a_stream() -> None:
    """The official client raises for an event of that name."""
    told = MESSAGES.error_event(UpstreamError("It broke.", code="overloaded_error"))

    assert told.startswith(b"event: error\ndata: {")
    assert b'"overloaded_error"' in told
    assert told.endswith(b"\n\n")
