"""Limits that several processes count together, and what happens when Redis is slow, away, emptied or back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Lost

from proxy import limiter_redis as module
from proxy.errors import ConfigError, Unavailable
from proxy.limiter_redis import RedisLimiter
from proxy.limits import Limits
from tests.proxy.limiters import OwnRedis, demand, known, own_redis

pytestmark = pytest.mark.services

KEY = "key:k"
AT = 1_700_000_000
DAY = f"{{guardhouse:limits}}:{KEY}:day:{AT - AT % 86_400}"
LEASES = f"{{guardhouse:limits}}:{KEY}:leases"
BUDGET = Limits(budgets={"day": 10_000})


@pytest.fixture(scope="module")
def _server() -> Iterator[OwnRedis]:
    with own_redis() as server:
        yield server


@pytest.fixture
def server(_server: OwnRedis) -> OwnRedis:
    """A Redis that has nothing in it."""
    with _server.client() as client:
        client.flushall()
        client.config_resetstat()
    return _server


@pytest.fixture
async def made(server: OwnRedis) -> AsyncIterator[Callable[..., Any]]:
    """Makes limiters that have begun, and ends them."""
    limiters: list[RedisLimiter] = []

    async def make(**options: Any) -> RedisLimiter:
        limiter = RedisLimiter(server.url, **options)
        await limiter.start()
        limiters.append(limiter)
        return limiter

    yield make
    for limiter in limiters:
        await limiter.aclose()


async def until(holds: Callable[[], Any]) -> None:
    """Returns when something holds; the test's own deadline ends the wait."""
    while not holds():
        await asyncio.sleep(0.02)


async def test_a_request_asks_once(server: OwnRedis, made: Any) -> None:
    """Of an admission Redis sees one command, and of all settlements together fewer than there are requests."""
    limiter = await made()
    scopes = (
        (KEY, Limits(rpm=1000, tpm=10**6)),
        ("team:default/t", Limits(rpm=1000, budgets={"day": 10**9})),
    )
    await limiter.admit(demand(*scopes, tokens=1, cost=1))
    with server.client() as client:
        client.config_resetstat()
        for _ in range(20):
            await limiter.admit(demand(*scopes, tokens=1, cost=1))
        stats: Any = client.info("commandstats")

    assert stats["cmdstat_evalsha"]["calls"] == 20
    assert "cmdstat_eval" not in stats


async def test_processes_count_together(server: OwnRedis, made: Any) -> None:
    """64 callers over two limiters stay within every limit, and all that was spent is counted, to the billionth."""
    limits = Limits(rpm=200, max_parallel_requests=9, budgets={"day": 150_000})
    both = [await made(), await made()]
    admitted = under_way = most = spent = reserved = 0

    async def caller(number: int) -> None:
        nonlocal admitted, under_way, most, spent, reserved
        for each in range(8):
            limiter = both[(number + each) % 2]
            asked = demand((KEY, limits), cost=1_000, at_s=AT)
            if (await limiter.admit(asked)).refusal is None:
                admitted, under_way, reserved = admitted + 1, under_way + 1, reserved + 1_000
                most = max(most, under_way)
                assert spent + reserved <= 150_000 or reserved == 1_000
                await asyncio.sleep(0.001)
                under_way, reserved, spent = under_way - 1, reserved - 1_000, spent + 801
                limiter.settle(asked, 0, 801)
            await asyncio.sleep(0.002)

    await asyncio.gather(*(caller(number) for number in range(64)))
    for limiter in both:
        await known(limiter)

    assert 0 < admitted <= 200
    assert most <= 9
    with server.client() as client:
        assert int(client.hget(DAY, "spent") or 0) == spent == 801 * admitted
        assert client.zcard(LEASES) == 0
        sums = client.hgetall(f"{{guardhouse:limits}}:{KEY}:reserved")
        assert {int(value) for value in sums.values()} <= {0}


async def test_an_answer_that_is_lost_counts_nothing_twice(server: OwnRedis, made: Any) -> None:
    """Redis has applied a batch, the connection breaks before it says so, and the batch is sent again."""
    limiter = await made()
    real, sent = limiter._apply, 0

    async def losing(**told: Any) -> Any:
        nonlocal sent
        answer, sent = await real(**told), sent + 1
        if sent == 1:
            raise Lost("the answer is lost")
        return answer

    first = demand((KEY, BUDGET), cost=50, at_s=AT)
    await limiter.admit(first)
    limiter._apply = losing
    limiter.settle(first, 0, 40)
    await known(limiter)

    assert sent >= 2
    with server.client() as client:
        assert client.hget(DAY, "spent") == b"40"


