"""Counting the tokens of a response's request: a number comes back, never a text."""

from __future__ import annotations

import httpx
import pytest

from proxy.dialects.responses_count import COUNT
from proxy.errors import BadRequest, UpstreamError
from proxy.exchange import Exchange
from tests.proxy.dialects.replies import guard
from tests.servers import ADMIN_KEY, Running, Upstream, raw


def test_a_count_is_not_streamed() -> None:
    """The rest of its shape is that of a response."""
    COUNT.check({"model": "m"})
    with pytest.raises(BadRequest, match="stream"):
        COUNT.check({"model": "m", "stream": True})


def test_an_answer_without_a_number_is_none() -> None:
    """A count has no calls and was no use of tokens."""
    answer = COUNT.reply(b'{"object": "response.input_tokens", "input_tokens": 3}')
    exchange = Exchange("/v1/responses/input_tokens", COUNT, guard())

    COUNT.note(exchange, answer)

    assert (exchange.usage, COUNT.reply_calls(answer), COUNT.requested_calls(answer)) == (None, [], [])
    for body in (b"{}", b"[]", b"", b'{"input_tokens": "3"}'):
        with pytest.raises(UpstreamError):
            COUNT.reply(body)


def test_what_would_be_sent_is_counted(proxy: Running, upstream: Upstream) -> None:
    """The provider's own bytes come back; what a rule blocks is not even counted."""
    body = b'{"object": "response.input_tokens", "input_tokens": 11}\n'
    upstream.script = raw(body)
    url, headers = f"{proxy.url}/responses/input_tokens", {"authorization": f"Bearer {ADMIN_KEY}"}

    told = httpx.post(url, json={"model": "gpt-test", "input": "I am ada@example.com"}, headers=headers)
    proxy.recorder.last()
    blocked = httpx.post(url, json={"model": "gpt-test", "input": "kryptonite"}, headers=headers)

    assert told.content == body
    assert upstream.headers[0].startswith(b"POST /v1/responses/input_tokens HTTP")
    assert b"ada@" not in upstream.bodies[0]
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (400, "content_filter")
    assert len(upstream.bodies) == 1
