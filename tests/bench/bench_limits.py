"""What limits cost, and whether they hold: `python -m tests.bench.bench_limits [--quick] [--json]`.

CPU of an admission and its settlement in memory and in Redis, what Redis is asked, and 64 callers over two processes
that share a Redis of their own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from proxy.limiter import Limiter
from proxy.limiter_memory import MemoryLimiter
from proxy.limiter_redis import RedisLimiter
from proxy.limits import Limits
from tests.bench.report import Row, command
from tests.proxy.limiters import OwnRedis, demand, known, own_redis

AT = 1_700_000_000
KEY = (
    "key:k",
    Limits(rpm=10**9, tpm=10**9, max_parallel_requests=10**6, budgets={"day": 10**15, "month": 10**16}),
)
TEAM = ("team:default/t", Limits(rpm=10**9, tpm=10**9, budgets={"month": 10**16}))
BUDGET, COST, MOST_PARALLEL = 400_000, 1_000, 8

CALLERS = """
import asyncio, json, sys
from proxy.limiter_redis import RedisLimiter
from proxy.limits import Limits
from tests.proxy.limiters import demand, known

async def main():
    limits = Limits(max_parallel_requests=int(sys.argv[4]), budgets={"total": int(sys.argv[2])})
    limiter = RedisLimiter(sys.argv[1])
    await limiter.start()
    print("ready", flush=True)
    sys.stdin.readline()
    admitted = 0
    async def caller():
        nonlocal admitted
        for _ in range(int(sys.argv[5])):
            asked = demand(("key:contest", limits), cost=int(sys.argv[3]))
            if (await limiter.admit(asked)).refusal is None:
                admitted += 1
                await asyncio.sleep(0.001)
                limiter.settle(asked, 0, int(sys.argv[3]))
            await asyncio.sleep(0.001)
    await asyncio.gather(*(caller() for _ in range(32)))
    await known(limiter)
    await limiter.aclose()
    print(json.dumps(admitted), flush=True)

asyncio.run(main())
"""


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    times = 2_000 if quick else 10_000
    with own_redis() as server:
        in_redis, asked = asyncio.run(_redis(server, times // 10))
        admitted, spent, left = _contest(server, 20 if quick else 60)
    return [
        Row(
            "in memory: CPU of a request",
            1e6 * asyncio.run(_spent(MemoryLimiter(), times)),
            "µs",
            100,
            must=True,
        ),
        Row("in Redis: CPU of a request", 1e6 * in_redis, "µs", 500),
        Row("in Redis: commands before a reply", asked, bar=1, must=True),
        Row("two processes, 64 callers: spent of the budget", 100 * spent / BUDGET, "%", 100, must=True),
        Row("the same: admitted, and not counted", abs(admitted * COST - spent) / COST, bar=0, must=True),
        Row("the same: still reserved at the end", left, bar=0, must=True),
    ]


async def _spent(limiter: Limiter, times: int) -> float:
    """Seconds of CPU of an admission and its settlement, of a key with every limit in a team."""
    asked = [demand(KEY, TEAM, tokens=500, cost=1_000, at_s=AT) for _ in range(times)]
    began = time.thread_time()
    for each in asked:
        await limiter.admit(each)
        limiter.settle(each, 300, 600)
    return (time.thread_time() - began) / times


async def _redis(server: OwnRedis, times: int) -> tuple[float, float]:
    """(seconds of CPU of a request, commands that Redis is sent for an admission)."""
    limiter = RedisLimiter(server.url)
    await limiter.start()
    spent = await _spent(limiter, times)
    await known(limiter)
    with server.client() as client:
        client.config_resetstat()
        for _ in range(times):
            await limiter.admit(demand(KEY, TEAM, tokens=500, cost=1_000, at_s=AT))
        stats: Any = client.info("commandstats")
    await limiter.aclose()
    return spent, stats["cmdstat_evalsha"]["calls"] / times


def _contest(server: OwnRedis, each: int) -> tuple[int, int, int]:
    """(requests admitted, billionths counted as spent, leases left) of two processes with 32 callers each."""
    arguments = [str(value) for value in (server.url, BUDGET, COST, MOST_PARALLEL, each)]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", CALLERS, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        process.stdout.readline()
    told = [process.communicate("go\n")[0] for process in both]
    first = "{guardhouse:limits}:key:contest"
    with server.client() as client:
        spent: Any = client.hget(f"{first}:total:0", "spent")
        left: Any = client.zcard(f"{first}:leases")
    return sum(json.loads(text) for text in told), int(spent or 0), int(left)


if __name__ == "__main__":
    command(__doc__, measure)