async def test_redis_goes_and_comes_back(
    server: OwnRedis, made: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Meanwhile this process counts by what it knew, says so once, and tells Redis all of it afterwards."""
    limiter = await made()
    limits = Limits(rpm=10, tpm=1_000, max_parallel_requests=3, budgets={"day": 1_000})
    before = [demand((KEY, limits), tokens=10, cost=10, at_s=AT) for _ in range(2)]
    for each in before:
        assert (await limiter.admit(each)).refusal is None
    limiter.settle(before[0], 7, 300)
    await known(limiter)
    await limiter.admit(demand((KEY, Limits(rpm=10, tpm=1_000, budgets={"day": 1})), cost=1, at_s=AT))
    server.stop()
    try:
        during = [demand((KEY, limits), tokens=10, cost=10, at_s=AT) for _ in range(3)]
        answers = [await limiter.admit(each) for each in during]
        trouble = limiter.trouble()
        limiter.settle(during[0], 5, 400)
        spent = await limiter.admit(demand((KEY, limits), tokens=0, cost=900, at_s=AT))
    finally:
        server.start()
    await until(lambda: limiter.trouble() is None)
    await known(limiter)

    assert trouble is not None
    assert [each.refusal and each.refusal.kind for each in answers] == [None, None, "parallel"]
    assert answers[0].standings[0].requests == 3
    assert spent.refusal is not None
    assert (spent.refusal.kind, spent.refusal.used) == ("budget", 700)
    assert [
        record.levelname for record in caplog.records if "cannot be counted in Redis" in record.message
    ] == ["WARNING"]
    with server.client() as client:
        assert client.zcard(LEASES) == 2
        assert client.hget(DAY, "spent") == b"400"
    again = await limiter.admit(demand((KEY, Limits(budgets={"day": 1})), cost=1, at_s=AT))
    assert again.refusal is not None
    assert limiter.trouble() is None


async def test_nothing_passes_without_redis_where_that_is_asked_for(server: OwnRedis, made: Any) -> None:
    """With `refuse`, a limited request is told to come again, and nothing is left reserved."""
    limiter = await made(refuse=True)
    server.stop()
    try:
        with pytest.raises(Unavailable) as told:
            await limiter.admit(demand((KEY, Limits(rpm=5))))
        with pytest.raises(Unavailable):
            await limiter.admit(demand((KEY, Limits(rpm=5))))
    finally:
        server.start()
    await until(lambda: limiter.trouble() is None)

    assert told.value.headers["retry-after"] == "1"
    assert limiter.leases == 0
    assert (await limiter.admit(demand((KEY, Limits(rpm=5))))).standings[0].requests == 1


async def test_a_redis_that_hangs_keeps_nobody_waiting(server: OwnRedis, made: Any) -> None:
    """The first request gives up on it; those after it do not even ask. What was late is counted once."""
    limiter = await made()
    await limiter.admit(demand((KEY, Limits(rpm=100))))
    process = server._process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        first = await limiter.admit(demand((KEY, Limits(rpm=100))))
        asked = limiter._admit
        limiter._admit = None  # whoever asks now fails
        later = [await limiter.admit(demand((KEY, Limits(rpm=100)))) for _ in range(50)]
        limiter._admit = asked
    finally:
        process.send_signal(signal.SIGCONT)
    await until(lambda: limiter.trouble() is None)
    await known(limiter)

    assert first.refusal is None
    assert all(each.refusal is None for each in later)
    answer = await limiter.admit(demand((KEY, Limits(rpm=100))))
    assert answer.standings[0].requests == 53


async def test_a_caller_who_leaves_while_redis_is_asked_leaves_nothing(server: OwnRedis, made: Any) -> None:
    """The admission that nobody waits for any more is given back, whenever Redis answers."""
    limiter = await made()
    for waits in (0.0, 0.0005, 0.001):
        asking = asyncio.create_task(limiter.admit(demand((KEY, Limits(max_parallel_requests=1)))))
        await asyncio.sleep(waits)
        asking.cancel()
        await asyncio.wait({asking})
        if not asking.cancelled():
            limiter.settle(next(iter(limiter._leases.values())), 0, 0)
        with server.client() as client:
            await until(lambda: not limiter.leases and client.zcard(LEASES) == 0)

    assert (await limiter.admit(demand((KEY, Limits(max_parallel_requests=1))))).refusal is None


async def test_leases_are_renewed_while_a_request_is_under_way(
    server: OwnRedis, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was about to lapse is good for another minute, however long its request takes."""
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.02)
    limiter = await made()
    long = demand((KEY, Limits(max_parallel_requests=1)))
    await limiter.admit(long)
    with server.client() as client:
        soon = time.time() * 1000 + 5_000
        client.zadd(LEASES, {long.id: soon})
        await until(lambda: (client.zscore(LEASES, long.id) or 0) > soon + 20_000)
        client.zrem(LEASES, long.id)
        await until(lambda: client.zscore(LEASES, long.id) is not None)


