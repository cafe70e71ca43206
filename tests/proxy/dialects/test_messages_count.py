"""Counting tokens: a number comes back, never a text."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.dialects.messages_count import COUNT
from proxy.errors import BadRequest
from proxy.exchange import Exchange
from tests.proxy.dialects.replies import guard

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "kryptonite"}]}


def test_a_count_is_not_streamed() -> None:
    """The rest of its shape is that of a message."""
    COUNT.check({**ASK, "stream": False})
    with pytest.raises(BadRequest, match="streamed"):
        COUNT.check({**ASK, "stream": True})


def test_there_is_no_polite_number() -> None:
    """Whatever the policy's style, a block is an error."""
    assert COUNT.refusal(Exchange("/v1/messages/count_tokens", COUNT, guard())) is None


def test_only_the_number_of_a_blocked_answer_is_left() -> None:
    """A count has no calls and was no use of tokens."""
    answer = COUNT.reply(b'{"input_tokens": 3, "new": "kryptonite"}')
    exchange = Exchange("/v1/messages/count_tokens", COUNT, guard())

    COUNT.note(exchange, answer)

    assert COUNT.blocked(answer) == {"input_tokens": 3}
    assert (exchange.usage, COUNT.reply_calls(answer), COUNT.requested_calls(answer)) == (None, [], [])
