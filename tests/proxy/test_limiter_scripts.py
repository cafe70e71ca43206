"""The scripts of Redis: what is older than a minute counts no more, by Redis' own clock."""

from __future__ import annotations

import pytest
import redis

from proxy.exchange import new_id
from proxy.limiter_redis import RedisLimiter
from proxy.limits import Limits
from tests.proxy.limiters import demand
from tests.proxy.test_vaults import redis_url

pytestmark = pytest.mark.services


async def test_a_minute_has_61_slots() -> None:
    """Seconds from 60 ago until now count; older ones, and those of a clock that was far ahead, are forgotten."""
    prefix, limits = f"test:{new_id()}", Limits(rpm=100_000)
    limiter = RedisLimiter(redis_url(), prefix=prefix)
    await limiter.start()
    key = f"{{{prefix}}}:key:k:requests"
    with redis.Redis.from_url(redis_url()) as client:
        now = int(client.time()[0])
        slots = {now - 61: 1_000, now - 100: 1_000, now + 3_600: 1_000, now - 50: 20, now - 5: 300}
        client.hset(key, mapping={str(at): amount for at, amount in slots.items()})

        answer = await limiter.admit(demand(("key:k", limits)))

        assert answer.standings[0].requests == 321
        assert {int(at) for at in client.hkeys(key)} >= {now - 50, now - 5}
        assert not {now - 61, now - 100, now + 3_600} & {int(at) for at in client.hkeys(key)}
        assert 0 < client.ttl(key) <= 180
    await limiter.aclose()


async def test_the_time_to_wait_is_that_of_the_slots() -> None:
    """As long as it takes until enough of what was counted is old."""
    prefix, limits = f"test:{new_id()}", Limits(rpm=10)
    limiter = RedisLimiter(redis_url(), prefix=prefix)
    await limiter.start()
    with redis.Redis.from_url(redis_url()) as client:
        now = int(client.time()[0])
        client.hset(f"{{{prefix}}}:key:k:requests", mapping={str(now - 30): 2, str(now - 20): 10})

        refusal = (await limiter.admit(demand(("key:k", limits)))).refusal

    assert refusal is not None
    assert refusal.used == 12
    assert refusal.wait_s is not None
    assert 36 < refusal.wait_s <= 41
    await limiter.aclose()
