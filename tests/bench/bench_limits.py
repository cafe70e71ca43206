"""What keys and limits cost a request, and whether they hold: `python -m tests.bench.bench_limits [--quick] [--json]`.

CPU of all that they add to a request, in memory and in Redis; what Redis is asked before a reply; then 64 callers with one
key over HTTP: one proxy that counts in memory, and two that share a Redis and a PostgreSQL database of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

sys.path.insert(0, str(Path(__file__).parents[2]))

from proxy import admission, costs, permits
from proxy.context import Context
from proxy.dialects.chat_dialect import CHAT as DIALECT
from proxy.exchange import Exchange
from proxy.key_terms import Terms
from proxy.limiter_redis import RedisLimiter
from proxy.limits import parse_limits
from proxy.store.keys import create_key
from proxy.wire import header_pairs
from tests.bench.limit_contest import contest, kinds
from tests.bench.limit_proxies import ASKED, CHAT, MODEL, TEAM, Caller, Proxies, own_database, running, within
from tests.bench.report import Row, command, median
from tests.proxy.limiters import OwnRedis, known, own_redis
from tests.proxy.policies import policy
from tests.servers import make_app

BATCH = 20
"""Requests that are timed together: the clock is no part of the figure, and few enough to stay in the caches."""
TEXT = (
    "What did the meeting of Tuesday decide about the harbour, and who is to write to the ferry company? " * 3
)
PROVIDER = {"x-ratelimit-remaining-requests": "9999", "x-request-id": "req_1", "openai-version": "2020-10-01"}


def measure(quick: bool) -> Sequence[Row]:
    """The figures."""
    rounds = 50 if quick else 250
    with own_redis() as server, tempfile.TemporaryDirectory() as folder:
        rows = list(_added(Path(folder), server, rounds))
        with running(Path(folder), 1, f"sqlite:///{folder}/contest.sqlite3") as one:
            for kind in kinds(quick):
                rows += contest(one, kind).rows("memory")
        with own_database() as database, running(Path(folder), 2, database, server.url) as two:
            rows += _asked_of_redis(server, two)
            for kind in kinds(quick):
                rows += contest(two, kind).rows("two processes, Redis")
    return rows


# --- CPU


def _added(folder: Path, server: OwnRedis, rounds: int) -> Sequence[Row]:
    """CPU of what keys and limits do for a request: a key with every limit in a team with every limit."""
    app = make_app(folder, "http://127.0.0.1:1/v1", policy(), [MODEL], teams={"contest": TEAM})
    context = app.context
    terms = Terms(team="contest", limits=parse_limits(TEAM))
    bearer = f"Bearer {create_key(context.store, 'bench', terms=terms).secret}"
    context.keyring.refresh(partial(permits.known_keys, context))
    rows = []
    for messages in (4, 200):
        spent = asyncio.run(cpu(context, bearer, messages, rounds))
        rows.append(Row(f"in memory: CPU of a request, {messages} messages", 1e6 * spent, "µs", 100))
    spent = asyncio.run(_cpu_in_redis(context, server, bearer, rounds))
    return [*rows, Row("in Redis: CPU of a request, 4 messages", 1e6 * spent, "µs", 500)]


async def _cpu_in_redis(context: Context, server: OwnRedis, bearer: str, rounds: int) -> float:
    limiter = RedisLimiter(server.url)
    await limiter.start()
    try:
        return await cpu(replace(context, limiter=limiter), bearer, 4, rounds)
    finally:
        await limiter.aclose()


async def cpu(context: Context, bearer: str, messages: int, rounds: int) -> float:
    """Seconds of CPU that one request takes for its key and its limits, from the header to the settlement."""
    spent = []
    for _ in range(rounds):
        exchanges = [_exchange(context, messages) for _ in range(BATCH)]
        began = time.thread_time()
        for exchange in exchanges:
            exchange.principal = context.keyring.principal(bearer)
            permits.check_caller(context, exchange.principal)
            permits.check_model(exchange.principal, exchange.model)
            await admission.admit(context, exchange)
            header_pairs(admission.told(exchange, PROVIDER))
            admission.settle(context, exchange)
        await known(context.limiter)
        spent.append((time.thread_time() - began) / BATCH)
    return median(spent)


def _exchange(context: Context, messages: int) -> Exchange:
    """A chat as the pipeline has it before its admission, and what is known of it at its end."""
    roles = ("user", "assistant")
    chat = [{"role": roles[place % 2], "content": f"{place}. {TEXT}"} for place in range(messages)]
    exchange = Exchange(CHAT, DIALECT, context.policies.guard)
    body = orjson.dumps({**ASKED, "messages": chat})
    exchange.body, exchange.size, exchange.request = body, len(body), orjson.loads(body)
    exchange.model = MODEL["model_name"]
    [deployment] = context.router.resolve(exchange.model)
    exchange.deployment, exchange.upstream_called = deployment.id, True
    exchange.usage = {"prompt_tokens": 70 * messages, "completion_tokens": 12}
    costs.settle(context, exchange)
    return exchange


# --- Redis


def _asked_of_redis(server: OwnRedis, proxies: Proxies, times: int = 11) -> Sequence[Row]:
    """What a proxy asks Redis from a request's coming in to its first text: while that is read, the rest is still written."""
    key_id, secret = proxies.key(team="contest", limits=TEAM)
    told = [_commands(server, proxies, key_id, secret) for _ in range(times)]
    limits = [sum("guardhouse:limits" in each for each in commands) for commands in told]
    note = f"median of {times} requests, {min(limits)} to {max(limits)} with what the background asks"
    return [
        Row("in Redis: commands before a reply, of limits", median(limits), bar=1, must=True, note=note),
        Row("in Redis: the same, whatever for", median([len(commands) for commands in told])),
    ]


def _commands(server: OwnRedis, proxies: Proxies, key_id: str, secret: str) -> list[str]:
    """The commands that came between a request and its first text; those inside scripts are none."""
    leases = f"{{guardhouse:limits}}:key:{key_id}:leases"
    with server.client() as marks, server.client() as watched, watched.monitor() as monitor:
        within(lambda: marks.zcard(leases), 0)
        with contextlib.closing(Caller(proxies.ports[0], secret)) as caller:
            marks.echo("begin")
            reply = caller.begun("POST", CHAT, {**ASKED, "stream": True})
            reply.read(1)
            marks.echo("end")
            reply.read()
        seen: list[str] = []
        while True:
            told: Any = monitor.next_command()
            if told["command"] == "ECHO begin":
                seen.clear()
            elif told["command"] == "ECHO end":
                return seen
            elif told["client_type"] != "lua":
                seen.append(told["command"])


if __name__ == "__main__":
    command(__doc__, measure)
