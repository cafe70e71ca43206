"""Clients of Redis, and what is said of one that cannot be had."""

from __future__ import annotations

import pytest
import redis

from proxy.errors import ConfigError
from proxy.redis_client import away, client, unreachable


@pytest.mark.parametrize("url", ["", "http://localhost", "localhost:6379"])
def test_a_text_that_is_no_url_of_a_redis_is_refused(url: str) -> None:
    """With what to write, and without the text: it may hold a password."""
    with pytest.raises(ConfigError) as caught:
        client(url).connection_pool.make_connection()
    assert "redis://HOST:PORT/0" in str(caught.value)
    assert not url or url not in str(caught.value)


async def test_one_that_does_not_answer_raises_what_away_names() -> None:
    """Within the deadline; told as a class name, without the URL."""
    url = "redis://:password@127.0.0.1:1/0"
    asked = client(url)
    with pytest.raises(away()):
        await asked.ping()
    await asked.aclose()
    assert unreachable(url) == redis.ConnectionError.__name__
