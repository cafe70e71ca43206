"""The one door to Redis: clients with short deadlines, and what can go wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.errors import ConfigError

if TYPE_CHECKING:
    from redis.asyncio import Redis

SECONDS = 0.5
"""How long Redis may take to connect or to answer."""


def client(url: str, seconds: float = SECONDS) -> Redis:
    """A client for a `redis://`, `rediss://` or `unix://` URL, which waits so long. Raises ConfigError otherwise."""
    from redis.asyncio import Redis

    try:
        return Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
    except ValueError:
        raise ConfigError(
            "redis_url is no URL of a Redis.",
            fix="Write redis://HOST:PORT/0, rediss://... or unix://PATH.",
        ) from None


def once(url: str, seconds: float, connections: int) -> Redis:
    """A client as above that asks once and leaves it to its caller to ask again, over a few connections."""
    from redis.asyncio import BlockingConnectionPool, Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    client(url)
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=connections,
        timeout=seconds,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


def away() -> tuple[type[Exception], ...]:
    """What a client raises when Redis does not answer as it should."""
    from redis.exceptions import RedisError

    return RedisError, OSError


def clock(url: str) -> float | None:
    """The time of a Redis in seconds since 1970; None when it does not answer."""
    from redis import Redis

    failures: tuple[type[Exception], ...] = (*away(), ValueError)
    try:
        with Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as asked:
            seconds, microseconds = asked.time()
    except failures:
        return None
    return float(seconds) + float(microseconds) / 1e6


def unreachable(url: str) -> str | None:
    """Why a Redis does not answer, without the URL and what is secret in it; None when it does."""
    from redis import Redis

    failures: tuple[type[Exception], ...] = (*away(), ValueError)
    try:
        with Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as asked:
            asked.ping()
    except failures as error:
        return type(error).__name__
    return None