async def test_leases_of_a_process_that_is_gone_lapse(server: OwnRedis, made: Any) -> None:
    """Their time is over: whoever asks next finds the place, the tokens and the money free again."""
    limits = Limits(tpm=100, max_parallel_requests=1, budgets={"day": 100})
    gone, limiter = await made(), await made()
    left = demand((KEY, limits), tokens=90, cost=90, at_s=AT)
    await gone.admit(left)
    refused = await limiter.admit(demand((KEY, limits), tokens=90, cost=90, at_s=AT))
    with server.client() as client:
        client.zadd(LEASES, {left.id: time.time() * 1000 - 1})

    answer = await limiter.admit(demand((KEY, limits), tokens=90, cost=90, at_s=AT))

    assert refused.refusal is not None
    assert answer.refusal is None
    assert answer.standings[0].tokens == 90


async def test_a_redis_that_was_emptied_is_told_again(server: OwnRedis, made: Any) -> None:
    """It gets what it said last at once, and the rest from the database."""
    limiter = await made()
    first = demand((KEY, BUDGET), cost=50, at_s=AT)
    await limiter.admit(first)
    limiter.settle(first, 0, 4_000)
    await known(limiter)
    await limiter.seed([(KEY, BUDGET)], lambda *_: 0, AT)
    await limiter.admit(demand((KEY, Limits(budgets={"day": 1})), cost=1, at_s=AT))
    with server.client() as client:
        client.flushall()
        answer = await limiter.admit(demand((KEY, Limits(budgets={"day": 1})), cost=1, at_s=AT))
        await limiter.seed([(KEY, BUDGET)], lambda *_: 9_000, AT + 3)

        assert answer.refusal is not None
        assert answer.refusal.used == 4_000
        assert client.hget(DAY, "spent") == b"9000"


async def test_what_waits_too_long_is_kept_as_money(
    server: OwnRedis, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Redis is away for long the memory stays bounded, and every billionth arrives in the end."""
    monkeypatch.setattr(module, "_MOST_WAITING", 20)
    limiter = await made()
    server.stop()
    try:
        for _ in range(200):
            each = demand((KEY, BUDGET), cost=1, at_s=AT)
            assert (await limiter.admit(each)).refusal is None
            limiter.settle(each, 0, 3)
            assert len(limiter._waiting) <= 20
    finally:
        server.start()
    await until(lambda: limiter.trouble() is None)
    await known(limiter)

    with server.client() as client:
        assert client.hget(DAY, "spent") == b"600"


async def test_what_was_used_is_told_before_the_end(server: OwnRedis) -> None:
    """A process that stops has settled everything."""
    limiter = RedisLimiter(server.url)
    await limiter.start()
    asked = [demand((KEY, BUDGET), cost=1, at_s=AT) for _ in range(300)]
    for each in asked:
        await limiter.admit(each)
    for each in asked:
        limiter.settle(each, 0, 2)
    await limiter.aclose()

    with server.client() as client:
        assert client.hget(DAY, "spent") == b"600"
        assert client.zcard(LEASES) == 0


async def test_what_is_no_url_is_refused() -> None:
    """With what to write instead."""
    with pytest.raises(ConfigError, match="redis_url"):
        RedisLimiter("not a url")


KILLED = """
import asyncio, json, sys
from proxy.limiter_redis import RedisLimiter
from proxy.limits import Limits
from tests.proxy.limiters import demand

async def hold():
    limiter = RedisLimiter(sys.argv[1])
    await limiter.start()
    for _ in range(3):
        answer = await limiter.admit(demand(("key:k", Limits(max_parallel_requests=3))))
        assert answer.refusal is None
    print(json.dumps("holds"), flush=True)
    await asyncio.sleep(600)

asyncio.run(hold())
"""


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_process_that_is_killed_frees_its_leases(server: OwnRedis, made: Any) -> None:
    """kill -9 of a process with every place taken: within 90 seconds there are places again, by themselves."""
    holder = subprocess.Popen(
        [sys.executable, "-c", KILLED, server.url],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert holder.stdout is not None
    assert json.loads(holder.stdout.readline()) == "holds"
    limiter = await made()
    asked = demand((KEY, Limits(max_parallel_requests=3)))
    assert (await limiter.admit(asked)).refusal is not None
    holder.kill()
    holder.wait()
    holder.stdout.close()
    killed = time.monotonic()

    while (await limiter.admit(demand((KEY, Limits(max_parallel_requests=3))))).refusal is not None:
        assert time.monotonic() - killed < 90
        await asyncio.sleep(1)
