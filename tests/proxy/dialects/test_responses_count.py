"""Counting the input of a response: a number comes back, never a text."""

from __future__ import annotations

from typing import Any

import pytest

from guardrails.pseudonyms import Vault
from proxy.dialects.responses_count import COUNT
from proxy.errors import BadRequest, UpstreamError
from proxy.exchange import Exchange
from tests.proxy.dialects.replies import guard

ASK: dict[str, Any] = {"model": "m", "input": "kryptonite"}
PATH = "/v1/responses/input_tokens"


def test_a_count_is_not_streamed() -> None:
    """The rest of its shape is that of a response."""
    COUNT.check({**ASK, "stream": False})
    with pytest.raises(BadRequest, match="streamed"):
        COUNT.check({**ASK, "stream": True})


def test_an_answer_is_a_number() -> None:
    """And nothing else is one; what stands beside it is a text."""
    answer = COUNT.reply(b'{"object": "response.input_tokens", "input_tokens": 3}')

    assert COUNT.reply_texts(answer) == []
    assert [text.text for text in COUNT.reply_texts({**answer, "note": "hi"})] == ["note", "hi"]
    vault = Vault(b"k" * 32, "t", "chat")
    structured = {"text": {"format": {"type": "json_object"}}}
    assert COUNT.restored(answer, [], vault, structured) == answer
    for body in (b"{}", b'{"input_tokens": "3"}', b"[]", b"", b'{"input_tokens": 1, "input_tokens": 2}'):
        with pytest.raises(UpstreamError):
            COUNT.reply(body)


def test_only_the_number_of_a_blocked_answer_is_left() -> None:
    """A count has no calls, was no use of tokens, and cannot refuse politely."""
    answer = COUNT.reply(b'{"object": "response.input_tokens", "input_tokens": 3, "new": "kryptonite"}')
    exchange = Exchange(PATH, COUNT, guard())

    COUNT.note(exchange, answer)

    assert COUNT.blocked(answer) == {"object": "response.input_tokens", "input_tokens": 3}
    assert (exchange.usage, COUNT.reply_calls(answer), COUNT.requested_calls(answer)) == (None, [], [])
    assert COUNT.refusal(exchange) is None
